// The live page: takes the engine's stream of statuses, remembers a while and shows it.

import { onToken } from './access.js';
import { byId, duration, number, setText, title } from './format.js';
import { noteFields, prepareForm } from './form.js';
import { History } from './history.js';
import {
  chooseMetric, showDistributions, showFields, showFigures, showMetric, showModel, showOperation, showTimes,
} from './panels.js';
import { EventReader } from './stream.js';

const history = new History();
let status = null;
let isConnected = false;
let isDenied = false;
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

function take(name, data) {
  if (name !== 'status') return;
  let next;
  try {
    next = JSON.parse(data);
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
  if (number(status.version) !== null) prepareForm();
  noteFields(status.fields);
}

// MARK: The connection

function showConnection() {
  const silence = (performance.now() - heard) / 1000;
  let [state, text] = ['live', 'Live'];
  if (isDenied) [state, text] = ['lost', 'Token wanted'];
  else if (!isConnected) [state, text] = status ? ['lost', 'Reconnecting'] : ['connecting', 'Connecting'];
  else if (silence > 5) [state, text] = ['lost', 'Silent'];
  else if (!status) [state, text] = ['connecting', 'Waiting for the first numbers'];
  byId('connection').dataset.state = state;
  setText(byId('state'), text);
  // Beside the announced state, so that screen readers do not count along.
  const ago = duration(Math.max(1, Math.round(silence)));
  setText(byId('silence'), state === 'lost' && status ? `, last heard ${ago} ago` : '');
}

const stream = new EventReader('/events', {
  event: take,
  open() {
    isConnected = true;
    heard = performance.now();
    showConnection();
  },
  closed(denied) {
    isConnected = false;
    isDenied = denied;
    showConnection();
  },
});

onToken(() => {
  isDenied = false;
  showConnection();
  stream.connect();
});

setInterval(showConnection, 2000);

document.addEventListener('visibilitychange', render);
byId('metric-choice').addEventListener('change', render);
showConnection();
stream.connect();
