// A list of results, walked by keyboard.

import { bind } from './keys.js';

export const list = document.getElementById('list');

export const links = () => [...list.querySelectorAll('.row-link')];
export const idOf = (link) => link.closest('tr').dataset.id;

function move(step) {
  const all = links();
  if (!all.length) return false;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
  all[next].focus();
  all[next].closest('tr').scrollIntoView({ block: 'nearest' });
  return true;
}

bind(['j'], () => move(1));
bind(['k'], () => move(-1));
