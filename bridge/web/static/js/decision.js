// The decision: what may be chosen when, what was changed, and the one gesture that signs.

import { call, Problem } from './api.js';
import { showDifference } from './diff.js';
import { bind } from './keys.js';
import { gestureOver, usable } from './passkey.js';
import { showPrepared } from './prepared.js';
import { announce, say } from './words.js';

const REOPENING = new Set(['draft-changed', 'nonce-refused', 'refused', 'held']);
const OVER = new Set(['not-allowed', 'world-changed']); // opening the draft again would be refused too
const DIFFERENCE_MS = 150; // after the last key; comparing on each one would slow down typing

const $ = (id) => document.getElementById(id);

export class Decision extends EventTarget {
  /**
   * Events: "signed" {view}, "reopen".
   * @param {string} result
   * @param {import('./draft.js').Draft} draft
   */
  constructor(result, draft) {
    super();
    this.result = result;
    this.draft = draft;
    this.opened = null;
    this.needs = new Set();
    this.busy = false;
    this.signing = { gesture: '', passkeys: 0 }; // what the policy asks for, and what the reader has
    this.connect();
  }

  // ------------------------------------------------------------------------------------------------------ opening

  /**
   * Show a draft that was just opened.
   * @param {object} opened the answer to the question
   * @param {Set<string>} needs what must be displayed before it can be endorsed: "image", "place", "panel", "inputs"
   */
  show(opened, needs) {
    this.opened = opened;
    this.needs = new Set(needs);
    for (const entry of $('seen').children) {
      entry.hidden = !needs.has(entry.dataset.need);
      entry.classList.remove('done');
    }
    $('report').value = opened.draft.report;
    $('report').lang = opened.draft.language;
    $('mention').textContent = opened.draft.mention;
    $('mention').lang = opened.draft.language;
    $('opening').hidden = true;
    for (const id of ['report-block', 'verdict-block', 'sign-block']) $(id).hidden = false;
    this.clearTrouble();
    showPrepared(opened);
    this.update();
    if (!opened.prepares) this.offer().catch(() => undefined); // without it the desk still refuses what the policy does not allow
  }

  /** Say with what the reader may sign; a passkey that they have is what is offered first. */
  async offer() {
    this.signing = await call('GET', `/api/results/${this.result}/signing`);
    const { gesture, passkeys } = this.signing;
    const can = usable && passkeys > 0;
    if (can !== !$('passkey-choice').hidden) $('by-passkey').checked = can;
    $('passkey-choice').hidden = !can;
    $('passkey-offer').hidden = can || !usable || gesture !== '';
    $('by-passkey').disabled = gesture !== '';
    this.update();
  }

  /** Whether the next signature is the reader's passkey's. */
  get byPasskey() {
    return $('by-passkey').checked;
  }

  /** Note that something was really on screen. */
  saw(need) {
    if (!this.needs.delete(need)) return;
    $('seen').querySelector(`[data-need=${need}]`).classList.add('done');
    this.update();
  }

  /** Signed: the form leaves the page. */
  close() {
    clearTimeout(this.comparing);
    this.opened = null;
  }

  // --------------------------------------------------------------------------------------------------- the reader

