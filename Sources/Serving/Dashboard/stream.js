// Server-sent events read by fetch, because EventSource cannot send a token. Connects again by itself, later and later.

import { request } from './access.js';

/** A connection on which nothing came for so long is given up; the engine says something every second. */
const patience = 20_000;
const longestWait = 15_000;

export class EventReader {
  /** @param handlers event(name, data), open(), closed(isDenied) */
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.lastId = '';
    this.retry = 1000;
    this.failures = 0;
    this.round = 0;
    this.timer = 0;
    this.abort = null;
  }

  /** Connects now, whatever was before. */
  async connect() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.round += 1;
    const round = this.round;
    let isDenied = false;
    try {
      isDenied = !(await this.read(round));
    } catch { /* the connection ended, which is all there is to know */ }
    if (round !== this.round) return;
    this.handlers.closed(isDenied);
    // Whoever is denied waits for a token, not for time.
    if (isDenied) return;
    const wait = Math.min(longestWait, this.retry * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures = Math.min(this.failures + 1, 5);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /** Reads to the end; false: this is not for those without another token. */
  async read(round) {
    const abort = new AbortController();
    this.abort = abort;
    let watch = setTimeout(() => abort.abort(), patience);
    try {
      const headers = { accept: 'text/event-stream' };
      if (this.lastId) headers['last-event-id'] = this.lastId;
      const response = await request(this.path, { headers, signal: abort.signal, cache: 'no-store' });
      if (response.status === 401 || response.status === 403) return false;
      if (!response.ok || !response.body) return true;
      this.failures = 0;
      this.handlers.open();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done || round !== this.round) return true;
        clearTimeout(watch);
        watch = setTimeout(() => abort.abort(), patience);
        rest = this.take(rest + value);
      }
    } finally {
      clearTimeout(watch);
      abort.abort();
    }
  }

  /** Handles the events that are complete; gives what remains. */
  take(text) {
    const blocks = text.split(/\r?\n\r?\n/);
    const rest = blocks.pop();
    for (const block of blocks) this.handle(block);
    return rest;
  }

  handle(block) {
    let name = 'message';
    const data = [];
    for (const line of block.split(/\r?\n/)) {
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === 'event') name = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') this.lastId = value;
      else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    }
    if (data.length > 0) this.handlers.event(name, data.join('\n'));
  }
}
