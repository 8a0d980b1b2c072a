// Asks the job. The token comes from behind `#`, is kept for this tab, and goes into a header:
// there is no cookie that another page could make the browser send.

const KEY = 'mesosgot-token';

/** The server has answered that it will not. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Takes the token out of the address bar; answers whether there was one. */
export function takeToken() {
  const token = location.hash.slice(1);
  // Links within the page have names; tokens are longer.
  if (token.length < 16) return false;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, '', location.pathname);
  return true;
}

/** Keeps what was typed as the token. */
export const keepToken = (token) => sessionStorage.setItem(KEY, token);

/** Whether there is a token. */
export const hasToken = () => sessionStorage.getItem(KEY) !== null;

/** Asks for `path`; answers the response if it is a good one. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  const response = await fetch(path, {
    ...options,
    headers,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
  });
  if (response.ok) return response;
  let text = `${response.status} ${response.statusText}`;
  try {
    text = (await response.json()).error ?? text;
  } catch {
    // The status has to do.
  }
  throw new Refused(response.status, text);
}

/** Has something done; `body` goes as it is if it is text, as JSON otherwise. */
export function post(path, body) {
  if (body === undefined) return ask(path, { method: 'POST' });
  const isText = typeof body === 'string';
  return ask(path, {
    method: 'POST',
    headers: { 'Content-Type': isText ? 'application/octet-stream' : 'application/json' },
    body: isText ? body : JSON.stringify(body),
  });
}

/** The objects of an answer that has one in each line. */
export async function askLines(path) {
  const text = await (await ask(path)).text();
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/**
 * The entries of the journal (`events` or `logs`) after this place, the newest `max` of them; and
 * how many the job does not keep any more.
 */
export async function askMissed(what, after, max) {
  const query = new URLSearchParams({ after, tail: max, gaps: true });
  const lines = await askLines(`/v1/${what}?${query}`);
  return {
    entries: lines.filter(({ seq }) => seq !== undefined),
    forgotten: lines.reduce((sum, line) => sum + (line.forgotten ?? 0), 0),
  };
}

/** So long without a byte, and the connection is given up: the server says something every 5 s. */
const SILENCE_MAX = 20000;

/**
 * Reads the live stream to its end, and hands each event to `onEvent(kind, data)`.
 * Returns when the stream has ended; throws when it breaks, or `leave` says to leave it.
 */
export async function follow(onEvent, leave) {
  const quit = new AbortController();
  const stop = () => quit.abort(leave.reason);
  leave.addEventListener('abort', stop);
  let silence = 0;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => quit.abort(new Error('the job is silent')), SILENCE_MAX);
  };
  heard();
  try {
    const response = await ask('/v1/live', { signal: quit.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let kept = [];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      // A snapshot comes in many pieces, so they are joined only when an event is whole.
      const last = kept.length ? kept[kept.length - 1] : '';
      kept.push(value);
      if (!value.includes('\n\n') && !(last.endsWith('\n') && value.startsWith('\n'))) continue;
      const events = kept.join('').split('\n\n');
      kept = [events.pop()];
      events.forEach((event) => handOver(event, onEvent));
    }
  } finally {
    clearTimeout(silence);
    leave.removeEventListener('abort', stop);
  }
}

function handOver(event, onEvent) {
  const kind = event.match(/^event: (.*)$/m)?.[1];
  const data = event.indexOf('data: ');
  if (kind && data >= 0) onEvent(kind, JSON.parse(event.slice(data + 6)));
}
