// Read first: the images, then what the reader thinks, then the reveal. The server shows nothing of AI before that.

import { call } from './api.js';
import { bind } from './keys.js';
import { announce, say } from './words.js';

const $ = (id) => document.getElementById(id);

export class FirstRead extends EventTarget {
  /**
   * Events: "reveal", when the reader asks for the draft.
   * @param {string} result
   */
  constructor(result) {
    super();
    this.result = result;
    this.form = $('first-read');
    this.busy = false;
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.keep();
    });
    $('reveal').addEventListener('click', () => this.reveal());
    for (const radio of this.radios) bind([radio.dataset.key], () => this.choose(radio));
    bind(['v'], () => this.reveal());
    bind(['enter'], () => this.submit(), { ctrl: true });
  }

  get radios() {
    return [...this.form.querySelectorAll('input[name=impression]')];
  }

  /** Tell the server that the images are open: it keeps the time. What was said already, in another tab, is shown. */
  async begin() {
    try {
      this.show(await call('POST', `/api/results/${this.result}/first-read`));
    } catch (problem) {
      this.trouble(problem);
    }
  }

  choose(radio) {
    if (!radio.isConnected || this.form.dataset.stage !== 'impression') return false;
    radio.checked = true;
    radio.focus();
    return true;
  }

  /** @returns {boolean} whether there is anything to keep: after the reveal the same keys sign */
  submit() {
    if (!this.form.isConnected) return false;
    this.form.requestSubmit();
    return true;
  }

  async keep() {
    if (this.busy || this.form.dataset.stage !== 'impression') return;
    const chosen = this.radios.find((radio) => radio.checked);
    if (!chosen) {
      announce(say('needImpression'));
      this.radios[0].focus();
      return;
    }
    this.busy = true;
    try {
      const given = { word: chosen.value, note: $('impression-note').value };
      this.show(await call('POST', `/api/results/${this.result}/impression`, given));
      announce(say('impressionKept'));
      $('reveal').focus();
    } catch (problem) {
      this.trouble(problem);
    }
    this.busy = false;
  }

  show({ impression }) {
    if (!impression || this.form.dataset.stage !== 'impression') return;
    const chosen = this.radios.find((radio) => radio.value === impression.word);
    const text = chosen.closest('label').querySelector('span').textContent;
    this.form.dataset.stage = 'reveal';
    $('kept-word').querySelector('b').textContent = text;
    $('impression').querySelector('.word').textContent = text;
    $('impression').querySelector('.note').textContent = impression.note;
    for (const id of ['kept-word', 'reveal', 'impression']) $(id).hidden = false;
    for (const id of ['first-words', 'first-note', 'keep']) $(id).remove();
    $('first-read-trouble').hidden = true;
  }

  reveal() {
    if (!this.form.isConnected || this.form.dataset.stage !== 'reveal') return false;
    this.dispatchEvent(new CustomEvent('reveal'));
    return true;
  }

  /** The draft is here: the form makes room for the decision. */
  close() {
    this.form.remove();
    $('ai').hidden = false;
    $('after-reveal').hidden = false;
    announce(say('revealed'));
  }

  trouble(problem) {
    const notice = $('first-read-trouble');
    for (const part of ['what', 'kept', 'todo']) {
      notice.querySelector(`.${part}`).textContent = { what: problem.title, kept: problem.kept, todo: problem.todo }[part];
    }
    notice.hidden = false;
    notice.focus();
  }
}