  connect() {
    const form = $('sign-form');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.sign();
    });
    form.addEventListener('change', () => this.update());
    $('report').addEventListener('input', () => this.edited());
    this.draft.addEventListener('edited', () => this.edited());
    $('undo').addEventListener('click', () => this.undo());
    $('reopen').addEventListener('click', () => this.dispatchEvent(new CustomEvent('reopen')));
    $('check').addEventListener('click', () => this.check());
    bind(['a'], () => this.choose('accept'));
    bind(['m'], () => this.choose('amend'));
    bind(['r'], () => this.choose('reject'));
    bind(['c'], () => this.choose('cosign'));
    bind(['enter'], () => form.requestSubmit(), { ctrl: true });
  }

  get verdict() {
    return document.querySelector('input[name=verdict]:checked')?.value ?? '';
  }

  choose(verdict) {
    const radio = document.querySelector(`input[name=verdict][value=${verdict}]`);
    if (!this.opened || !radio.isConnected || radio.closest('[hidden]')) return;
    if (radio.disabled) {
      announce(say(this.needs.size ? 'notYet' : 'editsFirst'));
      return;
    }
    radio.checked = true;
    this.update();
    if (verdict === 'accept' || verdict === 'cosign') radio.focus();
    else $('reason').focus();
  }

  edited() {
    if (!this.opened) return;
    const { changes } = this.collect();
    if (changes.length && this.verdict !== 'amend' && this.verdict !== 'reject') {
      document.querySelector('input[name=verdict][value=amend]').checked = true;
      announce(say('editing'));
    }
    clearTimeout(this.comparing);
    this.comparing = setTimeout(() => this.compare(), DIFFERENCE_MS);
    this.update();
  }

  compare() {
    const before = this.opened.draft.report;
    const after = this.report;
    $('difference').hidden = before === after;
    if (before !== after) showDifference($('difference').querySelector('p'), before, after);
  }

  undo() {
    const { draft } = this.opened;
    $('report').value = draft.report;
    this.draft.show(draft, { canEdit: true });
    this.dispatchEvent(new CustomEvent('undone'));
    for (const radio of document.querySelectorAll('input[name=verdict]')) radio.checked = false;
    this.compare();
    this.update();
    document.querySelector('input[name=verdict]:not([disabled])')?.focus();
  }

  get report() {
    return $('report').value.replace(/\r\n?/g, '\n');
  }

  /** Everything the reader changed. */
  collect() {
    const found = this.draft.edits();
    const changed = this.report !== this.opened.draft.report;
    if (changed) found.changes.push(say('changeReport'));
    if (!this.report.trim()) found.errors.push(say('emptyReport'));
    return { ...found, report: changed ? this.report : null };
  }

  /** Make the form say what can be done now. */
  update() {
    if (!this.opened) return;
    const { changes, errors } = this.collect();
    const free = this.needs.size === 0;
    const edited = changes.length > 0 || errors.length > 0;
    const radio = (verdict) => document.querySelector(`input[name=verdict][value=${verdict}]`);
    radio('accept').disabled = !free || edited;
    radio('amend').disabled = !free;
    radio('cosign').disabled = !free || edited || !this.opened.preparation;
    if (edited && (radio('accept').checked || radio('cosign').checked)) radio('amend').checked = true;
    $('changes').hidden = !changes.length;
    $('changes').querySelector('ul').replaceChildren(
      ...changes.map((change) => Object.assign(document.createElement('li'), { textContent: change })),
    );
    $('why').hidden = !['amend', 'reject'].includes(this.verdict);
    if (!this.busy) $('sign-label').textContent = say(this.label);
    const missing = this.missing(changes, errors, free);
    $('unready').textContent = missing;
    $('sign').setAttribute('aria-disabled', String(Boolean(missing) || this.busy));
  }

  /** What the button says that it does. */
  get label() {
    if (this.opened.prepares) return 'signPrepare';
    if (this.verdict === 'cosign') {
      return this.opened.preparation.statement.verdict === 'reject' ? 'signCosignReject' : 'signCosign';
    }
    return { accept: 'signAccept', amend: 'signAmend', reject: 'signReject' }[this.verdict] ?? 'signAccept';
  }

  /** What keeps the reader from signing, or "". */
  missing(changes, errors, free) {
    const { verdict } = this;
    if (this.signing.gesture && !this.byPasskey) return say(usable ? 'needPasskey' : 'needBrowser');
    if (!verdict) return say(free ? 'needVerdict' : 'notYet');
    if (verdict !== 'reject' && !free) return say('notYet');
    if (verdict === 'cosign') return '';
    if (verdict === 'amend' && errors.length) return errors[0];
    if (verdict === 'amend' && !changes.length) return say('nothingChanged');
    if (verdict !== 'accept' && !$('reason').value) return say('needReason');
    if (verdict !== 'accept' && $('reason').value === 'other' && !$('comment').value.trim()) return say('needComment');
    return '';
  }

  // ------------------------------------------------------------------------------------------------------ signing

  async sign() {
    if (this.busy || !this.opened) return;
    this.update();
    if ($('unready').textContent) {
      announce($('unready').textContent);
      this.focusMissing();
      return;
    }
    this.setBusy(true);
    try {
      const answer = this.answer();
      if (this.byPasskey) {
        answer.gesture = await gestureOver(this.result, answer, (digest) => {
          $('gesture-digest').textContent = say('gesture', { digest });
        });
      }
      const view = await call('POST', `/api/results/${this.result}/opinions`, answer);
      this.dispatchEvent(new CustomEvent('signed', { detail: { view } }));
    } catch (problem) {
      this.setBusy(false);
      $('gesture-digest').textContent = '';
      this.trouble(problem.code === 'offline' ? unknown() : problem);
    }
  }

  answer() {
    const { findings, added, report } = this.collect();
    const { preparation } = this.opened;
    const cosigns = this.verdict === 'cosign';
    const verdict = cosigns ? preparation.statement.verdict : this.verdict;
    const reason = cosigns ? preparation.statement.reason : $('reason').value;
    return {
      nonce: this.opened.nonce,
      shown: this.opened.shown,
      prepared: preparation?.id ?? null,
      cosigns,
      verdict,
      reason: verdict === 'accept' ? null : reason,
      comment: $('comment').value,
      patient_informed: document.querySelector('input[name=patient_informed]:checked').value,
      edits: verdict === 'amend' && !cosigns ? { report, findings, added } : null,
    };
  }

  setBusy(busy) {
    this.busy = busy;
    $('sign').disabled = busy;
    if (busy) $('sign-label').textContent = say('signing');
    else this.update();
  }

  focusMissing() {
    if (!this.verdict) document.querySelector('input[name=verdict]:not([disabled])').focus();
    else if (!$('reason').value && this.verdict !== 'accept') $('reason').focus();
    else if ($('reason').value === 'other') $('comment').focus();
  }

  /** Nobody knows whether the opinion arrived: ask, before anything is signed again. */
  async check() {
    try {
      const view = await call('GET', `/api/results/${this.result}`);
      if (view.opinions.length || view.preparation) this.dispatchEvent(new CustomEvent('signed', { detail: { view } }));
      else this.clearTrouble();
    } catch (problem) {
      this.trouble(problem);
    }
  }

  // ------------------------------------------------------------------------------------------------------ trouble

  /** Say what happened, what was kept, what to do; everything typed stays. */
  trouble(problem) {
    const box = $('trouble');
    box.querySelector('.what').textContent = problem.title;
    box.querySelector('.kept').textContent = [...new Set([problem.kept, say('typedKept')])].join(' ');
    box.querySelector('.todo').textContent = [problem.todo, problem.reference].filter(Boolean).join(' ');
    $('reopen').hidden = !REOPENING.has(problem.code);
    $('where').hidden = !OVER.has(problem.code);
    $('check').hidden = problem.code !== 'unknown';
    $('again').hidden = problem.code !== 'not-signed-in';
    $('opening').hidden = true;
    box.hidden = false;
    box.focus();
  }

  clearTrouble() {
    $('trouble').hidden = true;
  }
}

function unknown() {
  return new Problem({
    code: 'unknown',
    title: say('unknownTitle'),
    kept: say('unknownKept'),
    todo: say('unknownTodo'),
  });
}
