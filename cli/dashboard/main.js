// The page: follows the job and shows what is new, once per frame.

import { Agents } from './agents.js';
import { Refused, askMissed, follow, hasToken, keepToken, post, takeToken } from './api.js';
import { Detail } from './detail.js';
import { byId, el, setClass, setText } from './dom.js';
import { Events } from './events.js';
import { Head } from './head.js';
import { Logs } from './logs.js';
import { Store } from './store.js';
import { Tasks } from './tasks.js';
import { View } from './view.js';

/** How long to wait before the stream is asked for again, at first and at most. */
const AGAIN = [500, 10000];

/** So many updates wait for a frame at most. */
const WAITING_MAX = 20;

/** How often time goes on where nothing else changes. */
const TICK = 1000;

const store = new Store();
const head = new Head(store);
const logs = new Logs(store);
const view = new View(store);
const detail = new Detail(store, { onLogs: (task) => logs.show(task), confirm });
const tasks = new Tasks(store, (row) => detail.open(row));
const agents = new Agents(store, {
  onOpen: (row) => detail.open(row),
  onAgent: (host) => tasks.narrow(`agent:${host}`),
});
const events = new Events(store, (name) => {
  const row = store.tasks.get(name);
  if (row) detail.open(row);
});

let waiting = [];
let hasEnded = false;

/** Ends the stream that is read. */
let leave = new AbortController();

/** Takes what the stream says; what comes within one frame is shown together. */
function hear(kind, data) {
  if (kind === 'end') {
    // How it ended may be among what waits.
    show();
    hasEnded = true;
    view.end();
    head.end();
    return;
  }
  if (waiting.length === 0) requestAnimationFrame(show);
  waiting.push([kind, data, performance.now()]);
  // A page that is not seen has no frames.
  if (waiting.length >= WAITING_MAX) show();
}

/** Shows what is new. Each is measured, from its coming until it is painted. */
function show() {
  const news = waiting;
  if (news.length === 0) return;
  waiting = [];
  const now = performance.now();
  for (const [kind, data] of news) {
    const said = store.take(data, kind === 'snapshot', now);
    agents.update(said);
    tasks.update(said, now);
    logs.update(said);
    events.update(said, now);
    view.show(data.view);
    view.update(kind, data);
    said.gaps.forEach(catchUp);
  }
  head.update();
  detail.update();
  measure(news[0][0] === 'snapshot' ? 'snapshot' : 'update', news[0][2]);
}

/** Asks for what was missed while nobody listened, or says that something was. */
async function catchUp({ what, kept, gap }) {
  try {
    const { entries, forgotten } = await askMissed(what, gap.after, kept.max);
    kept.fill(gap, entries);
    kept.skipped += forgotten;
  } catch {
    kept.isTorn = true;
  }
  logs.choose();
  events.choose();
}

function measure(name, since) {
  const channel = new MessageChannel();
  // A message comes after the frame is painted.
  channel.port1.onmessage = () => {
    performance.measure(name, { start: since, end: performance.now() });
    // Whoever observes has it; a page that is open for weeks must not keep them.
    performance.clearMeasures(name);
    channel.port1.close();
  };
  channel.port2.postMessage(null);
}

/**
 * Follows the job until it has ended, however often the connection breaks, for as long as the page
 * is seen: all pages of a job share the few connections that a browser has to one host.
 */
async function run() {
  let wait = AGAIN[0];
  let lost = 'connection lost, trying again';
  connection('paused', 'connecting');
  while (!hasEnded) {
    if (document.hidden) {
      connection('paused', 'paused while hidden');
      await untilSeen();
      connection('paused', 'connecting');
      wait = AGAIN[0];
      lost = 'no answer, trying again; the job may have ended while this page was hidden';
    }
    leave = new AbortController();
    try {
      await follow((kind, data) => {
        wait = AGAIN[0];
        lost = 'connection lost, trying again';
        connection('live', 'live');
        byId('main').hidden = false;
        hear(kind, data);
      }, leave.signal);
      if (hasEnded) break;
    } catch (error) {
      if (error instanceof Refused && error.status === 403) {
        showDoor(error.message);
        return;
      }
      if (error instanceof Refused && error.status === 401) {
        showDoor('The job refuses this token. It is in the address that `mesosgot run --dashboard` has printed, behind `#`; each run has another one.');
        return;
      }
    }
    if (leave.signal.aborted) continue;
    connection('lost', lost);
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, AGAIN[1]);
  }
  connection('ended', 'the job has ended');
}

/** Until somebody looks at the page. */
function untilSeen() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
  });
}

function connection(kind, text) {
  const node = byId('connection');
  setClass(node, `connection ${kind}`);
  setText(node, text);
}

function showDoor(text) {
  connection('lost', 'not connected');
  byId('main').hidden = true;
  setText(byId('door-text'), text);
  byId('door').hidden = false;
  byId('door-token').focus();
}

/** Asks before something that cannot be taken back; `choices` are pairs of text and action. */
function confirm({ title, text, choices }) {
  const dialog = byId('confirm');
  setText(byId('confirm-title'), title);
  setText(byId('confirm-text'), text);
  const button = (label, name, action) => {
    const node = el('button', { type: 'button', class: name }, label);
    node.addEventListener('click', () => {
      dialog.close();
      action?.();
    });
    return node;
  };
  const cancel = button('Cancel', '');
  const others = choices.map(([label, action]) => button(label, 'danger', action));
  byId('confirm-buttons').replaceChildren(cancel, ...others);
  dialog.showModal();
  cancel.focus();
}

async function stop(now) {
  try {
    await post('/v1/stop', { now });
    setText(byId('reason'), 'stopping');
  } catch (error) {
    setText(byId('reason'), `Not stopped: ${error.message}`);
  }
}

byId('stop').addEventListener('click', () => {
  confirm({
    title: `Stop ${store.status?.job ?? 'the job'}?`,
    text: 'Every in channel closes and tasks get their grace to end; at once, they are killed without it. The job does not come back.',
    choices: [
      ['Stop', () => stop(false)],
      ['Stop at once', () => stop(true)],
    ],
  });
});

byId('door-form').addEventListener('submit', (event) => {
  event.preventDefault();
  keepToken(byId('door-token').value.trim());
  location.reload();
});

document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, dialog')) return;
  event.preventDefault();
  byId('tasks-filter').focus();
  byId('tasks-filter').select();
});

document.addEventListener('visibilitychange', () => {
  if (!document.hidden || hasEnded) return;
  // What has come is not told again.
  show();
  leave.abort();
});

setInterval(() => {
  const now = performance.now();
  events.rest(now);
  if (hasEnded || !store.status) return;
  if (store.rest(now)) tasks.table.render();
  head.update();
  detail.update();
}, TICK);

// With another token in the address it is another job.
addEventListener('hashchange', () => {
  if (takeToken()) location.reload();
});

takeToken();
if (hasToken()) run();
else showDoor('Open the address that `mesosgot run --dashboard` has printed: the token is behind its `#`. Or give the token here.');
