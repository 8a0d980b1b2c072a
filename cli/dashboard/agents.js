// Agents as boxes, with their tasks as cells: a letter and a colour for each state.

import { byId, el, setClass, setText } from './dom.js';
import { KINDS, count, plural } from './format.js';

/** So many cells are drawn altogether; beyond that, boxes say how many more there are. */
const CELLS_MAX = 4000;

/** So many cells has a box, however many boxes there are and however few. */
const CELLS_PER_BOX = [16, 600];

export class Agents {
  constructor(store, { onOpen, onAgent }) {
    this.store = store;
    this.place = byId('agents');
    this.boxes = new Map();
    this.onAgent = onAgent;
    this.place.addEventListener('keydown', (event) => this.key(event));
    this.place.addEventListener('click', (event) => {
      const cell = event.target.closest('.cell');
      const row = cell && store.tasks.get(cell.dataset.task);
      if (row) onOpen(row);
    });
    byId('legend').append(
      ...KINDS.map(([kind, letter, word]) =>
        el('li', {}, el('span', { class: `cell ${kind}`, 'aria-hidden': 'true' }, letter), word),
      ),
    );
  }

  update(news) {
    if (news.isSnapshot) this.empty();
    const touched = new Set();
    for (const row of news.tasks) {
      const agent = row.task.agent;
      if (row.box && row.box.agent !== agent) {
        row.box.rows.delete(row);
        row.box.isStale = true;
        touched.add(row.box);
        row.box = null;
      }
      if (!agent) continue;
      if (!row.box) {
        row.box = this.box(agent);
        row.box.rows.add(row);
        row.box.isStale = true;
      }
      if (row.cell?.row === row) drawCell(row.cell, row);
      touched.add(row.box);
    }
    if (news.status) this.boxes.forEach((box) => touched.add(box));
    touched.forEach((box) => this.show(box));
    if (news.isSnapshot) this.removeEmpty();
  }

  /** Cells stay where they are and change there; only other tasks make others. */
  show(box) {
    this.title(box);
    if (!box.isStale) return;
    box.isStale = false;
    const each = Math.floor(CELLS_MAX / Math.max(1, this.boxes.size));
    this.draw(box, Math.max(CELLS_PER_BOX[0], Math.min(CELLS_PER_BOX[1], each)));
  }

  /** Boxes and cells stay, so that the focus does; whatever is in them is told anew. */
  empty() {
    for (const box of this.boxes.values()) {
      box.rows.clear();
      box.isStale = true;
    }
  }

  removeEmpty() {
    for (const [agent, box] of this.boxes) {
      if (box.rows.size) continue;
      box.node.remove();
      this.boxes.delete(agent);
    }
  }

  /** From cell to cell of a box. The one that had the focus last is where Tab comes to. */
  key(event) {
    const cell = event.target.closest('.cell');
    if (!cell) return;
    const cells = [...cell.parentNode.children];
    const at = cells.indexOf(cell);
    const below = cells.findIndex((it) => it.offsetTop > cells[0].offsetTop);
    const wide = below < 0 ? cells.length : below;
    const moves = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + wide,
      ArrowUp: at - wide,
      Home: 0,
      End: cells.length - 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = cells[moves[event.key]];
    if (!next) return;
    for (const it of cells) it.tabIndex = it === next ? 0 : -1;
    next.focus();
  }

  box(agent) {
    const known = this.boxes.get(agent);
    if (known) return known;
    const name = el('button', { type: 'button', class: 'link' });
    const counted = el('span', { class: 'count' });
    const cells = el('div', { class: 'cells' });
    const more = el('p', { class: 'count', hidden: true });
    const head = el('h3', {}, name, counted);
    const node = el('section', { class: 'box' }, head, cells, more);
    const box = { agent, node, name, counted, cells, more, rows: new Set(), pool: [] };
    name.addEventListener('click', () => this.onAgent(this.store.hostOf(agent)));
    this.boxes.set(agent, box);
    this.place.append(node);
    return box;
  }

  title(box) {
    const host = this.store.hostOf(box.agent);
    setText(box.name, host);
    box.name.title = `Show the tasks of ${box.agent}`;
    let live = 0;
    for (const row of box.rows) if (row.state.kind === 'up') live += 1;
    const all = box.rows.size;
    setText(box.counted, live === all ? plural(all, 'task') : `${count(live)} of ${plural(all, 'task')} running`);
  }

  draw(box, max) {
    const rows = [...box.rows].slice(0, max);
    while (box.pool.length > rows.length) box.pool.pop().node.remove();
    while (box.pool.length < rows.length) {
      const node = el('button', { type: 'button', tabIndex: -1 });
      box.cells.append(node);
      box.pool.push({ node, row: null, stateName: '' });
    }
    rows.forEach((row, index) => drawCell(box.pool[index], row));
    // Tab comes to one of them.
    const hasEntry = box.pool.some(({ node }) => node.tabIndex === 0);
    if (!hasEntry && box.pool.length) box.pool[0].node.tabIndex = 0;
    const left = box.rows.size - rows.length;
    box.more.hidden = left === 0;
    if (left) setText(box.more, `and ${count(left)} more`);
  }
}

function drawCell(cell, row) {
  row.cell = cell;
  if (cell.row === row && cell.stateName === row.stateName) return;
  cell.row = row;
  cell.stateName = row.stateName;
  setClass(cell.node, `cell ${row.state.kind}`);
  setText(cell.node, row.state.letter);
  cell.node.dataset.task = row.name;
  cell.node.title = `${row.name}: ${row.state.word}`;
  cell.node.ariaLabel = cell.node.title;
}
