// What the page remembers: a bounded list of points in time.

import { number } from './format.js';

/** Points kept; at one a second ten minutes. */
export const limit = 600;

const recentSpan = 30_000;

/** How a running metric and its count give the metric of a part: mean or root of the mean square. */
const parts = {
  accuracy: (value) => value, mae: (value) => value, log_loss: (value) => value, average_loss: (value) => value,
  rmse: (value) => value * value,
};

export class History {
  constructor() {
    this.points = [];
  }

  get last() { return this.points.at(-1); }

  /** Takes one status; begins anew when the stream began anew. */
  add(now, status) {
    const last = this.last;
    const records = number(status.records);
    if (last && records !== null && records < last.records) this.points = [];
    let rate = number(status.records_per_second);
    if (rate === null && this.last && records !== null && now > this.last.time) {
      rate = ((records - this.last.records) * 1000) / (now - this.last.time);
    }
    const lags = Object.values(status.lag ?? {}).map(number).filter((lag) => lag !== null);
    this.points.push({
      time: now,
      records,
      learned: number(status.learned),
      rate,
      metrics: status.metrics ?? {},
      baselines: status.baselines ?? {},
      loss: number(status.loss_since_last),
      latency: status.latency ?? {},
      lag: lags.length ? lags.reduce((sum, lag) => sum + lag, 0) : null,
    });
    if (this.points.length > limit) this.points.splice(0, this.points.length - limit);
  }

  /** One curve: what `value` takes from every point. */
  curve(value) {
    const curve = [];
    for (const point of this.points) {
      const y = number(value(point));
      if (y !== null) curve.push({ x: point.time, y });
    }
    return curve;
  }

  /** The metric of the records learned in the last half minute, from differences of the running one. */
  recent(name) {
    const part = parts[name];
    if (!part) return [];
    const curve = [];
    let start = 0;
    for (const point of this.points) {
      while (this.points[start].time < point.time - recentSpan) start += 1;
      const first = this.points[start];
      const value = number(point.metrics[name]);
      const before = number(first.metrics[name]);
      const learned = (point.learned ?? 0) - (first.learned ?? 0);
      if (value === null || before === null || learned < 50 || point.time - first.time < recentSpan / 3) continue;
      const sum = part(value) * point.learned - part(before) * first.learned;
      const mean = Math.max(0, sum / learned);
      const whole = name === 'rmse' ? Math.sqrt(mean) : mean;
      curve.push({ x: point.time, y: name === 'accuracy' ? Math.min(1, whole) : whole });
    }
    return curve;
  }

  /** The part of time that charts show: all there is, and a minute at least. */
  window() {
    const to = this.last?.time ?? Date.now();
    const first = this.points[0]?.time ?? to;
    return { from: Math.min(first, to - 60_000), to };
  }

  /** When a record arrived; null when it was before this page looked. */
  timeOf(record) {
    for (let index = 1; index < this.points.length; index += 1) {
      const [before, after] = [this.points[index - 1], this.points[index]];
      if (record <= before.records || record > after.records) continue;
      const share = (record - before.records) / (after.records - before.records);
      return before.time + share * (after.time - before.time);
    }
    return null;
  }
}

/** Now, least, most and mean of a curve. */
export function summary(curve) {
  let [low, high, sum] = [Infinity, -Infinity, 0];
  for (const { y } of curve) {
    low = Math.min(low, y);
    high = Math.max(high, y);
    sum += y;
  }
  return curve.length ? { now: curve.at(-1).y, low, high, mean: sum / curve.length } : null;
}
