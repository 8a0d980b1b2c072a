// The job's own page, which its job file names. It runs in a sandbox without an origin and without
// network, and hears what this page hears; nothing that it says is listened to.

import { byId, el } from './dom.js';

/** What a view is told of the past when it is there. */
const PAST = 1000;

export class View {
  constructor(store) {
    this.store = store;
    this.frame = null;
    this.isReady = false;
  }

  /** Shows the view at this path. */
  show(path) {
    if (this.frame || !path) return;
    // An attribute, so that it holds before anything is loaded.
    const frame = el('iframe', { title: 'View of the job' });
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.setAttribute('referrerpolicy', 'no-referrer');
    frame.addEventListener('load', () => this.begin());
    frame.src = path;
    this.frame = frame;
    byId('view-frame').append(frame);
    byId('view').hidden = false;
    byId('main').classList.add('has-view');
  }

  begin() {
    this.isReady = true;
    const { status, tasks, events, lines } = this.store;
    this.tell({
      type: 'snapshot',
      status,
      tasks: [...tasks.values()].map((row) => row.task),
      events: events.entries.slice(-PAST),
      lines: lines.entries.slice(-PAST),
    });
    if (this.hasEnded) this.tell({ type: 'end' });
  }

  update(kind, update) {
    if (this.isReady && kind !== 'end') this.tell({ type: kind, ...update });
  }

  end() {
    this.hasEnded = true;
    if (this.isReady) this.tell({ type: 'end' });
  }

  tell(message) {
    // It has no origin that could be named.
    this.frame.contentWindow?.postMessage(message, '*');
  }
}
