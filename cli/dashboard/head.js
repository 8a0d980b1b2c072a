// The job as a whole: phase, reason, figures; and its end on request.

import { byId, setClass, setFacts, setText } from './dom.js';
import { bytes, count, duration, plural, rate } from './format.js';

const PHASES = {
  subscribing: 'looking for a master',
  waiting: 'waiting for a place',
  launching: 'launching',
  running: 'running',
  stopping: 'stopping',
};

export class Head {
  constructor(store) {
    this.store = store;
    this.job = byId('job');
    this.phase = byId('phase');
    this.reason = byId('reason');
    this.figures = byId('figures');
    this.stop = byId('stop');
    this.outcome = null;
  }

  /** The job has ended; what it said last is among the events. */
  end() {
    const last = this.store.events.entries.findLast(({ event }) => event === 'outcome');
    this.outcome = last ?? { outcome: 'ended' };
    this.update();
  }

  update() {
    const { status } = this.store;
    if (!status) return;
    const hasEnded = this.outcome !== null;
    setText(this.job, status.job);
    const title = `${status.job} · mesosgot`;
    if (document.title !== title) document.title = title;
    const phase = hasEnded ? this.outcome.outcome.replace('_', ' ') : PHASES[status.phase] ?? status.phase;
    setText(this.phase, phase);
    setClass(this.phase, `phase ${hasEnded ? this.kindOfEnd() : status.phase}`);
    setText(this.reason, this.why(status));
    this.stop.disabled = hasEnded;
    setFacts(this.figures, this.facts(status));
  }

  kindOfEnd() {
    return this.outcome.outcome === 'succeeded' ? 'succeeded' : 'failed';
  }

  why(status) {
    if (this.outcome) return this.outcome.reason ?? '';
    if (status.disconnected) return `no connection to a master: ${status.disconnected}`;
    return status.reason ?? delivering(status.delivering);
  }

  facts(status) {
    const { total, kinds } = this.store;
    const wanted = status.groups.reduce((sum, group) => sum + group.count, 0);
    const { channels } = status;
    let memory = 0;
    let processor = 0;
    for (const { task } of this.store.tasks.values()) {
      memory += task.memory_bytes ?? 0;
      processor += task.cpu_seconds ?? 0;
    }
    const now = this.endedAt ?? performance.now();
    if (this.outcome) this.endedAt = now;
    const others = [
      [kinds.coming, 'starting'],
      [kinds.done, 'finished'],
      [kinds.killed, 'killed'],
      [kinds.bad, 'failed or lost'],
    ].filter(([number]) => number).map(([number, word]) => `${count(number)} ${word}`);
    return [
      ['Tasks running', `${count(kinds.up)} of ${count(wanted)}`, others.join(', ')],
      ['To tasks', `${rate(total.sent)}/s`, plural(channels.messages_sent, 'message')],
      ['From tasks', `${rate(total.received)}/s`, plural(channels.messages_received, 'message')],
      ['Stalls', count(channels.stalls), 'a channel was full'],
      ['Memory', bytes(memory), processor ? `${processor.toFixed(2)} s of CPU` : ''],
      ['Agents', count(status.agents.length), plural(status.groups.length, 'group')],
      ['Uptime', duration((now - this.store.startedAt) / 1000), ''],
    ];
  }
}

function delivering(now) {
  if (!now) return '';
  const parts = [];
  if (now.fetching) parts.push(`${plural(now.fetching, 'module')} being fetched`);
  if (now.compiling) parts.push(`${plural(now.compiling, 'module')} being compiled`);
  return parts.join(', ');
}
