// One function a panel: shows what a status has and hides the panel of what it has not.

import { barPlot, calibrationPlot, hasCharts, histogramPlot, timePlot } from './charts.js';
import {
  brief, byId, bytes, count, dash, decimal, duration, element, fillPairs, fillRows, fillTable, metric, milliseconds,
  number, percent, resize, setText, time, title, total,
} from './format.js';
import { summary } from './history.js';

const show = (id, isShown) => { byId(id).hidden = !isShown; return isShown; };
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const entries = (value) => (isObject(value) ? Object.entries(value) : []);

/** Metrics of which less is better. */
const losses = new Set(['log_loss', 'average_loss', 'mae', 'rmse']);

/** Which baselines say something about a metric, by key. */
const baselineKeys = {
  accuracy: ['no_change', 'majority'], rmse: ['no_change', 'mean'], mae: ['no_change_mae', 'mean_mae'],
};

const plots = {
  metric: timePlot(byId('metric-plot'), { format: decimal }),
  rate: timePlot(byId('rate-plot'), { format: brief, fromZero: true, fill: true }),
  loss: timePlot(byId('loss-plot')),
  latency: timePlot(byId('latency-plot'), { format: decimal, fromZero: true }),
  lag: timePlot(byId('lag-plot'), { format: brief, fromZero: true, fill: true, whole: true }),
  predictions: histogramPlot(byId('predictions-plot')),
  targets: histogramPlot(byId('targets-plot')),
  classes: null,
  calibration: calibrationPlot(byId('calibration-plot')),
  features: barPlot(byId('features-plot')),
};

/** Draws curves and writes their numbers. */
function curves(name, series, history, marks, format) {
  plots[name].draw(series, history.window(), marks);
  const rows = [];
  for (const { name: label, points } of series) {
    const all = summary(points);
    if (all) rows.push([label, ...[all.now, all.low, all.mean, all.high].map((value) => ({ number: format(value) }))]);
  }
  fillTable(byId(`${name}-numbers`), ['', 'Now', 'Least', 'Mean', 'Most'], rows);
  plots[name].describe(rows.map((row) => `${row[0]} ${row[1].number}`).join(', '));
}

// MARK: The strip

function figure(name, value, note, mark) { return value === dash ? null : { name, value, note: note ?? '', mark }; }

/** A text with its unit; nothing when it is not known. */
const after = (text, unit) => (text === dash ? '' : text + unit);

/** How a metric stands to the best of its baselines. */
function comparison(name, status) {
  const value = number(status.metrics?.[name]);
  const rivals = (baselineKeys[name] ?? []).map((key) => [key, number(status.baselines?.[key])])
    .filter(([, rival]) => rival !== null);
  if (value === null || !rivals.length) return null;
  const isLoss = losses.has(name);
  const [key, best] = rivals.reduce((a, b) => ((isLoss ? b[1] < a[1] : b[1] > a[1]) ? b : a));
  const gain = value - best;
  const sign = gain < 0 ? '−' : '+';
  const size = decimal(Number(Math.abs(gain).toPrecision(3)));
  return { text: `${title(key).toLowerCase()} ${sign}${size}`, isBetter: isLoss ? gain < 0 : gain > 0 };
}

export function showFigures(status, point, name) {
  const versus = comparison(name, status);
  const age = number(status.snapshots?.age_seconds);
  const rejected = number(status.rejected);
  const served = number(status.service?.predictions_per_second);
  const figures = [
    figure('Records', total(status.records)),
    figure('Records/s', brief(point.rate)),
    figure('Rejected', total(rejected), rejected > 0 ? percent(rejected / ((point.records ?? 0) + rejected)) : '',
      rejected > 0 ? 'flag' : ''),
    name
      ? figure(title(name), metric(status.metrics?.[name]), versus?.text, versus?.isBetter ? 'better' : 'worse')
      : null,
    figure('Loss since last', metric(status.loss_since_last)),
    figure('Version', total(status.version), after(duration(status.age_seconds), ' old')),
    figure('Predictions/s', served > 0 ? brief(served) : dash),
    figure('p99 latency', after(milliseconds(status.latency?.p99), ' ms') || dash),
    figure('Source lag', brief(point.lag), point.lag === null ? '' : 'records'),
    figure('Snapshot', age !== null && age < 1 ? 'just now' : after(duration(age), ' ago') || dash, after(bytes(status.snapshots?.bytes), '')),
  ].filter(Boolean);
  const cells = resize(byId('figures'), figures.length, () =>
    element('div', [element('dt'), element('dd'), element('dd', '', 'note')]));
  figures.forEach((one, index) => {
    const [term, value, note] = cells[index].children;
    setText(term, one.name);
    setText(value, one.value);
    setText(note, one.note);
    note.className = `note ${one.mark ?? ''}`;
  });
}

// MARK: Over time

