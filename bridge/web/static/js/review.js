// The review page: image first, then the question, then the draft, then the reader's word. What became of it follows.

import { bytes, call, fragment } from './api.js';
import { Decision } from './decision.js';
import { showDifference } from './diff.js';
import { Draft } from './draft.js';
import { FirstRead } from './first_read.js';
import { bind } from './keys.js';
import { lockWhenEnded } from './lock.js';
import { Mask } from './mask.js';
import { offerViewers } from './viewers.js';
import { Viewport } from './viewport.js';
import { announce, say } from './words.js';

const FOLLOW_MS = 4_000; // between two looks at what is on its way

const $ = (id) => document.getElementById(id);
const root = $('review');
const { result, manner, kind, focus } = root.dataset;

const draft = new Draft();
const viewport = $('images') && kind === 'study' ? new Viewport(result) : null;
const firstRead = manner === 'first-read' ? new FirstRead(result) : null;
const decision = manner === 'ask' || firstRead ? new Decision(result, draft) : null;
let shapes = [];
let chosen = null;
let texts = null;

// ------------------------------------------------------------------------------------------------------- what was seen

const drawn = { image: false, place: false, onScreen: false };
const NEEDS = { 'findings-block': 'panel', inputs: 'inputs' };

/** A need is met when the element has really been on a visible screen. */
const onScreen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (target.id === 'viewport') drawn.onScreen = isIntersecting;
    else if (isIntersecting && !document.hidden) decision?.saw(NEEDS[target.id]);
  }
  sawImage();
});

function sawImage() {
  if (!drawn.onScreen || document.hidden) return;
  for (const need of ['image', 'place']) if (drawn[need]) decision?.saw(need);
}

function needsOf(content) {
  const needs = new Set(['panel']);
  if (kind === 'study') needs.add('image');
  if (content.findings.some((finding) => finding.segment !== null || finding.regions.length)) needs.add('place');
  if (content.inputs.length) needs.add('inputs');
  return needs;
}

viewport?.viewer.addEventListener('drawn', ({ detail }) => {
  drawn.image = true;
  drawn.place = detail.shapes > 0;
  sawImage();
});

function watch() {
  onScreen.disconnect();
  drawn.image = drawn.place = false; // what was seen of an earlier draft does not count for this one
  for (const id of ['viewport', ...Object.keys(NEEDS)]) if ($(id) && !$(id).hidden) onScreen.observe($(id));
  viewport?.viewer.draw();
}

// --------------------------------------------------------------------------------------------------------- the overlay

async function loadMasks(content) {
  const load = async ({ number, mask }) => [
    number,
    new Mask(await bytes(`/api/results/${result}/segments/${number}?mask=${mask}`)),
  ];
  return new Map(await Promise.all(content.segments.map(load)));
}

/** Where a finding is best seen: the slice with the largest area, or the first region. */
function bestPlace(finding, masks) {
  const mask = masks.get(finding.segment);
  if (!mask) return finding.regions.map((one) => ({ uid: one.sop_instance_uid, frame: one.frame }))[0] ?? null;
  let best = null;
  let most = 0;
  for (const series of viewport.series.filter((one) => mask.fits(one))) {
    for (const instance of series.instances) {
      const area = mask.area(mask.name(instance));
      if (area > most) [best, most] = [{ uid: instance.sop_instance_uid, frame: instance.frame }, area];
    }
  }
  return best;
}

function place(masks) {
  for (const row of draft.rows) {
    const { finding } = row;
    if (finding.segment === null && !finding.regions.length) continue;
    row.place = bestPlace(finding, masks);
    draft.setPlace(row, row.place && viewport.sliceOf(row.place.uid, row.place.frame));
  }
  shapes = draft.rows
    .filter((row) => row.place)
    .map((row) => ({
      row,
      number: row.number,
      colour: row.colour,
      mask: masks.get(row.finding.segment) ?? null,
      regions: row.finding.regions,
    }));
  draft.showKeyImages(
    draft.content.key_images
      .map((image) => ({ image, slice: viewport.sliceOf(image.sop_instance_uid, image.frame) }))
      .filter(({ slice }) => slice !== null),
  );
  paint();
}

function paint() {
  viewport?.setShapes(
    shapes.filter(({ row }) => row.keep()).map((shape) => ({ ...shape, chosen: shape.row.finding.key === chosen })),
  );
}

function see(row) {
  if (!row?.place || !viewport) return;
  chosen = row.finding.key;
  draft.choose(row);
  paint();
  if (!viewport.viewer.overlay) viewport.setOverlay(true);
  viewport.see(row.place.uid, row.place.frame);
}

function walk(step) {
  const rows = draft.rows.filter((row) => row.place);
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.finding.key === chosen);
  see(rows[(at + step + rows.length) % rows.length] ?? rows[0]);
  return true;
}

