// What a launch found: a list to walk, which leaves the screen when the session ends.

import { fragment } from './api.js';
import './rows.js';

const EVERY_MS = 30_000; // asks without counting as a sign of life

setInterval(async () => {
  try {
    await fragment('/worklist/rows');
  } catch (problem) {
    if (problem.code === 'not-signed-in') location.reload(); // nothing of a patient stays on screen
  }
}, EVERY_MS);