/** The metrics to choose from; gives the chosen one. */
export function chooseMetric(status) {
  const names = entries(status.metrics).filter(([, value]) => number(value) !== null).map(([name]) => name);
  const choice = byId('metric-choice');
  if (names.join() !== [...choice.options].map((option) => option.value).join()) {
    const before = choice.value;
    choice.replaceChildren(...names.map((name) => new Option(title(name), name)));
    if (names.includes(before)) choice.value = before;
  }
  return choice.value;
}

export function showMetric(status, history, name, marks) {
  const baselines = (baselineKeys[name] ?? []).filter((key) => number(status.baselines?.[key]) !== null);
  if (!show('metric-panel', Boolean(name))) return;
  setText(byId('metric-title'), baselines.length ? 'Metric against baselines' : 'Metric');
  const series = [{ name: title(name), points: history.curve((point) => point.metrics[name]) }];
  const recent = history.recent(name);
  if (recent.length > 1) series.push({ name: 'last 30 s', points: recent, look: 0, thin: true });
  baselines.forEach((key, index) => {
    series.push({ name: title(key), points: history.curve((point) => point.baselines[key]), look: index + 1 });
  });
  curves('metric', series, history, marks, metric);
}

export function showTimes(status, history, marks) {
  if (show('rate-panel', number(history.last.rate) !== null)) {
    curves('rate', [{ name: 'Records/s', points: history.curve((point) => point.rate) }], history, marks, brief);
  }
  const loss = history.curve((point) => point.loss);
  if (show('loss-panel', loss.length > 0)) curves('loss', [{ name: 'Loss', points: loss }], history, marks, metric);
  const percentiles = entries(status.latency).map(([key]) => key).filter((key) => /^p\d/.test(key))
    .sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  if (show('latency-panel', percentiles.some((key) => number(status.latency[key]) !== null))) {
    const series = percentiles.map((key, index) =>
      ({ name: key, points: history.curve((point) => point.latency[key]), look: index }));
    curves('latency', series, history, [], milliseconds);
  }
}

// MARK: Distributions

const edgesOf = (low, high, bins) => Array.from({ length: bins + 1 }, (_, edge) => low + ((high - low) * edge) / bins);
const isCounts = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => number(one) !== null);

function histogram(name, values) {
  const edges = edgesOf(number(values.low) ?? 0, number(values.high) ?? 1, values.histogram.length);
  plots[name].draw(edges, values.histogram, decimal);
  const rows = values.histogram.map((size, bin) =>
    [`${decimal(edges[bin])} to ${decimal(edges[bin + 1])}`, { number: count(size) }]);
  fillTable(byId(`${name}-numbers`), ['Range', 'Records'], rows);
  const most = values.histogram.indexOf(Math.max(...values.histogram));
  plots[name].describe(`Histogram of ${name}, most in ${rows[most][0]}`);
}

export function showDistributions(status) {
  const { predictions, targets } = status;
  if (show('predictions-panel', isObject(predictions) && isCounts(predictions.histogram))) {
    const unit = { binary: `probability of ${status.classes?.[1] ?? 'the positive class'}`, multiclass: 'probability' };
    setText(byId('predictions-unit'), unit[status.task] ?? 'value');
    histogram('predictions', predictions);
  }
  const classes = entries(targets?.counts).filter(([, size]) => number(size) !== null).sort((a, b) => b[1] - a[1]);
  const isHistogram = isCounts(targets?.histogram);
  if (!show('targets-panel', classes.length > 0 || isHistogram)) return;
  if (isHistogram) {
    setText(byId('targets-unit'), 'value');
    histogram('targets', targets);
    return;
  }
  const all = classes.reduce((sum, [, size]) => sum + size, 0) || 1;
  const shown = classes.slice(0, 12);
  const isPart = classes.length > shown.length;
  setText(byId('targets-unit'), isPart ? `${shown.length} of ${classes.length} classes` : 'share of each class');
  plots.classes ??= barPlot(byId('targets-plot'));
  const shares = shown.map(([, size]) => size / all);
  plots.classes.draw(shown.map(([name]) => name), shares, (share) => `${decimal(share * 100)} %`);
  plots.classes.describe(shown.map(([name, size]) => `${name} ${percent(size / all)}`).join(', '));
  fillTable(byId('targets-numbers'), ['Class', 'Records', 'Share'],
    shown.map(([name, size]) => [name, { number: count(size) }, { number: percent(size / all) }]));
}