async function showPlaces(content) {
  if (!viewport) return;
  await imagesLoaded;
  const masks = await loadMasks(content);
  place(masks);
  if (!viewport.touched) see(draft.rows.find((row) => row.place));
}

draft.addEventListener('see', ({ detail }) => {
  viewport.touched = true;
  see(detail.row);
});
draft.addEventListener('look', ({ detail }) => {
  viewport.touched = true;
  viewport.see(detail.image.sop_instance_uid, detail.image.frame);
});
draft.addEventListener('edited', paint);

// -------------------------------------------------------------------------------------------------- asking, answering

/** Ask for the draft: this is what records that it was shown. Keeps what the reader typed on an earlier one. */
async function open() {
  const before = decision.opened && { ...decision.collect(), shown: decision.opened.shown };
  let opened;
  try {
    opened = await call('POST', `/api/results/${result}/question`);
  } catch (problem) {
    if (firstRead?.form.isConnected) firstRead.trouble(problem);
    else decision.trouble(problem);
    return;
  }
  firstRead?.close();
  draft.show(opened.draft, { canEdit: true });
  offerViewers(result);
  decision.show(opened, needsOf(opened.draft));
  if (before) restore(before, opened);
  watch();
  await present(opened.draft);
}

function restore(before, opened) {
  draft.restore(before);
  if (before.report !== null) {
    $('report').value = before.report;
    decision.edited();
    decision.compare();
  }
  announce(say(before.shown === opened.shown ? 'reopened' : 'changedAgain'));
  document.querySelector('input[name=verdict]:checked')?.focus();
}

async function present(content) {
  try {
    await showPlaces(content);
  } catch {
    viewport.message(say('imagesFailed')); // the draft stays readable; it cannot be endorsed without its image
  }
}

async function read() {
  const view = await call('GET', `/api/results/${result}`);
  showEndorsed(view);
}

function showEndorsed(view) {
  const content = view.content ?? view.draft ?? decision?.opened?.draft; // the last one while another reader is awaited
  if (!content) return;
  chosen = null;
  draft.show(content, { canEdit: false, endorsed: Boolean(view.content) });
  present(content);
  texts = view.content && view.draft ? { before: view.draft.report, after: view.content.report } : null;
  showChanges();
}

/** What the reader changed in the text, for who looks at the decision later. */
function showChanges() {
  const place = $('endorsed-changes')?.querySelector('p');
  if (place && texts) showDifference(place, texts.before, texts.after);
}

decision?.addEventListener('reopen', open);
firstRead?.addEventListener('reveal', open);
decision?.addEventListener('undone', () => showPlaces(draft.content).catch(() => undefined));
decision?.addEventListener('signed', async ({ detail }) => {
  announce(say('signed'));
  showEndorsed(detail.view);
  decision.close();
  await follow();
  $('outcome-head')?.focus();
});

// ---------------------------------------------------------------------------------------------------- what became of it

/** Fetch what became of the result, and put it in, unless somebody is filling in the form there. */
async function follow() {
  if ($('decision').querySelector('details.act[open]')) return;
  const nodes = await fragment(`/results/${result}/outcome`);
  const holder = document.createElement('div');
  holder.append(...nodes);
  const state = holder.querySelector('#outcome').dataset.state;
  if (manner === 'closed' && state !== $('outcome')?.dataset.state) {
    location.reload();
    return;
  }
  if (holder.textContent === $('decision').textContent) return;
  const focused = $('decision').contains(document.activeElement);
  $('badge').replaceChildren(document.importNode(holder.querySelector('#badge-next').content, true));
  $('decision').replaceChildren(...holder.childNodes);
  showChanges();
  if (focused) $('outcome-head').focus();
}

setInterval(() => {
  if (document.hidden || $('outcome')?.dataset.waits !== 'yes') return;
  follow().catch((problem) => {
    if (problem.code === 'not-signed-in') location.reload(); // nothing of a patient stays on an unattended screen
  });
}, FOLLOW_MS);

// ------------------------------------------------------------------------------------------------------------- begin

bind(['j'], () => walk(1));
bind(['k'], () => walk(-1));

/** A browser that prepares a page in advance must not record that a draft was shown. */
const visible = document.prerendering
  ? new Promise((ready) => document.addEventListener('prerenderingchange', ready, { once: true }))
  : Promise.resolve();

const imagesLoaded = viewport ? visible.then(() => viewport.load(focus)) : Promise.resolve();
imagesLoaded.catch(() => undefined); // said in the viewport; whoever needs the images awaits the same promise
visible.then(() => {
  if (decision) lockWhenEnded(`/results/${result}/outcome`);
  if (firstRead) firstRead.begin();
  else if (manner === 'ask') open();
  else if (manner === 'show') read().catch(() => undefined); // the outcome beside it is already on the page
});
