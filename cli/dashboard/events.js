// What has happened: a strip over the whole time of the job, and a line for each event.

import { byId, el, setClass, setText } from './dom.js';
import { bytes, clock, counted, plural, stateOf } from './format.js';
import { List } from './list.js';

/** The strip has so many columns, and is drawn again after so many milliseconds. */
const COLUMNS = 96;
const STRIP_GAP = 1000;

/** The lanes of the strip, from above. */
const LANES = ['job', 'task', 'bad'];

const SVG = 'http://www.w3.org/2000/svg';

export class Events {
  constructor(store, onTask) {
    this.store = store;
    this.filter = byId('events-filter');
    this.kind = byId('events-kind');
    this.counted = byId('events-count');
    this.shown = [];
    this.drawnAt = -Infinity;
    this.list = new List(byId('events'), {
      draw: drawEvent,
      onOpen: (entry) => {
        const { task } = wordsOf(entry);
        if (task) onTask(task);
      },
    });
    this.strip = new Strip(byId('strip'));
    for (const field of [this.filter, this.kind]) {
      field.addEventListener('input', () => this.choose());
    }
    this.filter.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.filter.value) return;
      this.filter.value = '';
      this.choose();
      event.preventDefault();
      event.stopPropagation();
    });
  }

  isMatch(entry) {
    const said = wordsOf(entry);
    if (this.kind.value && said.lane !== this.kind.value) return false;
    const text = this.filter.value.trim().toLowerCase();
    return !text || said.text.toLowerCase().includes(text);
  }

  choose() {
    this.dropped = this.store.events.dropped;
    this.shown = this.store.events.entries.filter((entry) => this.isMatch(entry));
    this.isStale = true;
    this.draw();
  }

  update(news, now) {
    if (news.events.length || news.isSnapshot) {
      if (news.isSnapshot || this.dropped !== this.store.events.dropped) this.choose();
      else {
        for (const entry of news.events) if (this.isMatch(entry)) this.shown.push(entry);
        this.draw();
      }
      this.isStale = true;
    }
    this.rest(now);
  }

  /** Draws the strip if it is time for that, also when nothing more happens. */
  rest(now) {
    if (!this.isStale || now - this.drawnAt < STRIP_GAP) return;
    this.isStale = false;
    this.drawnAt = now;
    this.strip.draw(this.store.events.entries);
  }

  draw() {
    this.list.setItems(this.shown);
    setText(this.counted, counted(this.shown.length, this.store.events));
  }
}

/** What an event says: a text, and the lane it belongs to. Computed once for each. */
function wordsOf(entry) {
  if (!entry.words) {
    const words = describe(entry);
    Object.defineProperty(entry, 'words', { value: words });
  }
  return entry.words;
}

function describe(entry) {
  const job = (text) => ({ lane: 'job', text });
  const bad = (text) => ({ lane: 'bad', text });
  switch (entry.event) {
    case 'task': {
      const { word, kind } = stateOf(entry.state);
      const why = [entry.reason, entry.message].filter(Boolean).join(': ');
      const text = `${entry.task} ${word}${why ? `, ${why}` : ''}`;
      return { lane: kind === 'bad' ? 'bad' : 'task', text, task: entry.task };
    }
    case 'cluster_started':
      return job(`embedded cluster with ${plural(entry.agents, 'agent')}, master on ${entry.master}`);
    case 'subscribed':
      return job(`subscribed${entry.again ? ' again' : ''} as framework ${entry.framework_id}`);
    case 'disconnected':
      return bad(`disconnected: ${entry.reason}`);
    case 'waiting':
      return job(`waiting: ${entry.reason}`);
    case 'placed':
      return job(`placed ${plural(entry.tasks, 'task')} on ${plural(entry.agents, 'agent')}`);
    case 'delivering':
      return job(
        entry.executors
          ? `modules: ${entry.fetching} being fetched (${bytes(entry.bytes)}), ${entry.compiling} compiled`
          : 'modules are ready',
      );
    case 'app_started':
      return job('all tasks are up, the app scheduler begins');
    case 'app_returned':
      return entry.error ? bad(`app scheduler failed: ${entry.error}`) : job('app scheduler returned');
    case 'stopping':
      return job(`stopping: ${entry.reason}`);
    case 'warning':
      return bad(entry.message);
    case 'error':
      return bad([entry.message, ...(entry.causes ?? [])].join(': '));
    case 'fault':
      return bad(`fault of the embedded cluster: ${entry.fault}`);
    case 'outcome': {
      const text = `job ${entry.outcome}${entry.reason ? `: ${entry.reason}` : ''}`;
      return entry.outcome === 'succeeded' ? job(text) : bad(text);
    }
    default:
      return job(other(entry));
  }
}

/** An event that this page has no words for: its name and whatever is in it. */
function other({ seq, time, event, ...rest }) {
  const values = Object.entries(rest).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name} ${text}`;
  });
  return [event.replaceAll('_', ' '), values.join(', ')].filter(Boolean).join(': ');
}

function drawEvent(node, entry) {
  if (!node.firstChild) node.append(el('time'), el('span', { class: 'mark' }), el('span', { class: 'text' }));
  const [time, mark, text] = node.children;
  const words = wordsOf(entry);
  setText(time, clock(entry.time).slice(0, 12));
  setClass(mark, `mark ${words.lane}`);
  setText(text, words.text);
  node.dataset.task = words.task ?? '';
}

/** How much has happened when: columns over time, a lane for each kind of event. */
class Strip {
  constructor(place) {
    this.svg = document.createElementNS(SVG, 'svg');
    this.svg.setAttribute('viewBox', `0 0 ${COLUMNS} ${LANES.length * 10}`);
    this.svg.setAttribute('preserveAspectRatio', 'none');
    place.append(this.svg);
    this.bars = LANES.map((lane) =>
      Array.from({ length: COLUMNS }, (_, column) => {
        const bar = document.createElementNS(SVG, 'rect');
        bar.setAttribute('class', lane);
        bar.setAttribute('x', String(column + 0.1));
        bar.setAttribute('width', '0.8');
        bar.setAttribute('height', '0');
        this.svg.append(bar);
        return bar;
      }),
    );
  }

  draw(entries) {
    if (!entries.length) return;
    const times = entries.map((entry) => (entry.moment ??= Date.parse(entry.time)));
    const [first, last] = [times[0], Math.max(times[times.length - 1], times[0] + 1)];
    const counts = LANES.map(() => new Array(COLUMNS).fill(0));
    entries.forEach((entry, index) => {
      const at = Math.floor(((times[index] - first) / (last - first)) * (COLUMNS - 1));
      const column = Math.max(0, Math.min(COLUMNS - 1, at));
      counts[LANES.indexOf(wordsOf(entry).lane)][column] += 1;
    });
    counts.forEach((lane, index) => {
      lane.forEach((number, column) => {
        // By its logarithm: one event is seen beside a thousand.
        const height = number ? Math.min(9, 2 + 2 * Math.log2(number)) : 0;
        const bar = this.bars[index][column];
        bar.setAttribute('y', String(index * 10 + 9.5 - height));
        bar.setAttribute('height', String(height));
      });
    });
  }
}
