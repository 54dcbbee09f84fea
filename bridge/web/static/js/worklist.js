// The worklist keeps itself up to date, and can be walked by keyboard.

import { fragment } from './api.js';
import { bind } from './keys.js';
import { idOf, links, list } from './rows.js';
import { announce, say } from './words.js';

const EVERY_MS = 10_000;

const state = document.getElementById('refresh-state');
const toggle = document.getElementById('refresh-toggle');
let paused = false;
let updated = state.dataset.time;

/** Put the new list in, and the focus back where it was. */
function replace(nodes) {
  const before = links().map(idOf).join();
  const focused = document.activeElement?.matches?.('.row-link') ? idOf(document.activeElement) : null;
  const tab = document.activeElement?.closest?.('.tabs') ? document.activeElement.getAttribute('href') : null;
  list.replaceChildren(...nodes);
  if (focused) list.querySelector(`tr[data-id="${CSS.escape(focused)}"] .row-link`)?.focus({ preventScroll: true });
  if (tab) list.querySelector(`.tabs a[href="${CSS.escape(tab)}"]`)?.focus({ preventScroll: true });
  if (links().map(idOf).join() !== before) announce(say('newRows'));
}

async function refresh() {
  if (paused || document.hidden) return;
  try {
    replace(await fragment(`/worklist/rows${location.search}`));
    updated = list.querySelector('.tabs').dataset.time;
    state.textContent = say('refreshed', { time: updated });
    state.classList.remove('late');
  } catch (problem) {
    if (problem.code === 'not-signed-in') location.reload(); // the session ended: nothing of a patient stays on screen
    state.textContent = say('refreshFailed', { time: updated });
    state.classList.add('late');
  }
}

function pause() {
  paused = !paused;
  toggle.setAttribute('aria-pressed', String(paused));
  toggle.textContent = say(paused ? 'refreshResume' : 'refreshPause');
  state.textContent = paused ? say('refreshPaused') : say('refreshed', { time: updated });
  refresh();
}

toggle.addEventListener('click', pause);
bind(['p'], pause);
document.addEventListener('visibilitychange', refresh);
setInterval(refresh, EVERY_MS);
