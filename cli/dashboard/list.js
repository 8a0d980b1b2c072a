// A list of lines, as long as wanted, of which only those in sight are elements. It can follow its
// end; whoever scrolls back is left alone.

import { el } from './dom.js';

/** The height of a line; the same as `--line` in the style sheet. */
const LINE_HEIGHT = 20;

/** So many lines are made beyond the edge of what is in sight. */
const BEYOND = 6;

export class List {
  /** `draw(node, item)` makes an element show an item; `onFollow(bool)` hears of what scrolling says. */
  constructor(scroll, { draw, onFollow }) {
    this.scroll = scroll;
    this.drawItem = draw;
    this.onFollow = onFollow ?? (() => {});
    this.items = [];
    this.pool = [];
    this.isFollowing = true;
    this.height = scroll.clientHeight;
    this.room = el('div', { class: 'room' });
    scroll.append(this.room);
    scroll.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => {
      this.height = scroll.clientHeight;
      this.render();
    }).observe(scroll);
  }

  /** Shows these items; `dropped` of those that were first before are gone. */
  setItems(items, dropped = 0) {
    this.items = items;
    const isAway = !this.isFollowing && dropped > 0;
    const top = this.scroll.scrollTop;
    this.render();
    if (isAway) this.scroll.scrollTop = Math.max(0, top - dropped * LINE_HEIGHT);
  }

  /** Stays at the end from now on, or does not. */
  follow(isFollowing) {
    this.isFollowing = isFollowing;
    this.render();
  }

  scrolled() {
    const left = this.scroll.scrollHeight - this.scroll.clientHeight - this.scroll.scrollTop;
    const isAtEnd = left < LINE_HEIGHT;
    // Growing is no scrolling: only a way up says that somebody wants to stay.
    const wentUp = this.scroll.scrollTop < this.lastTop;
    this.lastTop = this.scroll.scrollTop;
    if (this.isFollowing && wentUp && !isAtEnd) this.told(false);
    else if (!this.isFollowing && isAtEnd && !wentUp) this.told(true);
    this.render();
  }

  told(isFollowing) {
    this.isFollowing = isFollowing;
    this.onFollow(isFollowing);
  }

  render() {
    const all = this.items.length * LINE_HEIGHT;
    const height = `${all}px`;
    if (this.room.style.height !== height) this.room.style.height = height;
    if (this.isFollowing && all > this.height) {
      this.scroll.scrollTop = all;
      this.lastTop = this.scroll.scrollTop;
    }
    const top = this.isFollowing ? Math.max(0, all - this.height) : this.scroll.scrollTop;
    const first = Math.max(0, Math.floor(top / LINE_HEIGHT) - BEYOND);
    const wanted = Math.ceil(this.height / LINE_HEIGHT) + 2 * BEYOND;
    const shown = Math.max(0, Math.min(wanted, this.items.length - first));
    while (this.pool.length > shown) this.pool.pop().node.remove();
    while (this.pool.length < shown) {
      const node = el('div', { class: 'line' });
      this.room.append(node);
      this.pool.push({ node, item: null });
    }
    for (let index = 0; index < shown; index += 1) {
      const line = this.pool[index];
      const item = this.items[first + index];
      if (line.item !== item) {
        line.item = item;
        this.drawItem(line.node, item);
      }
      const at = `translateY(${(first + index) * LINE_HEIGHT}px)`;
      if (line.at !== at) {
        line.at = at;
        line.node.style.transform = at;
      }
    }
  }
}
