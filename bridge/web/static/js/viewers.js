// Another viewer beside this page: asked for by a button, with a token that is in its link and nowhere on the page.

import { call } from './api.js';

/** Offer other viewers, once the draft was shown here: they show none before. */
export function offerViewers(result) {
  const block = document.getElementById('viewers');
  if (!block) return;
  const refused = block.querySelector('[role=alert]');
  block.hidden = false;
  block.querySelector('#weasis').onclick = async () => {
    refused.hidden = true;
    try {
      const { weasis } = await call('POST', `/api/results/${result}/viewer`);
      location.assign(weasis); // the system asks whether to start it; this page stays
    } catch (problem) {
      refused.textContent = [problem.title, problem.todo].join('. ');
      refused.hidden = false;
    }
  };
}
