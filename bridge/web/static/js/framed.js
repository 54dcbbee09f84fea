// Inside a frame of another system: can this browser keep us signed in here, and the way out into a window of our own.

import { call } from './api.js';

const root = document.documentElement;
const ATTRIBUTES = {
  apart: 'Secure; SameSite=None; Partitioned',
  'same-site': `SameSite=Lax${location.protocol === 'https:' ? '; Secure' : ''}`,
};

/** Whether a cookie like that of the session is kept here. Asked by setting one: browsers answer no other way. */
function keepsCookies() {
  try {
    const rest = `Path=/; ${ATTRIBUTES[root.dataset.cookies]}`;
    document.cookie = `aval_probe=1; ${rest}`;
    const kept = document.cookie.includes('aval_probe=1');
    document.cookie = `aval_probe=; Max-Age=0; ${rest}`;
    return kept;
  } catch {
    return false; // a sandboxed frame throws
  }
}

if (window.self !== window.top && root.dataset.cookies) {
  const blocked = document.getElementById('blocked');
  if (blocked && !keepsCookies()) {
    blocked.hidden = false;
    blocked.parentElement.querySelector('form').hidden = true;
  }
  const away = document.getElementById('new-tab');
  if (away) {
    away.hidden = false;
    away.addEventListener('submit', async (event) => {
      event.preventDefault();
      const { handover } = await call('POST', '/api/session/handover');
      away.elements.handover.value = handover; // in the form, never in an address
      away.submit();
      away.elements.handover.value = '';
    });
  }
}
