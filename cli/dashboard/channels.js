// The columns of channels: what waits in them, how fast they are, and who waits for whom.

import { count, rate } from './format.js';

/** Who waits for whom, in words; empty if nobody does. */
export function blockedText(row) {
  const { in: input, out: output } = row.task;
  const parts = [];
  if (input?.is_sender_blocked) parts.push(`app scheduler waits for ${row.name} to receive`);
  if (output?.is_sender_blocked) parts.push(`${row.name} waits for the app scheduler to receive`);
  return parts.join('; ');
}

const number = (key, title, hint, value, text) => ({
  key,
  title,
  hint,
  name: 'number',
  text: (row) => text(value(row)),
  value: (row) => value(row) ?? -1,
});

const roomy = (column) => ({ ...column, name: `${column.name} roomy` });

const shown = (value) => (value === undefined ? '' : count(value));

/** How many messages are in a channel; a full one is told by a word. */
const depth = (key, title, hint, channel) => ({
  ...number(key, title, hint, (row) => channel(row)?.depth, shown),
  text: (row) => {
    const it = channel(row);
    return it ? `${count(it.depth)}${it.is_full ? ' full' : ''}` : '';
  },
  class: (row) => (channel(row)?.is_full ? 'full' : ''),
});

export const CHANNEL_COLUMNS = [
  { key: 'name', title: 'Task', name: 'name', text: (row) => row.name },
  depth('in_depth', 'In depth', 'Messages to the task that it has not received', (row) => row.task.in),
  number('in', 'In/s', 'Messages a second to the task', (row) => row.rates.sent, rate),
  depth('out_depth', 'Out depth', 'Messages of the task that wait for the app scheduler', (row) => row.task.out),
  number('out', 'Out/s', 'Messages a second of the task', (row) => row.rates.received, rate),
  roomy(number('stalls', 'Stalls', 'How often the app scheduler found its channel full', (row) => row.task.stalls, shown)),
  {
    key: 'blocked',
    title: 'Blocked',
    name: 'blocked-by roomy',
    text: blockedText,
    value: blockedText,
  },
];
