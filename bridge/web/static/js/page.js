// What every page does: forms, help, keyboard.

import './forms.js';
import './framed.js';
import { bind } from './keys.js';

const help = document.getElementById('help');

for (const opener of document.querySelectorAll('[data-open]')) {
  opener.addEventListener('click', () => document.querySelector(opener.dataset.open).showModal());
}
help.addEventListener('click', (event) => {
  if (event.target === help) help.close();
});
bind(['?'], () => help.showModal());

/** An address like /systems#stop-brain opens the form it names. */
function openNamed() {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.querySelector('input:not([type=hidden], [type=radio])')?.focus();
    named.scrollIntoView({ block: 'center' });
  }
}
addEventListener('hashchange', openNamed);
openNamed();
for (const act of document.querySelectorAll('details.act')) {
  act.addEventListener('toggle', () => {
    if (act.open) act.querySelector('input:not([type=hidden], [type=radio]), select, textarea')?.focus();
  });
}

// What a launch asked for does not stay in the address bar, nor in the history, when the answer is no.
if ('launched' in document.documentElement.dataset) history.replaceState(null, '', location.pathname);
