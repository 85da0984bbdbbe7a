// Numbers, durations and sizes as text; small helpers for elements.

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const large = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 7 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const dash = '–';

/** A finite number, or null for everything else. */
export const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

const known = (write) => (value) => (number(value) === null ? dash : write(value));

export const count = known((value) => counts.format(value));
/** A count that grows all the time, in a space for ten characters. */
export const total = known((value) => (value < 1e8 ? counts : large).format(value));
export const brief = known((value) => (Math.abs(value) < 10000 ? counts.format(value) : compact.format(value)));
export const percent = known((value) => {
  const share = value * 100;
  if (share === 0) return '0 %';
  return `${share >= 10 ? share.toFixed(1) : share < 0.01 ? '<0.01' : share.toFixed(2)} %`;
});

/** Four significant digits, without trailing noise. */
export const decimal = known((value) => {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return counts.format(value);
  return String(Number(value.toPrecision(4)));
});

/** As many decimals as a running number needs so that it does not jump about. */
export const metric = known((value) => (Math.abs(value) < 10 ? value.toFixed(4) : decimal(value)));

export const milliseconds = known((value) => (value < 10 ? value.toFixed(2) : value.toFixed(0)));

export const duration = known((seconds) => {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
});

export const bytes = known((value) => {
  let rest = value;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (rest < 1000) return `${rest < 10 && unit !== 'B' ? rest.toFixed(1) : Math.round(rest)} ${unit}`;
    rest /= 1000;
  }
  return `${rest.toFixed(1)} TB`;
});

export const time = (stamp) => clock.format(stamp);

const names = {
  accuracy: 'Accuracy', log_loss: 'Log loss', roc_auc: 'ROC AUC', kappa: 'Kappa', kappa_temporal: 'Kappa (temporal)',
  f1: 'F1', mae: 'MAE', rmse: 'RMSE', r2: 'R²', average_loss: 'Average loss', no_change: 'No change',
  majority: 'Majority', mean: 'Mean', no_change_mae: 'No change', mean_mae: 'Mean',
};

/** What a key is called on the page. */
export const title = (key) => {
  if (names[key]) return names[key];
  const words = String(key).replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const byId = (id) => document.getElementById(id);

/** A new element with text or children. */
export function element(tag, content, className) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (Array.isArray(content)) node.append(...content);
  else if (content !== undefined) node.textContent = content;
  return node;
}

/** Sets text only when it changes, so that an unchanged number costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes the number of `parent`'s children `length`; `make` gives a new one. */
export function resize(parent, length, make) {
  while (parent.children.length > length) parent.lastElementChild.remove();
  while (parent.children.length < length) parent.append(make());
  return parent.children;
}

/** Shows rows of cells in `body`; the first cell heads the row, cells that are no text come as { number: text }. */
export function fillRows(body, rows) {
  const lines = resize(body, rows.length, () => document.createElement('tr'));
  rows.forEach((cells, row) => {
    const line = lines[row];
    while (line.children.length > cells.length) line.lastElementChild.remove();
    while (line.children.length < cells.length) {
      const head = line.children.length === 0;
      const cell = document.createElement(head ? 'th' : 'td');
      if (head) cell.scope = 'row';
      line.append(cell);
    }
    cells.forEach((cell, column) => {
      const isNumber = typeof cell === 'object';
      line.children[column].className = isNumber ? 'number' : '';
      setText(line.children[column], isNumber ? cell.number : cell);
    });
  });
}

/** A table with a heading row inside `place`, made once. */
export function fillTable(place, heads, rows) {
  let table = place.firstElementChild;
  if (!table) {
    const line = element('tr', heads.map((text, column) => {
      const head = element('th', text, column > 0 ? 'number' : '');
      head.scope = 'col';
      return head;
    }));
    table = element('table', [element('thead', [line]), document.createElement('tbody')]);
    place.append(table);
  }
  fillRows(table.lastElementChild, rows);
}

/** Names and values in a description list. */
export function fillPairs(list, pairs) {
  const cells = resize(list, pairs.length * 2, () => document.createElement(list.children.length % 2 ? 'dd' : 'dt'));
  pairs.forEach(([name, value], index) => {
    setText(cells[index * 2], name);
    setText(cells[index * 2 + 1], value);
  });
}
