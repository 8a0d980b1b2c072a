// What is known of the job, as the live stream tells it.

import { stateOf } from './format.js';

/** So many events and lines are kept; the oldest go first, a tenth at a time. */
const EVENTS_MAX = 20000;
const LINES_MAX = 20000;

/** Rates are taken over at least so many milliseconds, so that they can be read. */
const RATE_SPAN = 1000;

/** A task that has not changed for so long sends and receives nothing. */
const RATE_STALE = 3000;

/** Two counters that only grow, and how fast they do. */
export class Rates {
  constructor(sent, received, at) {
    this.base = { sent, received, at };
    this.at = at;
    this.sent = 0;
    this.received = 0;
  }

  take(sent, received, at) {
    this.at = at;
    const seconds = (at - this.base.at) / 1000;
    if (seconds * 1000 < RATE_SPAN) return;
    this.sent = Math.max(0, sent - this.base.sent) / seconds;
    this.received = Math.max(0, received - this.base.received) / seconds;
    this.base = { sent, received, at };
  }

  /** Whether nothing has come for so long that the rates are none. */
  rest(now) {
    if (now - this.at < RATE_STALE || this.sent + this.received === 0) return false;
    this.sent = 0;
    this.received = 0;
    return true;
  }
}

/** The newest entries, by their place `seq` in the job's journal, with a count of those that have gone. */
class Kept {
  constructor(max) {
    this.max = max;
    this.clear();
  }

  clear() {
    this.entries = [];
    this.dropped = 0;
    /** How many are known to be missing in between. */
    this.skipped = 0;
    /** Whether others may be missing, nobody knows how many. */
    this.isTorn = false;
  }

  get last() {
    return this.entries.at(-1)?.seq ?? 0;
  }

  add(entries) {
    for (const entry of entries) this.entries.push(entry);
    this.trim();
  }

  /**
   * Adds what is new in a snapshot, which has the newest entries only. Answers between which two
   * others may be missing, or null.
   */
  join(entries) {
    const after = this.last;
    const isWhole = after === 0 || !entries.length || entries[0].seq <= after;
    this.add(isWhole ? entries.filter(({ seq }) => seq > after) : entries);
    return isWhole ? null : { after, before: entries[0].seq };
  }

  /** Puts in what was missing in a gap; `max` of them are the newest, and more may be missing. */
  fill({ after, before }, missing) {
    const fresh = missing.filter(({ seq }) => seq > after && seq < before);
    const next = this.entries.findIndex(({ seq }) => seq >= before);
    const at = next < 0 ? this.entries.length : next;
    const older = missing.length < this.max ? this.entries.slice(0, at) : [];
    this.dropped += at - older.length;
    this.entries = [...older, ...fresh, ...this.entries.slice(at)];
    this.trim();
  }

  trim() {
    if (this.entries.length <= this.max) return;
    const surplus = this.entries.length - Math.floor(this.max * 0.9);
    this.entries.splice(0, surplus);
    this.dropped += surplus;
  }
}

export class Store {
  constructor() {
    this.status = null;
    this.tasks = new Map();
    this.groups = new Map();
    this.hosts = new Map();
    this.kinds = { coming: 0, up: 0, done: 0, killed: 0, bad: 0 };
    this.total = new Rates(0, 0, 0);
    this.events = new Kept(EVENTS_MAX);
    this.lines = new Kept(LINES_MAX);
    this.startedAt = 0;
  }

  /** Takes an update in; answers what is new. */
  take(update, isSnapshot, now) {
    if (isSnapshot) this.forget(update.status);
    if (update.status) this.takeStatus(update.status, isSnapshot, now);
    const news = {
      isSnapshot,
      status: Boolean(update.status),
      tasks: [],
      hasNewTasks: false,
      events: update.events ?? [],
      lines: update.lines ?? [],
      gaps: [],
    };
    for (const task of update.tasks ?? []) {
      const known = this.tasks.get(task.task);
      if (!known) news.hasNewTasks = true;
      news.tasks.push(this.takeTask(task, known, now));
    }
    if (isSnapshot) {
      news.gaps = [
        { what: 'events', kept: this.events, gap: this.events.join(news.events) },
        { what: 'logs', kept: this.lines, gap: this.lines.join(news.lines) },
      ].filter(({ gap }) => gap);
    } else {
      this.events.add(news.events);
      this.lines.add(news.lines);
    }
    this.events.skipped += update.events_skipped ?? 0;
    this.lines.skipped += update.lines_skipped ?? 0;
    return news;
  }

  /** Forgets what a snapshot tells anew: of the same job not what has happened and was printed. */
  forget(status) {
    const isSame = ['job', 'pid', 'started'].every((key) => this.status?.[key] === status?.[key]);
    if (!isSame) {
      this.events.clear();
      this.lines.clear();
    }
    this.tasks.clear();
    this.kinds = { coming: 0, up: 0, done: 0, killed: 0, bad: 0 };
  }

  takeStatus(status, isSnapshot, now) {
    const { messages_sent: sent, messages_received: received } = status.channels;
    if (isSnapshot) this.total = new Rates(sent, received, now);
    else this.total.take(sent, received, now);
    this.status = status;
    this.startedAt = now - status.uptime_seconds * 1000;
    this.hosts = new Map(status.agents.map(({ agent, hostname }) => [agent, hostname]));
    this.groups = new Map(status.groups.map((group, index) => [group.group, index]));
  }

  takeTask(task, known, now) {
    const row = known ?? this.newRow(task, now);
    if (known) {
      this.kinds[row.state.kind] -= 1;
      row.rates.take(task.messages_sent, task.messages_received, now);
    }
    row.changes = (row.changes + 1) | 0;
    row.task = task;
    if (row.stateName !== task.state) {
      row.stateName = task.state;
      row.state = stateOf(task.state);
    }
    this.kinds[row.state.kind] += 1;
    return row;
  }

  newRow(task, now) {
    const number = Number(task.task.slice(task.task.lastIndexOf('-') + 1));
    const row = {
      name: task.task,
      task,
      stateName: task.state,
      state: stateOf(task.state),
      group: this.groups.get(task.group) ?? this.groups.size,
      number: Number.isNaN(number) ? 0 : number,
      rates: new Rates(task.messages_sent, task.messages_received, now),
      changes: 0,
    };
    this.tasks.set(row.name, row);
    return row;
  }

  /** The name by which people know an agent. */
  hostOf(agent) {
    return this.hosts.get(agent) || agent || '';
  }

  /** Lets rates go to zero where nothing moves any more; answers whether one did. */
  rest(now) {
    let hasRested = this.total.rest(now);
    for (const row of this.tasks.values()) {
      if (row.rates.rest(now)) {
        row.changes = (row.changes + 1) | 0;
        hasRested = true;
      }
    }
    return hasRested;
  }
}

