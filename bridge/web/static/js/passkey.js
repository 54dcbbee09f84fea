// Passkeys (WebAuthn): what this browser can do, adding one, and one gesture over exactly one statement.

import { call, Problem } from './api.js';
import { say } from './words.js';

/** Whether a passkey can be used here. In a frame of another system it cannot: its gesture would not count. */
export const usable = Boolean(
  window.isSecureContext && window.PublicKeyCredential && window.self === window.top && !isAddress(location.hostname),
);

/** Browsers bind passkeys to names, never to numbers. */
function isAddress(host) {
  return /^[\d.]+$/.test(host) || host.startsWith('[');
}

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const toHex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const asText = (buffer) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer);

function none(title, kept, todo) {
  return new Problem({ code: 'no-gesture', title: say(title), kept: say(kept), todo: say(todo) });
}

/**
 * Let the desk fix the statement that an answer makes, and the reader's authenticator sign it.
 * @param {string} result
 * @param {object} answer as the API takes it, without a gesture
 * @param {(digest: string) => void} told the beginning of the statement's digest, before the browser asks
 */
export async function gestureOver(result, answer, told) {
  const asked = await call('POST', `/api/results/${result}/statement`, answer);
  told(asked.statement.slice(0, 16));
  let made;
  try {
    made = await navigator.credentials.get({
      publicKey: {
        challenge: toBytes(asked.challenge),
        rpId: asked.host,
        allowCredentials: asked.passkeys.map((id) => ({ type: 'public-key', id: toBytes(id) })),
        userVerification: 'required',
        timeout: asked.life_s * 1000,
      },
    });
  } catch {
    throw none('gestureTitle', 'gestureKept', 'gestureTodo'); // cancelled, too late, or none of these is here
  }
  return {
    passkey: made.id,
    authenticator_data: toHex(made.response.authenticatorData),
    client_data: asText(made.response.clientDataJSON),
    signature: toHex(made.response.signature),
  };
}

/** Ask for a new passkey and let the desk keep it. */
export async function addPasskey(name, code, person) {
  const asked = await call('POST', '/api/passkeys/challenge', { code });
  let made;
  try {
    made = await navigator.credentials.create({
      publicKey: {
        challenge: toBytes(asked.challenge),
        rp: { id: asked.host, name: asked.desk },
        user: { id: toBytes(asked.user), name: person.login, displayName: person.name },
        pubKeyCredParams: asked.algorithms.map((alg) => ({ type: 'public-key', alg })),
        excludeCredentials: asked.known.map((id) => ({ type: 'public-key', id: toBytes(id) })),
        authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
        attestation: 'none',
        timeout: asked.life_s * 1000,
      },
    });
  } catch {
    throw none('notAdded', 'gestureKept', 'notAddedTodo');
  }
  return call('POST', '/api/passkeys', {
    name,
    client_data: asText(made.response.clientDataJSON),
    attestation: toText(made.response.attestationObject),
  });
}
