// What a learner prepared, beside the draft it is about: what they say, and what they would change.

import { showDifference } from './diff.js';
import { number, pick, say, unit } from './words.js';

const $ = (id) => document.getElementById(id);
const VERDICTS = { accept: 'preparedAccept', amend: 'preparedAmend', reject: 'preparedReject' };

/**
 * Show it; called with the answer to the question, which is what recorded that it was shown.
 * @param {object} opened
 */
export function showPrepared({ preparation, prepared, draft }) {
  $('prepared').hidden = !preparation;
  $('cosign-choice').hidden = !preparation;
  if (!preparation) return;
  const { reader, verdict, reason, comment } = preparation.statement;
  $('prepared-who').textContent = say(VERDICTS[verdict], { who: nameOf(reader) });
  $('prepared-why').textContent = [reasonOf(reason), comment].filter(Boolean).join(' – ');
  const changes = prepared ? differences(draft, prepared) : [];
  $('prepared-changes').replaceChildren(
    ...changes.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
  );
  const rewritten = Boolean(prepared) && prepared.report !== draft.report;
  $('prepared-text').hidden = !rewritten;
  if (rewritten) showDifference($('prepared-text'), draft.report, prepared.report);
}

/** FAMILY^Given^^Dr, as people write it. */
function nameOf({ name }) {
  const [family, given = '', , prefix = ''] = name.split('^');
  return [prefix, given, family].filter(Boolean).join(' ');
}

const reasonOf = (reason) => (reason ? $('reason').querySelector(`option[value="${reason}"]`).textContent : '');
const presenceOf = (value) => $('finding-template').content.querySelector(`option[value="${value}"]`).textContent;

/** What a learner would change in the findings, in the words in which the reader's own changes are told. */
function differences(draft, prepared) {
  const theirs = new Map(prepared.findings.map((finding) => [finding.key, finding]));
  const changes = draft.findings.flatMap((finding) => {
    const label = pick(finding.label);
    const other = theirs.get(finding.key);
    return other ? edits(label, finding, other) : [say('changeDropped', { label })];
  });
  const known = new Set(draft.findings.map((finding) => finding.key));
  const added = prepared.findings.filter((finding) => !known.has(finding.key));
  return [
    ...changes,
    ...added.map((one) => say('changeAdded', { label: pick(one.label), presence: presenceOf(one.presence) })),
  ];
}

function edits(label, finding, other) {
  const changes = finding.quantities.flatMap((quantity, at) => {
    const after = other.quantities[at];
    if (!after || after.value === quantity.value) return [];
    const shown = { before: number(quantity.value), after: number(after.value), unit: unit(quantity.unit.code) };
    return [say('changeNumber', { label: `${label}, ${pick(quantity.label)}`, ...shown })];
  });
  if (finding.presence === other.presence) return changes;
  return [
    ...changes,
    say('changePresence', { label, before: presenceOf(finding.presence), after: presenceOf(other.presence) }),
  ];
}
