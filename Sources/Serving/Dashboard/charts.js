// Charts, by Chart.js when the server has it. Without it every draw does nothing and the page shows the numbers.

import { decimal, time } from './format.js';

const library = globalThis.Chart;

/** Whether there are charts at all. */
export const hasCharts = typeof library === 'function';

document.documentElement.classList.add(hasCharts ? 'charted' : 'plain');

const plots = new Set();
let colors = {};

function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['text', 'muted', 'grid', 'accent', 'second', 'third', 'fill', 'bar', 'negative', 'panel']) {
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
  if (!hasCharts) return;
  const defaults = library.defaults;
  defaults.animation = false;
  defaults.responsive = true;
  defaults.maintainAspectRatio = false;
  defaults.color = colors.muted;
  defaults.borderColor = colors.grid;
  defaults.font.family = getComputedStyle(document.body).fontFamily;
  defaults.font.size = 12.5;
  defaults.plugins.legend.display = false;
  Object.assign(defaults.plugins.tooltip, {
    backgroundColor: colors.panel, titleColor: colors.text, bodyColor: colors.text, footerColor: colors.text,
    borderColor: colors.muted, borderWidth: 1, cornerRadius: 4, caretSize: 0, padding: 8, boxPadding: 4,
    titleFont: { weight: '600' },
  });
}

readColors();

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colors = {};
  readColors();
  for (const plot of plots) plot.restart();
});

/** One chart on a canvas, made when it is first drawn and made anew when the colours change. */
class Plot {
  constructor(canvas, configure, apply) {
    this.canvas = canvas;
    this.configure = configure;
    this.apply = apply;
    this.chart = null;
    this.last = null;
    plots.add(this);
  }

  draw(...input) {
    if (!hasCharts) return;
    this.last = input;
    this.chart ??= new library(this.canvas, this.configure());
    this.apply(this.chart, ...input);
    this.chart.update('none');
  }

  describe(text) {
    if (this.canvas.getAttribute('aria-label') !== text) this.canvas.setAttribute('aria-label', text);
  }

  restart() {
    this.chart?.destroy();
    this.chart = null;
    if (this.last) this.draw(...this.last);
  }
}

// MARK: Over time

const steps = [5, 10, 15, 30, 60, 120, 300].map((seconds) => seconds * 1000);

/** Ticks at round times, so that they move along with the curve. */
function placeTimeTicks(axis) {
  const most = Math.max(2, Math.floor(axis.width / 90));
  const step = steps.find((size) => (axis.max - axis.min) / size <= most) ?? steps.at(-1);
  axis.ticks = [];
  for (let value = Math.ceil(axis.min / step) * step; value <= axis.max; value += step) axis.ticks.push({ value });
}

/** Vertical lines where a drift was detected. */
const driftMarks = {
  id: 'driftMarks',
  beforeDatasetsDraw(chart) {
    const { ctx, chartArea: area, scales } = chart;
    ctx.save();
    ctx.strokeStyle = colors.second;
    ctx.fillStyle = colors.second;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 3]);
    ctx.font = `12px ${library.defaults.font.family}`;
    ctx.textBaseline = 'top';
    let free = area.left;
    for (const mark of chart.$marks ?? []) {
      const x = Math.round(scales.x.getPixelForValue(mark.x)) + 0.5;
      if (x < area.left || x > area.right) continue;
      ctx.beginPath();
      ctx.moveTo(x, area.top);
      ctx.lineTo(x, area.bottom);
      ctx.stroke();
      const width = ctx.measureText(mark.text).width;
      const left = x + 4 + width < area.right ? x + 4 : x - 4 - width;
      if (left >= free) {
        ctx.fillText(mark.text, left, area.top);
        free = left + width + 8;
      }
    }
    ctx.restore();
  },
};

const looks = [
  { color: 'accent', width: 2, dashes: [] },
  { color: 'second', width: 1.5, dashes: [6, 4] },
  { color: 'third', width: 1.5, dashes: [2, 3] },
  { color: 'third', width: 1.5, dashes: [8, 3, 2, 3] },
];

/**
 * Curves over time. `draw(series, window, marks)`: series are { name, points: [{ x, y }], look, thin }, `window` is
 * { from, to } in milliseconds, marks are { x, text }.
 */
