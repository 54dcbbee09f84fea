// The page of one's own passkeys: adding one. Revoking is a form like any other.

import { addPasskey, usable } from './passkey.js';

const form = document.getElementById('add-passkey');

document.getElementById('no-passkeys').hidden = usable;
form.hidden = !usable;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  if (button.disabled) return;
  button.disabled = true;
  try {
    const { name, code } = form.elements;
    await addPasskey(name.value, code.value, form.dataset);
    location.reload();
  } catch (problem) {
    button.disabled = false;
    const notice = form.querySelector('.form-error');
    notice.querySelector('.what').textContent = problem.title;
    notice.querySelector('.rest').textContent = `${problem.kept} ${problem.todo}`;
    notice.hidden = false;
    form.elements.code.value = '';
  }
});
