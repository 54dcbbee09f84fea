// The desk's API, with refusals as one kind of error: what happened, what was kept, what to do.

import { say } from './words.js';

const ANSWER_MS_MAX = 60_000; // rendering a large release takes seconds; beyond a minute nobody waits

/** A refusal. `code` is the API's stable word; "offline" and "unknown" are ours. */
export class Problem extends Error {
  constructor({ code, title, kept, todo, fields = [], reference = '' }) {
    super(title);
    Object.assign(this, { code, title, kept, todo, fields, reference });
  }
}

/** Call the API; return its JSON value, or null where there is none. */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
  } catch {
    throw offline();
  }
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

/** Fetch bytes. */
export async function bytes(path, signal) {
  const response = await fetch(path, { signal });
  if (!response.ok) throw await refusal(response);
  return response.arrayBuffer();
}

/** Fetch a piece of a page. */
export async function fragment(path) {
  let response;
  try {
    response = await fetch(path, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  } catch {
    throw offline();
  }
  if (response.type === 'opaqueredirect') throw new Problem({ code: 'not-signed-in', title: '', kept: '', todo: '' });
  if (!response.ok) throw offline();
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  return [...page.body.childNodes].map((node) => document.importNode(node, true));
}

function offline() {
  return new Problem({
    code: 'offline',
    title: say('offlineTitle'),
    kept: say('offlineKept'),
    todo: say('offlineTodo'),
  });
}

async function refusal(response) {
  const kind = response.headers.get('Content-Type') ?? '';
  return kind.startsWith('application/problem+json') ? new Problem(await response.json()) : offline();
}
