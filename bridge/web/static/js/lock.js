// A screen that somebody left: when the session ends, a draft and its patient disappear behind a sheet, and whatever was
// typed stays there for the same person.

import { call, fragment } from './api.js';

const EVERY_MS = 30_000; // asks without counting as a sign of life

const root = document.documentElement;
const sheet = document.getElementById('locked');

/** @param {string} path a piece of a page that only somebody signed in may fetch */
export function lockWhenEnded(path) {
  setInterval(async () => {
    if (root.classList.contains('ended')) return;
    try {
      await fragment(path);
    } catch (problem) {
      if (problem.code === 'not-signed-in') lock();
    }
  }, EVERY_MS);
}

function lock() {
  root.classList.add('ended');
  if (!sheet.open) sheet.showModal();
}

sheet.addEventListener('close', () => {
  if (root.classList.contains('ended')) lock(); // the browser closes a dialog on Escape, whatever the page says
});

document.getElementById('resume').addEventListener('click', async () => {
  try {
    const { reader } = await call('GET', '/api/session');
    if (reader.login !== sheet.dataset.login) location.reload();
    root.classList.remove('ended');
    sheet.close();
  } catch {
    sheet.querySelector('.still').hidden = false;
  }
});
