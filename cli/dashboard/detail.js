// One task: how it is, and what can be done to it.

import { post } from './api.js';
import { byId, setClass, setFacts, setText } from './dom.js';
import { blockedText } from './channels.js';
import { bytes, clock, count, cpu, rate } from './format.js';

export class Detail {
  constructor(store, { onLogs, confirm }) {
    this.store = store;
    this.confirm = confirm;
    this.node = byId('detail');
    this.text = byId('send-text');
    this.answer = byId('detail-answer');
    this.name = null;
    byId('detail-close').addEventListener('click', () => this.close());
    byId('detail-logs').addEventListener('click', () => onLogs(this.name));
    byId('detail-kill').addEventListener('click', () => this.kill());
    byId('detail-restart').addEventListener('click', () => this.restart());
    byId('send-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.text.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.send();
    });
    this.node.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      this.close();
    });
  }

  /** Shows a task; the focus comes here, and goes back where it was. */
  open(row) {
    if (this.node.hidden) this.before = document.activeElement;
    this.name = row.name;
    this.node.hidden = false;
    this.say('');
    this.update();
    byId('detail-name').focus();
  }

  close() {
    this.node.hidden = true;
    this.name = null;
    this.before?.focus();
  }

  update() {
    const row = this.name === null ? null : this.store.tasks.get(this.name);
    if (!row) return;
    const { task, state } = row;
    setText(byId('detail-name'), row.name);
    setText(byId('detail-state'), `${state.word} since ${clock(task.since)}`);
    setClass(byId('detail-state'), `state ${state.kind}`);
    setText(byId('detail-message'), task.message ?? '');
    byId('detail-message').hidden = !task.message;
    const facts = [
      ['Group', task.group],
      ['Agent', this.store.hostOf(task.agent), task.agent ?? ''],
      ['Restarts', count(task.restarts)],
      ['In', `${rate(row.rates.sent)}/s`, channelNote(task.messages_sent, task.bytes_sent, task.in)],
      ['Out', `${rate(row.rates.received)}/s`, channelNote(task.messages_received, task.bytes_received, task.out)],
    ];
    if (blockedText(row)) facts.push(['Blocked', blockedText(row)]);
    if (task.memory_bytes !== undefined) {
      facts.push(['Memory', bytes(task.memory_bytes), `${bytes(task.memory_bytes_peak)} at most`]);
    }
    if (task.cpu_seconds !== undefined) facts.push(['CPU', cpu(task.cpu_seconds)]);
    setFacts(byId('detail-facts'), facts);
  }

  say(text, isBad = false) {
    setClass(this.answer, isBad ? 'answer bad' : 'answer');
    setText(this.answer, text);
  }

  async act(path, body, done) {
    const { name } = this;
    this.say('…');
    let text = done;
    let isBad = false;
    try {
      await post(`/v1/tasks/${encodeURIComponent(name)}/${path}`, body);
    } catch (error) {
      text = `Not done: ${error.message}`;
      isBad = true;
    }
    // Meanwhile another task may be shown.
    if (this.name === name) this.say(text, isBad);
    return !isBad;
  }

  async send() {
    const message = this.text.value;
    if (await this.act('send', message, 'Sent.')) this.text.value = '';
  }

  kill() {
    const { name } = this;
    this.confirm({
      title: `Kill ${name}?`,
      text: 'Its in channel closes, and after its grace it is stopped. It does not come back.',
      choices: [['Kill', () => this.act('kill', undefined, 'It is being killed.')]],
    });
  }

  restart() {
    const { name } = this;
    this.confirm({
      title: `Restart ${name}?`,
      text: 'It is killed with its grace if it lives, and launched again under its name.',
      choices: [['Restart', () => this.act('restart', undefined, 'It is being restarted.')]],
    });
  }
}

function channelNote(messages, size, channel) {
  const depth = channel ? `; ${count(channel.depth)} wait in it${channel.is_full ? ', it is full' : ''}` : '';
  return `${count(messages)} messages, ${bytes(size)}${depth}`;
}
