// What the AI says, as a panel: data that were used, findings with their numbers. Editable while it is a draft.

import { editable, language, number, parseNumber, pick, say, unit } from './words.js';

// One meaning a colour: what the AI proposes begins with amber, what a person endorsed with teal (tokens.css). Told apart by
// their numbers too.
const PROPOSED = ['#ffb84d', '#6ec6ff', '#ff9ecb', '#b9e769', '#c9b3ff', '#ffd9a0'];
const ENDORSED = ['#5fe0c8', '#6ec6ff', '#ff9ecb', '#b9e769', '#c9b3ff', '#ffd9a0'];

const $ = (id) => document.getElementById(id);
const clone = (id) => $(id).content.firstElementChild.cloneNode(true);

export class Draft extends EventTarget {
  /** Events: "edited", "see" {finding}. */
  constructor() {
    super();
    this.content = null;
    this.rows = [];
    this.added = [];
    $('add-button').addEventListener('click', () => this.add());
    $('add-label').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.ctrlKey) return;
      event.preventDefault();
      this.add();
    });
  }

  /**
   * Show a content.
   * @param {object} content as the API gives it
   * @param {{canEdit: boolean, endorsed?: boolean}} manner
   */
  show(content, { canEdit, endorsed = false }) {
    this.colours = endorsed ? ENDORSED : PROPOSED;
    $('review').dataset.said = endorsed ? 'person' : 'model';
    this.content = content;
    this.canEdit = canEdit;
    this.added = [];
    this.showCautions();
    this.showInputs();
    this.rows = content.findings.map((finding, at) => this.row(finding, at));
    $('add').hidden = !canEdit;
    this.showKeyImages([]);
    $('findings-block').hidden = false;
    $('no-draft').hidden = true;
    this.list();
  }

  /** Put the rows in. Only when there are others: a field that somebody types in must not leave the page. */
  list() {
    $('findings').replaceChildren(...this.all.map((row) => row.element));
    this.count();
  }

  count() {
    $('findings-count').textContent = String(this.all.length);
    $('nothing-found').hidden = this.all.some((row) => row.presence() === 'present');
  }

  get all() {
    return [...this.rows, ...this.added];
  }

  showCautions() {
    $('cautions').hidden = !this.content.cautions.length;
    $('cautions').querySelector('ul').replaceChildren(...this.content.cautions.map((text) => item('li', pick(text))));
  }

  showInputs() {
    $('inputs').hidden = !this.content.inputs.length;
    $('inputs').querySelector('tbody').replaceChildren(...this.content.inputs.map(inputRow));
  }

  /** Offer the images that the AI calls worth looking at first. */
  showKeyImages(entries) {
    $('key-images').hidden = !entries.length;
    $('key-images').querySelector('.why').textContent = [...new Set(entries.map(({ image }) => pick(image.label)))].join(', ');
    $('key-images').querySelector('ul').replaceChildren(
      ...entries.map(({ image, slice }) => {
        const button = item('button', String(slice));
        button.type = 'button';
        button.setAttribute('aria-label', say('keyImage', { label: pick(image.label), index: slice }));
        button.addEventListener('click', () => this.dispatchEvent(new CustomEvent('look', { detail: { image } })));
        const entry = document.createElement('li');
        entry.append(button);
        return entry;
      }),
    );
  }

  // ---------------------------------------------------------------------------------------------------- findings

  row(finding, at) {
    const element = clone('finding-template');
    const find = (selector) => element.querySelector(selector);
    find('h3').textContent = pick(finding.label);
    find('.mark').textContent = String(at + 1);
    const colour = this.colours[at % this.colours.length];
    element.style.setProperty('--mark', colour);
    element.dataset.origin = finding.origin;
    find('.by-reader').hidden = finding.origin !== 'person';
    showScore(finding, element);
    const row = { finding, element, number: at + 1, colour };
    row.quantities = finding.quantities.map((quantity) => this.quantity(quantity, find('.quantities')));
    this.connectPresence(row);
    this.connectFoot(row);
    return row;
  }

  quantity(quantity, parent) {
    const element = clone('quantity-template');
    const input = element.querySelector('input');
    const shown = `${number(quantity.value)} ${unit(quantity.unit.code)}`.trim();
    element.querySelector('.label').textContent = pick(quantity.label);
    element.querySelector('.unit').textContent = unit(quantity.unit.code);
    element.querySelector('.read').textContent = this.canEdit ? '' : shown;
    element.querySelector('.entry').hidden = !this.canEdit;
    input.value = editable(quantity.value);
    input.disabled = !this.canEdit;
    input.addEventListener('input', () => {
      const typed = parseNumber(input.value);
      const differs = typed === null || !sameNumber(typed, quantity.value);
      input.setAttribute('aria-invalid', String(typed === null));
      element.classList.toggle('edited', differs);
      element.querySelector('.was').hidden = !differs;
      element.querySelector('.was').textContent = say('proposed', { value: shown });
      this.edited();
    });
    parent.append(element);
    return { quantity, input };
  }

  connectPresence(row) {
    const select = row.element.querySelector('.presence select');
    const words = row.element.querySelector('.presence-text');
    select.value = row.finding.presence;
    row.element.dataset.presence = row.finding.presence;
    words.textContent = this.canEdit ? '' : select.selectedOptions[0].textContent;
    row.element.querySelector('.presence').hidden = !this.canEdit;
    row.presence = () => (row.keep() ? select.value : '');
    row.wordOf = (value) => select.querySelector(`option[value="${value}"]`).textContent;
    select.addEventListener('change', () => {
      row.element.dataset.presence = select.value;
      this.edited();
    });
    row.select = select;
  }

  connectFoot(row) {
    const { element, finding } = row;
    const keep = element.querySelector('.keep input');
    const see = element.querySelector('.see');
    element.querySelector('.keep').hidden = !this.canEdit;
    row.keep = () => keep.checked;
    row.keepBox = keep;
    see.hidden = finding.segment === null && !finding.regions.length;
    see.addEventListener('click', () => this.dispatchEvent(new CustomEvent('see', { detail: { row } })));
    keep.addEventListener('change', () => {
      element.classList.toggle('dropped', !keep.checked);
      for (const { input } of row.quantities) input.disabled = !keep.checked;
      this.edited();
    });
  }

  /** Say on the button of a finding which slice it leads to. */
  setPlace(row, slice) {
    const see = row.element.querySelector('.see');
    see.textContent = slice === null ? '' : say('seeSlice', { index: slice });
    see.hidden = slice === null;
    const place = row.element.querySelector('.place');
    place.hidden = slice !== null;
    place.textContent = slice === null ? say('notInImages') : '';
  }

  choose(row) {
    for (const one of this.rows) one.element.classList.toggle('chosen', one === row);
    row.element.scrollIntoView({ block: 'nearest' });
  }

  // ------------------------------------------------------------------------------------------------ the reader's own

  add() {
    const label = $('add-label').value.trim();
    if (!label) return;
    this.addRow({ label, presence: $('add-presence').value });
    $('add-label').value = '';
    $('add-label').focus();
    this.edited();
  }

  addRow(note) {
    const element = clone('finding-template');
    const find = (selector) => element.querySelector(selector);
    const row = { note, element, presence: () => note.presence };
    find('h3').textContent = note.label;
    element.dataset.origin = 'person';
    element.dataset.presence = note.presence;
    find('.mark').textContent = '+';
    find('.presence').hidden = true;
    find('.presence-text').textContent = find(`option[value="${note.presence}"]`).textContent;
    find('.by-reader').hidden = find('.remove').hidden = false;
    find('.see').hidden = find('.keep').hidden = true;
    find('.remove').addEventListener('click', () => {
      this.added = this.added.filter((one) => one !== row);
      this.list();
      this.edited();
    });
    this.added.push(row);
    this.list();
  }

  edited() {
    this.count();
    this.dispatchEvent(new CustomEvent('edited'));
  }

  // ------------------------------------------------------------------------------------------------ what changed

  /** @returns {{findings: object[], added: object[], changes: string[], errors: string[]}} in the API's form */
  edits() {
    const out = { findings: [], added: [], changes: [], errors: [] };
    for (const row of this.rows) this.editsOf(row, out);
    for (const { note, element } of this.added) {
      out.added.push({ ...note });
      const presence = element.querySelector('.presence-text').textContent;
      out.changes.push(say('changeAdded', { label: note.label, presence }));
    }
    return out;
  }

  editsOf(row, out) {
    const label = pick(row.finding.label);
    if (!row.keep()) {
      out.findings.push({ key: row.finding.key, keep: false });
      out.changes.push(say('changeDropped', { label }));
      return;
    }
    const edit = { key: row.finding.key, quantities: [] };
    if (row.select.value !== row.finding.presence) {
      edit.presence = row.select.value;
      out.changes.push(
        say('changePresence', { label, before: row.wordOf(row.finding.presence), after: row.wordOf(row.select.value) }),
      );
    }
    row.quantities.forEach(({ quantity, input }, index) => this.numberEdit(quantity, input, index, edit, out));
    if (edit.presence || edit.quantities.length) out.findings.push(edit);
  }

  numberEdit(quantity, input, index, edit, out) {
    const label = pick(quantity.label);
    const value = parseNumber(input.value);
    if (value === null) {
      out.errors.push(say('badNumber', { label, mark: language === 'fr' ? ',' : '.' }));
      return;
    }
    if (sameNumber(value, quantity.value)) return;
    edit.quantities.push({ index, value });
    const values = { before: number(quantity.value), after: number(value), unit: unit(quantity.unit.code) };
    out.changes.push(say('changeNumber', { label, ...values }).trim());
  }

  /** Put the reader's changes onto a draft that was opened again, where it still has what they change. */
  restore(edits) {
    for (const edit of edits.findings) {
      const row = this.rows.find((one) => one.finding.key === edit.key);
      if (row) restoreRow(row, edit);
    }
    for (const note of edits.added) this.addRow(note);
    this.edited();
  }
}

