// The live page: takes the engine's stream of statuses, remembers a while and shows it.

import { byId, duration, number, setText, title } from './format.js';
import { noteFields, prepareForm } from './form.js';
import { History } from './history.js';
import {
  chooseMetric, showDistributions, showFields, showFigures, showMetric, showModel, showOperation, showTimes,
} from './panels.js';

const history = new History();
let status = null;
let stream = null;
let isConnected = false;
let heard = performance.now();

// MARK: Showing

/** Vertical lines for the drifts that happened while this page looked. */
function marks() {
  const drifts = Array.isArray(status.drifts) ? status.drifts : [];
  return drifts.map((drift) => ({ x: history.timeOf(drift.record), text: drift.detector ?? 'drift' }))
    .filter((mark) => mark.x !== null);
}

function render() {
  if (!status || document.hidden) return;
  const metric = chooseMetric(status);
  const drifts = marks();
  setText(byId('model'), [status.learner, status.task].filter(Boolean).join(' · '));
  showFigures(status, history.last, metric);
  showMetric(status, history, metric, drifts);
  showTimes(status, history, drifts);
  showDistributions(status);
  showModel(status);
  showFields(status);
  showOperation(status, history, drifts);
  const value = number(status.metrics?.[metric]);
  document.title = value === null ? 'Thalweg' : `${title(metric)} ${value.toFixed(3)} · Thalweg`;
}

function take(event) {
  let next;
  try {
    next = JSON.parse(event.data);
  } catch {
    return;
  }
  if (typeof next !== 'object' || next === null) return;
  heard = performance.now();
  isConnected = true;
  status = next;
  history.add(Date.now(), status);
  render();
  showConnection();
  if (number(status.version) !== null || status.records > 0) prepareForm();
  noteFields(status.fields);
}

// MARK: The connection

function showConnection() {
  const silence = (performance.now() - heard) / 1000;
  let [state, text] = ['live', 'Live'];
  if (!isConnected) [state, text] = status ? ['lost', 'Reconnecting'] : ['connecting', 'Connecting'];
  else if (silence > 5) [state, text] = ['lost', 'Silent'];
  else if (!status) [state, text] = ['connecting', 'Waiting for the first numbers'];
  byId('connection').dataset.state = state;
  setText(byId('state'), text);
  // Beside the announced state, so that screen readers do not count along.
  const ago = duration(Math.max(1, Math.round(silence)));
  setText(byId('silence'), state === 'lost' && status ? `, last heard ${ago} ago` : '');
}

function connect() {
  stream = new EventSource('/events');
  stream.addEventListener('status', take);
  stream.addEventListener('open', () => {
    isConnected = true;
    heard = performance.now();
    showConnection();
  });
  stream.addEventListener('error', () => {
    isConnected = false;
    showConnection();
  });
}

// EventSource tries again by itself, but gives up when it is answered with an error.
setInterval(() => {
  if (stream.readyState === EventSource.CLOSED) connect();
  showConnection();
}, 2000);

document.addEventListener('visibilitychange', render);
byId('metric-choice').addEventListener('change', render);
showConnection();
connect();
