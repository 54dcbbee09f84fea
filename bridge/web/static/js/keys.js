// Keyboard: every shortcut is registered here, listed under "?", and the single-key ones can be switched off (WCAG 2.1.4).

import { announce, say } from './words.js';

const YEAR_S = 31_536_000;
const bindings = [];
const box = document.getElementById('keys-on');

/**
 * Run `action` on a key; where it returns false, the next binding of the key has its turn.
 * @param {string[]} names event.key in lower case, or event.code such as "Digit1": digits need Shift on a French keyboard
 * @param {{arrows?: boolean, ctrl?: boolean, shift?: boolean}} kind arrows are not characters and stay on
 */
export function bind(names, action, kind = {}) {
  bindings.push({ names, action, ...kind });
}

const types = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches('textarea, select, input:not([type=radio], [type=checkbox], [type=range])'));

const steers = (target) => target instanceof HTMLElement && target.matches('input[type=radio], input[type=range], select');

function fits(binding, event) {
  if (!binding.names.includes(event.key.toLowerCase()) && !binding.names.includes(event.code)) return false;
  if (Boolean(binding.ctrl) !== (event.ctrlKey || event.metaKey) || event.altKey) return false;
  if (binding.ctrl) return true;
  if (binding.arrows) return Boolean(binding.shift) === event.shiftKey && !steers(event.target) && !types(event.target);
  return box.checked && !types(event.target);
}

document.addEventListener('keydown', (event) => {
  if (event.isComposing || document.querySelector('dialog[open]')) return;
  const taken = bindings.some((binding) => fits(binding, event) && binding.action(event) !== false);
  if (taken) event.preventDefault();
});

box.addEventListener('change', () => {
  document.cookie = `aval_keys=${box.checked ? 'on' : 'off'}; Path=/; SameSite=Lax; Max-Age=${YEAR_S}`;
  announce(say(box.checked ? 'shortcutsOn' : 'shortcutsOff'));
});
