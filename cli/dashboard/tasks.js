// The table of tasks and the table of channels: the same rows with other columns, filtered and
// sorted alike.

import { CHANNEL_COLUMNS, blockedText } from './channels.js';
import { byId, setClass, setOptions, setText } from './dom.js';
import { bytes, count, cpu, plural, rate } from './format.js';
import { Table } from './table.js';

/** Rows that are sorted by what always changes are sorted again after so many milliseconds. */
const SORT_GAP = 1000;

const byNumber = (value) => (row) => value(row) ?? -1;

const TASK_COLUMNS = [
  { key: 'name', title: 'Task', name: 'name', text: (row) => row.name },
  {
    key: 'state',
    title: 'State',
    name: 'state',
    text: (row) => row.state.word,
    class: (row) => row.state.kind,
    value: (row) => row.state.word,
  },
  {
    key: 'in',
    title: 'In/s',
    name: 'number',
    hint: 'Messages a second that the app scheduler sends to the task',
    text: (row) => rate(row.rates.sent),
    value: byNumber((row) => row.rates.sent),
  },
  {
    key: 'out',
    title: 'Out/s',
    name: 'number',
    hint: 'Messages a second that the task sends to the app scheduler',
    text: (row) => rate(row.rates.received),
    value: byNumber((row) => row.rates.received),
  },
  {
    key: 'memory',
    title: 'Memory',
    name: 'number roomy',
    text: (row) => bytes(row.task.memory_bytes),
    value: byNumber((row) => row.task.memory_bytes),
  },
  {
    key: 'cpu',
    title: 'CPU',
    name: 'number roomy',
    text: (row) => cpu(row.task.cpu_seconds),
    value: byNumber((row) => row.task.cpu_seconds),
  },
  {
    key: 'restarts',
    title: 'Restarts',
    name: 'number roomy',
    text: (row) => (row.task.restarts ? count(row.task.restarts) : ''),
    value: (row) => row.task.restarts,
  },
  {
    key: 'agent',
    title: 'Agent',
    name: 'agent roomy',
    text: (row) => row.host,
    value: (row) => row.host,
  },
];