export function timePlot(canvas, { fromZero = false, format = decimal, fill = false, whole = false } = {}) {
  const configure = () => ({
    type: 'line',
    data: { datasets: [] },
    plugins: [driftMarks],
    options: {
      parsing: false,
      normalized: true,
      spanGaps: 5000,
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      elements: { point: { radius: 0, hitRadius: 8, hoverRadius: 3 } },
      layout: { padding: { top: 4 } },
      scales: {
        x: {
          type: 'linear', afterBuildTicks: placeTimeTicks, grid: { display: false },
          ticks: { callback: (value) => time(value), maxRotation: 0, autoSkip: false },
        },
        y: {
          beginAtZero: fromZero, grace: '8%', afterFit: (axis) => { axis.width = 54; },
          grid: { drawBorder: false }, ticks: {
            callback: (value) => format(value), maxTicksLimit: 6, ...(whole ? { precision: 0 } : {}),
          },
        },
      },
      plugins: {
        legend: {
          position: 'bottom', align: 'start',
          labels: { boxWidth: 22, boxHeight: 0, padding: 10, filter: (item) => Boolean(item.text) },
        },
        tooltip: {
          callbacks: {
            title: (items) => (items.length ? time(items[0].parsed.x) : ''),
            label: (item) => ` ${item.dataset.label || ''} ${format(item.parsed.y)}`,
          },
        },
      },
    },
  });
  const apply = (chart, series, window, marks) => {
    chart.$marks = marks;
    chart.options.scales.x.min = window.from;
    chart.options.scales.x.max = window.to;
    chart.options.plugins.legend.display = series.length > 1;
    const datasets = chart.data.datasets;
    datasets.length = series.length;
    series.forEach((one, index) => {
      const look = looks[one.look ?? Math.min(index, looks.length - 1)];
      datasets[index] = Object.assign(datasets[index] ?? {}, {
        label: one.name, data: one.points, borderColor: colors[look.color], backgroundColor: colors.fill,
        borderWidth: one.thin ? 1 : look.width, borderDash: look.dashes, fill: fill && index === 0,
        pointBackgroundColor: colors[look.color], order: index,
      });
    });
  };
  return new Plot(canvas, configure, apply);
}

// MARK: Distributions

/** A histogram. `draw(edges, counts, format)`: edges are one more than counts. */
export function histogramPlot(canvas) {
  const configure = () => ({
    type: 'bar',
    data: {
      labels: [],
      datasets: [{ data: [], backgroundColor: colors.bar, barPercentage: 1, categoryPercentage: 0.92 }],
    },
    options: {
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkip: true, autoSkipPadding: 14 } },
        y: {
          beginAtZero: true, grid: { drawBorder: false }, afterFit: (axis) => { axis.width = 54; },
          ticks: { maxTicksLimit: 5, format: { notation: 'compact' } },
        },
      },
    },
  });
  const apply = (chart, edges, counts, format) => {
    chart.data.labels = counts.map((_, bin) => format(edges[bin]));
    chart.data.datasets[0].data = counts;
    chart.options.plugins.tooltip = {
      callbacks: {
        title: ([item]) => (item ? `${format(edges[item.dataIndex])} to ${format(edges[item.dataIndex + 1])}` : ''),
      },
    };
  };
  return new Plot(canvas, configure, apply);
}

/** Horizontal bars. `draw(names, values, format)`; bars below zero have a colour of their own. */
export function barPlot(canvas) {
  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const configure = () => ({
    type: 'bar',
    data: {
      labels: [],
      datasets: [{ data: [], maxBarThickness: 22, categoryPercentage: 0.9, barPercentage: 0.85 }],
    },
    options: {
      indexAxis: 'y',
      scales: {
        x: {
          beginAtZero: true,
          grid: { drawBorder: false, color: (line) => (line.tick?.value === 0 ? colors.muted : colors.grid) },
          ticks: { maxTicksLimit: 5, maxRotation: 0, autoSkipPadding: 16 },
        },
        y: {
          grid: { display: false, drawBorder: false },
          ticks: {
            autoSkip: false, color: colors.text,
            callback(value) {
              return short(this.getLabelForValue(value), Math.max(10, Math.floor(this.chart.width / 20)));
            },
          },
        },
      },
    },
  });
  const apply = (chart, names, values, format) => {
    chart.data.labels = names;
    const bars = chart.data.datasets[0];
    bars.data = values;
    bars.backgroundColor = values.map((value) => (value < 0 ? colors.negative : colors.bar));
    chart.options.scales.x.ticks.callback = (value) => format(value);
    chart.options.plugins.tooltip = { callbacks: { label: (item) => ` ${format(item.parsed.x)}` } };
  };
  return new Plot(canvas, configure, apply);
}

/** Observed against predicted frequency. `draw(points)`: points are { x, y, count }. */
export function calibrationPlot(canvas) {
  const axis = (text) => ({
    type: 'linear', min: 0, max: 1, grid: { drawBorder: false },
    title: { display: true, text, padding: 0 },
    ticks: { stepSize: 0.25, maxRotation: 0, callback: (value) => String(value) },
  });
  const configure = () => ({
    type: 'line',
    data: {
      datasets: [
        {
          data: [], borderColor: colors.accent, backgroundColor: colors.accent, borderWidth: 2,
          pointHitRadius: 10, clip: 8,
        },
        {
          data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], borderColor: colors.third, borderWidth: 1, borderDash: [4, 4],
          pointRadius: 0, pointHitRadius: 0, pointHoverRadius: 0,
        },
      ],
    },
    options: {
      parsing: false,
      scales: { x: axis('predicted'), y: axis('observed') },
      plugins: {
        tooltip: {
          filter: (item) => item.datasetIndex === 0,
          callbacks: {
            title: () => '',
            label: ({ raw }) => ` predicted ${decimal(raw.x)}, observed ${decimal(raw.y)}, ${raw.count ?? 0} records`,
          },
        },
      },
    },
  });
  const apply = (chart, points) => {
    const most = Math.max(1, ...points.map((point) => point.count ?? 0));
    chart.data.datasets[0].data = points;
    chart.data.datasets[0].pointRadius = points.map((point) => 2 + 4 * Math.sqrt((point.count ?? 0) / most));
  };
  return new Plot(canvas, configure, apply);
}
