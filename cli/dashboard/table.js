// A table of as many rows as wanted, of which only those in sight are elements.
//
// The table itself has the focus; arrows move a mark from row to row, Enter opens the marked one.

import { el, setClass, setText } from './dom.js';

/** The height of a row; the same as `--row` in the style sheet. */
const ROW_HEIGHT = 30;

/** So many rows are made beyond the edge of what is in sight. */
const BEYOND = 4;

export class Table {
  /**
   * `columns`: `{key, title, text(row), class?(row), name}`; `text` must be cheap, it is called for
   * each row in sight. `onSort(key)` and `onOpen(row)` say what was asked for.
   */
  constructor(scroll, { label, onSort, onOpen }) {
    this.scroll = scroll;
    this.onSort = onSort;
    this.onOpen = onOpen;
    this.rows = [];
    this.marked = null;
    this.pool = [];
    this.height = scroll.clientHeight;
    this.headRow = el('tr');
    this.above = el('tr', { class: 'space', 'aria-hidden': 'true' }, el('td'));
    this.below = el('tr', { class: 'space', 'aria-hidden': 'true' }, el('td'));
    this.body = el('tbody', {}, this.above, this.below);
    this.table = el(
      'table',
      { role: 'grid', tabIndex: 0, 'aria-label': label },
      el('thead', {}, this.headRow),
      this.body,
    );
    scroll.append(this.table);
    scroll.addEventListener('scroll', () => this.render(), { passive: true });
    new ResizeObserver(() => {
      this.height = scroll.clientHeight;
      this.render();
    }).observe(scroll);
    this.body.addEventListener('click', (event) => this.click(event));
    this.table.addEventListener('keydown', (event) => this.key(event));
  }

  /** Shows these columns. */
  setColumns(columns) {
    this.columns = columns;
    this.pool.forEach((line) => line.node.remove());
    this.pool = [];
    const heads = columns.map(({ key, title, name, hint }) => {
      const button = el('button', { type: 'button', title: hint ?? '' }, title);
      button.addEventListener('click', () => this.onSort(key));
      return el('th', { class: name, scope: 'col' }, button);
    });
    this.headRow.replaceChildren(...heads);
    for (const space of [this.above, this.below]) space.firstChild.colSpan = columns.length;
  }

  /** Says by which column the rows are sorted. */
  setSorted(key, isDescending) {
    this.columns.forEach((column, index) => {
      const head = this.headRow.children[index];
      if (column.key !== key) head.removeAttribute('aria-sort');
      else head.setAttribute('aria-sort', isDescending ? 'descending' : 'ascending');
    });
  }

  /** Shows these rows; each has `name` and `changes`, which tells whether it must be drawn anew. */
  setRows(rows) {
    this.rows = rows;
    this.table.setAttribute('aria-rowcount', String(rows.length + 1));
    this.render();
  }

  /** Draws what is in sight, and of that only what has changed. */
  render() {
    if (!this.columns) return;
    const last = Math.max(0, this.rows.length);
    const top = Math.floor(this.scroll.scrollTop / ROW_HEIGHT) - BEYOND;
    const first = Math.max(0, Math.min(top, last - 1));
    const wanted = Math.ceil(this.height / ROW_HEIGHT) + 2 * BEYOND;
    const shown = Math.min(wanted, last - first);
    this.fill(Math.max(0, shown));
    let active = '';
    for (let index = 0; index < shown; index += 1) {
      const row = this.rows[first + index];
      const line = this.pool[index];
      this.draw(line, row, first + index);
      if (row.name === this.marked) active = line.node.id;
    }
    setHeight(this.above, first * ROW_HEIGHT);
    setHeight(this.below, Math.max(0, last - first - shown) * ROW_HEIGHT);
    if (this.active !== active) {
      this.active = active;
      if (active) this.table.setAttribute('aria-activedescendant', active);
      else this.table.removeAttribute('aria-activedescendant');
    }
  }

  fill(count) {
    while (this.pool.length > count) this.pool.pop().node.remove();
    while (this.pool.length < count) {
      const cells = this.columns.map(({ name }) => el('td', { class: name }));
      const id = `row-${this.pool.length}`;
      const node = el('tr', { id }, ...cells);
      this.below.before(node);
      this.pool.push({ node, cells, row: null, changes: -1 });
    }
  }

  draw(line, row, index) {
    const isMarked = row.name === this.marked;
    if (line.row === row && line.changes === row.changes && line.isMarked === isMarked) {
      if (line.index === index) return;
    }
    line.row = row;
    line.changes = row.changes;
    line.isMarked = isMarked;
    line.index = index;
    setClass(line.node, isMarked ? 'marked' : '');
    line.node.setAttribute('aria-rowindex', String(index + 2));
    line.node.setAttribute('aria-selected', String(isMarked));
    this.columns.forEach((column, at) => {
      const cell = line.cells[at];
      setText(cell, column.text(row));
      if (column.class) setClass(cell, `${column.name} ${column.class(row)}`);
    });
  }

  click(event) {
    const node = event.target.closest('tr');
    const line = this.pool.find((it) => it.node === node);
    if (!line) return;
    this.mark(line.index);
    this.onOpen(line.row);
  }

  key(event) {
    if (event.target !== this.table) return;
    const page = Math.max(1, Math.floor(this.height / ROW_HEIGHT) - 2);
    const at = this.rows.findIndex((row) => row.name === this.marked);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.rows.length - 1,
    };
    if (event.key === 'Enter' && at >= 0) this.onOpen(this.rows[at]);
    else if (event.key in moves && this.rows.length) this.mark(moves[event.key]);
    else return;
    event.preventDefault();
  }

  /** Marks a row, and brings it into sight. */
  mark(index) {
    const within = Math.max(0, Math.min(index, this.rows.length - 1));
    this.marked = this.rows[within]?.name ?? null;
    const top = within * ROW_HEIGHT;
    // The head covers the first row.
    const room = this.height - 2 * ROW_HEIGHT;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top > this.scroll.scrollTop + room) this.scroll.scrollTop = top - room;
    this.render();
  }

  focus() {
    this.table.focus();
  }
}

function setHeight(space, height) {
  const text = `${height}px`;
  if (space.style.height !== text) {
    space.style.height = text;
    space.hidden = height === 0;
  }
}
