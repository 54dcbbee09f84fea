// What the page says: texts from the server in the page's language, numbers as people write them.

const carried = JSON.parse(document.getElementById('words').textContent);
export const language = document.documentElement.lang;
const THIN_SPACE = '\u202f';

/** A text by its key, with %(name)s filled in. An unknown key is a fault of ours and is thrown. */
export function say(key, values = {}) {
  const text = carried.words[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/%\((\w+)\)s|%%/g, (found, name) => (name ? String(values[name]) : '%'));
}

/** A label {fr, en} in the page's language. */
export const pick = (label) => label[language] ?? label.en;

/** The printed form of a UCUM code. */
export const unit = (code) => carried.units[code] ?? code;

/** Every digit of a decimal text, as people read it: "1498.90" is "1498,90" in French. Same rule as i18n.py. */
export function number(text) {
  const negative = text.startsWith('-');
  let [whole, fraction] = text.replace('-', '').split('.');
  if (whole.length >= 5) whole = whole.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE);
  const mark = language === 'fr' ? ',' : '.';
  return (negative ? '\u2212' : '') + whole + (fraction ? mark + fraction : '');
}

/** A decimal text as it stands in a field: no grouping, so that it can be edited. */
export const editable = (text) => (language === 'fr' ? text.replace('.', ',') : text);

/** The decimal text that a person typed, in the API's form, or null when it is no number. */
export function parseNumber(typed) {
  const plain = typed.replace(/[\s\u00a0\u202f]/g, '').replace('\u2212', '-').replace(',', '.');
  const found = /^(-?)0*(\d{1,12})(\.\d{1,9})?$/.exec(plain);
  return found ? found[1] + found[2] + (found[3] ?? '') : null;
}

/** Tell a screen reader, and nobody else. */
export function announce(text) {
  document.getElementById('say').textContent = text;
}
