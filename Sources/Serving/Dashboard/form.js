// The form that tries a prediction and shows how it came about.

import { request } from './access.js';
import { barPlot } from './charts.js';
import { byId, decimal, element, fillTable, number, percent, resize, setText } from './format.js';

/** More inputs than this are one text of JSON instead. */
const mostInputs = 60;
const unused = new Set(['target', 'ignored', 'id', 'weight', 'time']);

const explanation = barPlot(byId('explanation-plot'));
let inputs = [];
let canExplain = true;
let isText = false;
let means = new Map();
let nextTry = 0;

/** Records that bring their features go as they are, one a line. */
async function post(path, record) {
  const isText = typeof record === 'string';
  const response = await request(path, {
    method: 'POST', headers: { 'content-type': isText ? 'text/plain' : 'application/json' },
    body: isText ? record : JSON.stringify(record),
  });
  const text = await response.text();
  let body = {};
  try { body = JSON.parse(text); } catch { /* an answer that is no JSON says nothing more than its status */ }
  return { isFine: response.ok, status: response.status, body };
}

const isNumeric = (role) => role === 'numeric' || role === 'numeric+categorical';

function labelled(text, input, className = '') {
  const label = element('label', text, className);
  label.append(input);
  return label;
}

/** Makes one input for each field that the model looks at. */
function build(fields) {
  const place = byId('try-fields');
  const used = fields.filter((field) => !unused.has(field.role));
  if (isText || used.length === 0 || used.length > mostInputs) {
    const area = element('textarea');
    area.value = isText ? '' : '{}';
    area.spellcheck = false;
    inputs = [{ area }];
    place.replaceChildren(labelled(isText ? 'Record as the stream has it' : 'Record as JSON', area, 'whole'));
    return;
  }
  inputs = used.map((field) => {
    const input = element('input');
    input.name = field.name;
    if (isNumeric(field.role)) input.inputMode = 'decimal';
    if (field.role === 'text') return { field, input, className: 'whole' };
    return { field, input, className: '' };
  });
  place.replaceChildren(...inputs.map(({ field, input, className }) => labelled(field.name, input, className)));
}

/** Loads the model's fields once; tried again later while there is no model yet, not when there is no such path. */
export async function prepareForm() {
  if (performance.now() < nextTry) return;
  nextTry = Infinity;
  const response = await request('/model').catch(() => null);
  if (!response?.ok) {
    if (!response || response.status >= 500) nextTry = performance.now() + 5000;
    return;
  }
  const model = await response.json().catch(() => ({}));
  canExplain = model.explain !== false;
  isText = model.record_type === 'text/plain';
  build(Array.isArray(model.fields) ? model.fields : []);
  byId('try-panel').hidden = false;
}

/** Takes the means of the fields as what a record may look like. */
export function noteFields(fields) {
  if (!Array.isArray(fields)) return;
  means = new Map(fields.filter((field) => number(field.mean) !== null).map((field) => [field.name, field.mean]));
  byId('try-typical').hidden = !inputs.some(({ field }) => field && isNumeric(field.role) && means.has(field.name));
}

/** The record that was typed; fields left empty are missing. */
function typed() {
  if (inputs[0]?.area) return isText ? inputs[0].area.value : JSON.parse(inputs[0].area.value);
  const record = {};
  for (const { field, input } of inputs) {
    const text = input.value.trim();
    if (text === '') continue;
    const value = Number(text.replace(',', '.'));
    record[field.name] = isNumeric(field.role) && Number.isFinite(value) ? value : text;
  }
  return record;
}

function showAnswer(answer) {
  const place = byId('try-answer');
  const prediction = typeof answer.prediction === 'number' ? decimal(answer.prediction) : String(answer.prediction);
  const lines = [element('p', prediction, 'result')];
  const probabilities = Array.isArray(answer.probabilities)
    ? answer.probabilities.map((value, index) => [String(index), value]) : Object.entries(answer.probabilities ?? {});
  if (probabilities.length > 0) {
    const table = element('div');
    const top = probabilities.sort((a, b) => b[1] - a[1]).slice(0, 5);
    fillTable(table, ['Class', 'Probability'], top.map(([name, value]) => [name, { number: percent(value) }]));
    lines.push(table);
  }
  if (answer.version !== undefined) lines.push(element('p', `by version ${answer.version}`, 'muted'));
  place.replaceChildren(...lines);
}

const units = { log_odds: 'log odds', log_probability: 'log probability', value: 'the value' };

/** How far the output moves when the record comes without the field. */
function showContributions(answer) {
  const parts = (Array.isArray(answer?.contributions) ? answer.contributions : [])
    .filter((part) => number(part.contribution) !== null && part.contribution !== 0)
    .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).slice(0, 12);
  const name = (part) => `${part.field} = ${typeof part.value === 'number' ? decimal(part.value) : String(part.value)}`;
  byId('explanation').hidden = parts.length === 0;
  setText(byId('explanation-unit'),
    parts.length ? `What each field adds to ${units[answer.unit] ?? 'the output'}` : '');
  if (parts.length > 0) {
    explanation.draw(parts.map(name), parts.map((part) => part.contribution), decimal);
    explanation.describe(`Contributions: ${parts.map((part) => `${name(part)} ${decimal(part.contribution)}`).join(', ')}`);
    fillTable(byId('explanation-numbers'), ['Field', 'Contribution'],
      parts.map((part) => [name(part), { number: decimal(part.contribution) }]));
  } else {
    resize(byId('explanation-numbers'), 0);
  }
}

function showError(text) {
  byId('try-answer').replaceChildren(element('p', text, 'error'));
  showContributions(null);
}

async function send() {
  let record;
  try {
    record = typed();
  } catch (error) {
    showError(`Not a JSON object: ${error.message}`);
    return;
  }
  const answer = await post('/predict', record);
  if (!answer.isFine) {
    showError(answer.body.error ?? `The engine answered ${answer.status}.`);
    return;
  }
  showAnswer(answer.body);
  if (!canExplain) {
    showContributions(null);
    return;
  }
  const reason = await post('/explain', record);
  if (reason.status === 501) canExplain = false;
  showContributions(reason.isFine ? reason.body : null);
}

byId('try').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = byId('try-send');
  button.disabled = true;
  try {
    await send();
  } catch {
    showError('The engine does not answer.');
  }
  button.disabled = false;
});

byId('try-typical').addEventListener('click', () => {
  for (const { field, input } of inputs) {
    if (!field || !isNumeric(field.role) || !means.has(field.name)) continue;
    input.value = String(Number(means.get(field.name).toPrecision(4)));
  }
});