function restoreRow(row, edit) {
  if (edit.keep === false) {
    row.keepBox.checked = false;
    row.keepBox.dispatchEvent(new Event('change'));
    return;
  }
  if (edit.presence) {
    row.select.value = edit.presence;
    row.select.dispatchEvent(new Event('change'));
  }
  for (const { index, value } of edit.quantities ?? []) {
    const entry = row.quantities[index];
    if (!entry) continue;
    entry.input.value = editable(value);
    entry.input.dispatchEvent(new Event('input'));
  }
}

/** Whether two decimal texts are the same number: 12.5 and 12.50 are. */
function sameNumber(a, b) {
  const plain = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  return plain(a) === plain(b);
}

function showScore(finding, element) {
  if (finding.score === null) return;
  const above = Number(finding.score) >= Number(finding.threshold);
  element.querySelector('.score').hidden = false;
  element.querySelector('.score .value').textContent = number(finding.score);
  element.querySelector('.score .threshold').textContent = number(finding.threshold);
  element.querySelector('.score .against').textContent = `(${say(above ? 'thresholdAbove' : 'thresholdBelow')})`;
}

function item(kind, text, className = '') {
  const element = document.createElement(kind);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function inputRow(used) {
  const row = document.createElement('tr');
  const head = item('th', pick(used.label));
  head.scope = 'row';
  row.append(head);
  if (used.value === null) {
    const missing = item('td', say('missing'), 'missing');
    missing.colSpan = 3;
    row.append(missing);
    return row;
  }
  row.append(
    item('td', `${number(used.value)} ${unit(used.unit)}`.trim(), 'num'),
    item('td', used.taken_at ? moment(used.taken_at) : '', 'time'),
    item('td', used.source, 'source'),
  );
  return row;
}

/** A UTC time in the zone of the site, as the server would write it. */
function moment(text) {
  const zone = document.getElementById('review').dataset.zone;
  const day = language === 'fr' ? { day: '2-digit', month: '2-digit' } : { day: 'numeric', month: 'short' };
  const format = new Intl.DateTimeFormat(language, {
    ...day,
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: zone,
  });
  return format.format(new Date(text)).replace(',', '');
}