export class Tasks {
  constructor(store, onOpen) {
    this.store = store;
    this.filter = byId('tasks-filter');
    this.group = byId('tasks-group');
    this.state = byId('tasks-state');
    this.counted = byId('tasks-count');
    this.blocked = byId('blocked');
    this.tabs = [byId('tab-tasks'), byId('tab-channels')];
    this.sort = { key: 'name', isDescending: false };
    this.sortedAt = 0;
    this.table = new Table(byId('table'), {
      label: 'Tasks',
      onSort: (key) => this.sortBy(key),
      onOpen,
    });
    this.choose(0);
    for (const field of [this.filter, this.group, this.state]) {
      field.addEventListener('input', () => this.arrange());
    }
    this.filter.addEventListener('keydown', (event) => this.filterKey(event));
    this.tabs.forEach((tab, index) => {
      tab.addEventListener('click', () => this.choose(index));
      tab.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
        this.choose(1 - index);
        this.tabs[1 - index].focus();
      });
    });
  }

  /** Shows the tasks, or their channels. */
  choose(index) {
    this.tabs.forEach((tab, at) => {
      tab.setAttribute('aria-selected', String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
    });
    byId('table').setAttribute('aria-labelledby', this.tabs[index].id);
    this.columns = index === 0 ? TASK_COLUMNS : CHANNEL_COLUMNS;
    this.isChannels = index === 1;
    if (!this.columns.some(({ key }) => key === this.sort.key)) {
      this.sort = { key: 'name', isDescending: false };
    }
    this.table.setColumns(this.columns);
    this.arrange();
    this.showBlocked();
  }

  /** Shows the tasks of one agent, group or whatever else a filter can say. */
  narrow(text) {
    this.filter.value = text;
    this.group.value = '';
    this.state.value = '';
    this.arrange();
    this.filter.focus();
  }

  filterKey(event) {
    if (event.key === 'Escape' && this.filter.value) {
      this.filter.value = '';
      this.arrange();
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      this.table.focus();
      if (this.table.rows.length) this.table.mark(0);
      event.preventDefault();
    }
  }

  sortBy(key) {
    const isSame = this.sort.key === key;
    // Of numbers the largest are wanted first.
    const isNumber = this.columns.find((it) => it.key === key).name.startsWith('number');
    this.sort = { key, isDescending: isSame ? !this.sort.isDescending : isNumber };
    this.arrange();
  }

  /** Takes news into account; arranges rows anew only where they could stand elsewhere. */
  update(news, now) {
    if (news.status) {
      this.showGroups();
      for (const row of this.store.tasks.values()) this.host(row);
    } else {
      for (const row of news.tasks) this.host(row);
    }
    const isLive = this.sort.key !== 'name' || this.isFiltered();
    const isDue = isLive && now - this.sortedAt >= SORT_GAP;
    if (news.hasNewTasks || news.isSnapshot || isDue) this.arrange();
    else this.table.render();
    this.showBlocked();
  }

  host(row) {
    const host = this.store.hostOf(row.task.agent);
    if (row.host === host) return;
    row.host = host;
    row.changes = (row.changes + 1) | 0;
  }

  isFiltered() {
    return Boolean(this.filter.value || this.group.value || this.state.value);
  }

  arrange() {
    this.sortedAt = performance.now();
    const rows = this.matching();
    const column = this.columns.find(({ key }) => key === this.sort.key);
    const sign = this.sort.isDescending ? -1 : 1;
    const byName = (a, b) => a.group - b.group || a.number - b.number || compare(a.name, b.name);
    if (column.value) {
      const { value } = column;
      rows.sort((a, b) => sign * compare(value(a), value(b)) || byName(a, b));
    } else {
      rows.sort((a, b) => sign * byName(a, b));
    }
    const all = this.store.tasks.size;
    const text = rows.length === all ? count(all) : `${count(rows.length)} of ${count(all)}`;
    setText(this.counted, text);
    this.table.setSorted(this.sort.key, this.sort.isDescending);
    this.table.setRows(rows);
  }

  matching() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [group, kind] = [this.group.value, this.state.value];
    const rows = [];
    for (const row of this.store.tasks.values()) {
      if (group && row.task.group !== group) continue;
      if (kind === 'blocked' ? !blockedText(row) : kind && row.state.kind !== kind) continue;
      if (!words.every((word) => isAbout(row, word))) continue;
      rows.push(row);
    }
    return rows;
  }

  showGroups() {
    const groups = [...this.store.groups.keys()];
    setOptions(this.group, [['', 'all'], ...groups.map((group) => [group, group])]);
    setOptions(this.state, [
      ['', 'all'],
      ['coming', 'starting'],
      ['up', 'running'],
      ['done', 'finished'],
      ['killed', 'killed'],
      ['bad', 'failed or lost'],
      ['blocked', 'blocked'],
    ]);
  }

  showBlocked() {
    if (this.blocked.hidden === this.isChannels) this.blocked.hidden = !this.isChannels;
    if (!this.isChannels) return;
    let blocked = 0;
    for (const row of this.store.tasks.values()) if (blockedText(row)) blocked += 1;
    setClass(this.blocked, blocked ? 'blocked some' : 'blocked');
    const text = blocked ? `${plural(blocked, 'task')} with somebody blocked` : 'nobody is blocked';
    setText(this.blocked, `${text}; “in” is what the app scheduler sends to a task`);
  }
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function isAbout(row, word) {
  const found = word.match(/^(group|state|agent):(.+)$/);
  if (found) {
    const [, field, text] = found;
    if (field === 'group') return row.task.group.toLowerCase() === text;
    if (field === 'state') return row.state.word.includes(text);
    return (row.host ?? '').toLowerCase() === text || (row.task.agent ?? '').toLowerCase() === text;
  }
  return (
    row.name.toLowerCase().includes(word) ||
    row.state.word.includes(word) ||
    (row.host ?? '').toLowerCase().includes(word)
  );
}
