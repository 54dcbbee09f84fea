// Forms that speak to the API: <form data-api="/api/…" data-method="POST" data-next="/…">. A refusal is shown in place.

import { call } from './api.js';

/** The form's fields as a JSON value; "second.login" becomes {second: {login}}. */
function valuesOf(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) {
    const path = name.split('.');
    let place = values;
    for (const part of path.slice(0, -1)) place = place[part] ??= {};
    place[path.at(-1)] = value;
  }
  const scope = form.querySelector('input[name=scope][data-target]:checked');
  if (scope) values.target = scope.dataset.target;
  return values;
}

function showProblem(form, problem) {
  const notice = form.querySelector('.form-error');
  if (!notice) return;
  notice.hidden = false;
  notice.querySelector('.what').textContent = problem.title;
  notice.querySelector('.rest').textContent = `${problem.kept} ${problem.todo}`;
  const code = form.querySelector('input.code');
  if (code) code.value = '';
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  const button = form.querySelector('button:not([type=button])');
  if (button.disabled) return;
  button.disabled = true;
  const method = form.dataset.method ?? 'POST';
  try {
    await call(method, form.dataset.api, method === 'DELETE' ? undefined : valuesOf(form));
    location.assign(form.dataset.next);
  } catch (problem) {
    button.disabled = false;
    showProblem(form, problem);
  }
});
