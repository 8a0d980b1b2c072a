// Numbers, times and states as words.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** What each Mesos state is to people: a word, a letter, and the kind by which it is drawn. */
const STATES = {
  TASK_STAGING: ['staging', 'S', 'coming'],
  TASK_STARTING: ['starting', 'S', 'coming'],
  TASK_RUNNING: ['running', 'R', 'up'],
  TASK_KILLING: ['killing', 'K', 'killed'],
  TASK_FINISHED: ['finished', 'F', 'done'],
  TASK_FAILED: ['failed', 'X', 'bad'],
  TASK_KILLED: ['killed', 'K', 'killed'],
  TASK_ERROR: ['error', 'X', 'bad'],
  TASK_LOST: ['lost', 'L', 'bad'],
  TASK_DROPPED: ['dropped', 'L', 'bad'],
  TASK_UNREACHABLE: ['unreachable', 'L', 'bad'],
  TASK_GONE: ['gone', 'L', 'bad'],
  TASK_GONE_BY_OPERATOR: ['gone', 'L', 'bad'],
  TASK_UNKNOWN: ['unknown', 'L', 'bad'],
};

/** The kinds of states with their letters, in the order in which a task goes through them. */
export const KINDS = [
  ['coming', 'S', 'starting'],
  ['up', 'R', 'running'],
  ['done', 'F', 'finished'],
  ['killed', 'K', 'killed'],
  ['bad', 'X', 'failed, L lost'],
];

/** The word, letter and kind of a state. */
export function stateOf(state) {
  const [word, letter, kind] = STATES[state] ?? [String(state).toLowerCase(), '?', 'bad'];
  return { word, letter, kind };
}

/** A number of things. */
export const count = (number) => whole.format(number);

/** How many entries are shown of those that are kept, and whether others are missing. */
export function counted(number, { skipped, isTorn }) {
  const missing = [skipped ? `, ${count(skipped)} skipped` : '', isTorn ? ', some missing' : ''];
  return count(number) + missing.join('');
}

/** A number per second, without `/s`. */
export function rate(perSecond) {
  if (!(perSecond > 0.05)) return '0';
  return perSecond < 10 ? perSecond.toFixed(1) : whole.format(perSecond);
}

/** A number of bytes. */
export function bytes(number) {
  if (number === undefined) return '';
  let unit = 0;
  let value = number;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Seconds of processor time. */
export function cpu(seconds) {
  if (seconds === undefined) return '';
  return seconds < 10 ? `${seconds.toFixed(2)} s` : duration(seconds);
}

/** A length of time, in its two largest units. */
export function duration(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [d, h, m, s] = [
    Math.floor(all / 86400),
    Math.floor(all / 3600) % 24,
    Math.floor(all / 60) % 60,
    all % 60,
  ];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  if (m) return `${m} min ${s} s`;
  return `${s} s`;
}

/** The time of day of a moment in RFC 3339, as it is where the page is looked at. */
export function clock(time) {
  const moment = new Date(time);
  if (Number.isNaN(moment.getTime())) return '';
  const two = (number) => String(number).padStart(2, '0');
  const [h, m, s] = [moment.getHours(), moment.getMinutes(), moment.getSeconds()];
  return `${two(h)}:${two(m)}:${two(s)}.${String(moment.getMilliseconds()).padStart(3, '0')}`;
}

/** `1 task`, `2 tasks`. */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

/** One of eight colours for a name, always the same. */
export function hue(name) {
  let hash = 7;
  for (let index = 0; index < name.length; index += 1) {
    hash = (Math.imul(hash, 31) + name.charCodeAt(index)) | 0;
  }
  return `hue${((hash % 8) + 8) % 8}`;
}
