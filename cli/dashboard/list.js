// A list of lines, as long as wanted, of which only those in sight are elements. It can follow its
// end; whoever scrolls back is left alone.

import { el } from './dom.js';

/** The height of a line; the same as `--line` in the style sheet. */
const LINE_HEIGHT = 20;

/** So many lines are made beyond the edge of what is in sight. */
const BEYOND = 6;

export class List {
  /**
   * `draw(node, item)` makes an element show an item; `onFollow(bool)` hears of what scrolling says.
   * With `onOpen(item)` arrows move a mark from line to line, Enter and a click open one.
   */
  constructor(scroll, { draw, onFollow, onOpen }) {
    this.scroll = scroll;
    this.drawItem = draw;
    this.onFollow = onFollow ?? (() => {});
    this.onOpen = onOpen;
    this.marked = null;
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
    if (!onOpen) return;
    scroll.addEventListener('keydown', (event) => this.key(event));
    scroll.addEventListener('click', (event) => this.click(event));
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.height / LINE_HEIGHT) - 1);
    const last = this.items.length - 1;
    const at = this.items.lastIndexOf(this.marked);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    if (event.key === 'Enter' && at >= 0) this.onOpen(this.marked);
    else if (!(event.key in moves) || last < 0) return;
    // The newest is where one comes from.
    else this.mark(at < 0 && event.key !== 'Home' ? last : moves[event.key]);
    event.preventDefault();
  }

  click(event) {
    const line = this.pool.find(({ node }) => node.contains(event.target));
    if (!line) return;
    const { item } = line;
    this.mark(this.items.lastIndexOf(item));
    this.onOpen(item);
  }

  /** Marks an item, and brings it into sight; the end is followed only from the last one. */
  mark(index) {
    const last = this.items.length - 1;
    const within = Math.max(0, Math.min(index, last));
    this.marked = this.items[within];
    this.told(within === last);
    const top = within * LINE_HEIGHT;
    const room = this.height - LINE_HEIGHT;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top > this.scroll.scrollTop + room) this.scroll.scrollTop = top - room;
    this.render();
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
    // Growing is no scrolling: only a way up says that somebody wants to stay. It may begin with
    // less than a line, as wheels and keys do; where there is less to show, it leads to the end.
    const wentUp = this.scroll.scrollTop < this.lastTop;
    this.lastTop = this.scroll.scrollTop;
    if (this.isFollowing && wentUp && left > 1) this.told(false);
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
      if (this.onOpen) {
        node.id = `${this.scroll.id}-${this.pool.length}`;
        node.setAttribute('role', 'option');
      }
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
    if (this.onOpen) this.renderMark();
  }

  renderMark() {
    let active = '';
    for (const line of this.pool) {
      const isMarked = line.item === this.marked;
      if (isMarked) active = line.node.id;
      if (line.isMarked === isMarked) continue;
      line.isMarked = isMarked;
      line.node.className = isMarked ? 'line marked' : 'line';
      line.node.setAttribute('aria-selected', String(isMarked));
    }
    if (this.active === active) return;
    this.active = active;
    if (active) this.scroll.setAttribute('aria-activedescendant', active);
    else this.scroll.removeAttribute('aria-activedescendant');
  }
}