export function showModel(status) {
  const calibration = (Array.isArray(status.calibration) ? status.calibration : [])
    .filter((bin) => number(bin.predicted) !== null && number(bin.observed) !== null);
  if (show('calibration-panel', calibration.length > 0)) {
    plots.calibration.draw(calibration.map((bin) => ({ x: bin.predicted, y: bin.observed, count: bin.count })));
    plots.calibration.describe('Observed against predicted frequency');
    fillTable(byId('calibration-numbers'), ['Predicted', 'Observed', 'Records'], calibration.map((bin) =>
      [decimal(bin.predicted), { number: decimal(bin.observed) }, { number: count(bin.count) }]));
  }
  const features = (Array.isArray(status.features) ? status.features : [])
    .filter((one) => number(one.influence) !== null && one.influence > 0).slice(0, 12);
  if (show('features-panel', features.length > 0)) {
    const unit = { binary: 'log odds', multiclass: 'log probability' }[status.task] ?? status.target ?? 'the value';
    setText(byId('features-unit'), `mean change of ${unit} without it`);
    plots.features.draw(features.map((one) => one.name), features.map((one) => one.influence), decimal);
    plots.features.describe(features.map((one) => `${one.name} ${decimal(one.influence)}`).join(', '));
    fillTable(byId('features-numbers'), ['Field', 'Influence'],
      features.map((one) => [one.name, { number: decimal(one.influence) }]));
  }
}

// MARK: Tables

const mostFields = 100;

/** A histogram as a path in a box of 100 by 20. */
function sparkline(cell, counts) {
  if (!isCounts(counts)) {
    if (cell.firstChild) cell.replaceChildren();
    return;
  }
  let svg = cell.firstElementChild;
  if (!svg) {
    const space = 'http://www.w3.org/2000/svg';
    svg = document.createElementNS(space, 'svg');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('viewBox', '0 0 100 20');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS(space, 'path'));
    cell.replaceChildren(svg);
  }
  const most = Math.max(...counts, 1);
  const width = 100 / counts.length;
  const bars = counts.map((size, bin) => {
    const height = size > 0 ? Math.max(1, (size / most) * 20) : 0.4;
    return `M${(bin * width).toFixed(2)} 20v${(-height).toFixed(2)}h${(width * 0.86).toFixed(2)}V20z`;
  });
  svg.firstElementChild.setAttribute('d', bars.join(''));
}

function fieldLine() {
  const head = element('th');
  head.scope = 'row';
  const numberCell = () => element('td', '', 'number');
  return element('tr', [head, element('td', '', 'muted'), element('td'), numberCell(), numberCell(), numberCell(),
    numberCell(), numberCell(), numberCell()]);
}

export function showFields(status) {
  const fields = (Array.isArray(status.fields) ? status.fields : []).filter(isObject);
  if (!show('fields-panel', fields.length > 0)) return;
  const shown = fields.slice(0, mostFields);
  setText(byId('fields-count'), shown.length < fields.length ? `${shown.length} of ${count(fields.length)}` : '');
  const lines = resize(byId('fields'), shown.length, fieldLine);
  shown.forEach((field, index) => {
    const cells = lines[index].children;
    setText(cells[0], String(field.name));
    setText(cells[1], field.role ?? '');
    sparkline(cells[2], field.histogram);
    const texts = [
      percent(field.missing), decimal(field.min), decimal(field.mean), decimal(field.max), brief(field.distinct),
      brief(field.unseen),
    ];
    texts.forEach((text, column) => setText(cells[column + 3], text));
    cells[3].classList.toggle('flag', number(field.missing) !== null && field.missing >= 0.1);
  });
}

export function showOperation(status, history, marks) {
  const lags = entries(status.lag);
  const source = entries(status.source).filter(([, value]) => number(value) !== null || typeof value === 'string');
  if (show('lag-panel', lags.length + source.length > 0)) {
    const curve = history.curve((point) => point.lag);
    if (show('lag-area', hasCharts && curve.length > 0)) {
      plots.lag.draw([{ name: 'Lag', points: curve }], history.window(), marks);
      plots.lag.describe(`All parts ${count(history.last.lag)} records behind`);
    }
    fillRows(byId('lag'), lags.map(([part, lag]) => [part, { number: number(lag) === null ? 'unknown' : count(lag) }]));
    byId('lag').parentElement.hidden = lags.length === 0;
    const text = (value) => (typeof value === 'string' ? value : count(value));
    fillPairs(byId('source'), source.map(([key, value]) => [title(key), text(value)]));
  }
  const kept = isObject(status.snapshots) ? status.snapshots : null;
  if (show('snapshots-panel', kept !== null)) {
    fillPairs(byId('snapshots'), [
      ['Last', number(kept.age_seconds) === null ? 'none yet' : kept.age_seconds < 1 ? 'just now' : `${duration(kept.age_seconds)} ago`],
      ['Size', bytes(kept.bytes)], ['Taken', count(kept.count)], ['Failures', count(kept.failures)],
    ].filter(([, value]) => value !== dash));
    byId('snapshots').lastElementChild?.classList.toggle('flag', kept.failures > 0);
  }
  const drifts = (Array.isArray(status.drifts) ? status.drifts : []).slice(-20).reverse();
  if (show('drifts-panel', drifts.length > 0)) {
    fillRows(byId('drifts'), drifts.map((drift) => {
      const when = history.timeOf(drift.record);
      return [count(drift.record), drift.detector ?? '', { number: when === null ? 'earlier' : time(when) }];
    }));
  }
}
