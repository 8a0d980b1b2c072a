// What tasks print, merged. With the name of a task or group as the filter, more of its past is
// asked for than the page keeps of all.

import { askLines } from './api.js';
import { byId, el, setText, settled } from './dom.js';
import { clock, counted, hue } from './format.js';
import { List } from './list.js';

/** So many lines of one task's or group's past are asked for. */
const PAST_LINES = 2000;

export class Logs {
  constructor(store) {
    this.store = store;
    this.filter = byId('logs-filter');
    this.check = byId('logs-follow');
    this.counted = byId('logs-count');
    this.shown = [];
    this.past = [];
    this.list = new List(byId('logs'), {
      draw: drawLine,
      onFollow: (isFollowing) => {
        this.check.checked = isFollowing;
      },
    });
    this.check.addEventListener('change', () => this.list.follow(this.check.checked));
    const ask = settled(() => this.askPast(), 200);
    this.filter.addEventListener('input', () => {
      this.past = [];
      this.choose();
      ask();
    });
    this.filter.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.filter.value) return;
      this.show('');
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Shows the log of a task. */
  show(task) {
    this.filter.value = task;
    this.past = [];
    this.choose();
    this.askPast();
  }

  /** The task or group whose name the filter is, if it is one. */
  whose() {
    const name = this.filter.value.trim();
    const isOne = this.store.tasks.has(name) || this.store.groups.has(name);
    return isOne || name === 'scheduler' ? name : '';
  }

  matches() {
    const text = this.filter.value.trim().toLowerCase();
    const name = this.whose();
    if (!text) return () => true;
    if (name && !this.store.groups.has(name)) return (line) => line.task === name;
    if (name) return (line) => line.task.slice(0, line.task.lastIndexOf('-')) === name;
    return (line) =>
      line.task.toLowerCase().includes(text) || line.line.toLowerCase().includes(text);
  }

  choose() {
    this.isMatch = this.matches();
    const kept = this.store.lines.entries;
    const first = kept.length ? kept[0].seq : Infinity;
    const before = this.past.filter((line) => line.seq < first);
    this.shown = [...before, ...kept.filter(this.isMatch)];
    this.dropped = this.store.lines.dropped;
    this.draw(0);
  }

  async askPast() {
    const name = this.whose();
    if (!name) return;
    try {
      const query = new URLSearchParams({ tasks: name, tail: PAST_LINES });
      const past = await askLines(`/v1/logs?${query}`);
      if (this.whose() !== name) return;
      this.past = past;
      this.choose();
    } catch {
      // What the page has kept is shown all the same.
    }
  }

  update(news) {
    if (!news.lines.length && !news.isSnapshot) return;
    if (news.isSnapshot || !this.isMatch || this.dropped !== this.store.lines.dropped) {
      this.choose();
      return;
    }
    for (const line of news.lines) if (this.isMatch(line)) this.shown.push(line);
    this.draw(0);
  }

  draw(dropped) {
    this.list.setItems(this.shown, dropped);
    setText(this.counted, counted(this.shown.length, this.store.lines));
  }
}

function drawLine(node, line) {
  if (!node.firstChild) {
    node.append(
      el('time'),
      el('span', { class: 'who' }),
      el('span', { class: 'err' }),
      el('span', { class: 'text' }),
    );
  }
  const [time, who, err, text] = node.children;
  setText(time, clock(line.time).slice(0, 12));
  setText(who, line.task);
  who.className = `who ${hue(line.task)}`;
  setText(err, line.stream === 'stderr' ? 'err' : '');
  setText(text, line.line);
}
