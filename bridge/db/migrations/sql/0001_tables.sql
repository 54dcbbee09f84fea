-- Every table, for SQLite and PostgreSQL alike. Types are TEXT and INTEGER on purpose: the same file runs on both,
-- and what is hashed or signed is exactly what is stored.
--   identifiers  UUID text, derived from their cause (guarantee/ids.py)
--   digests      SHA-256, 64 lower-case hexadecimal characters
--   times        UTC with microseconds, 2026-11-21T10:15:00.000000Z (sorts as text)
-- Each CONSTRAINT has a name: it is a wall of the gate, and tests/gate removes them one by one to see what gets through.
-- Read the gate from left to right: each arrow is a foreign key that carries the digest of the content.
--   results.draft -> questions -> opinions -> decisions -> releases -> renderings -> deliveries -> attempts -> receipts

-- What a life allows: rows are written from guarantee/states.py.
CREATE TABLE transitions (
  machine TEXT NOT NULL,
  source TEXT NOT NULL,
  verb TEXT NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (machine, source, verb)
);

-- Who exists. A role that opinions were given under stays: somebody who takes another one gets another login.
CREATE TABLE users (
  login TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  professional_id TEXT NOT NULL,
  organisation TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  password TEXT NOT NULL,                      -- scrypt, with its salt and cost
  second_factor TEXT NOT NULL,                 -- TOTP secret, encrypted with the desk's key
  second_factor_step INTEGER NOT NULL DEFAULT 0,  -- last time step used: a code works once
  active INTEGER NOT NULL DEFAULT 1,
  added_at TEXT NOT NULL,
  CONSTRAINT user_role_known CHECK (role IN
    ('radiologist', 'clinician', 'learner', 'engineer', 'committee', 'dpo', 'security', 'secretary')),
  CONSTRAINT user_login_and_role UNIQUE (login, role)
);

CREATE TABLE sessions (
  token TEXT NOT NULL PRIMARY KEY,             -- digest of the cookie: a copy of this table opens no session
  login TEXT NOT NULL REFERENCES users (login),
  auth TEXT NOT NULL,
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  ended_at TEXT
);

CREATE TABLE sign_ins (
  id TEXT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL,                         -- '' when nobody has that login: people type passwords there
  outcome TEXT NOT NULL,
  auth TEXT NOT NULL,                          -- how they proved who they are, or tried to: 'oidc:eidas1'
  at TEXT NOT NULL
);

-- A browser went to the identity provider and is expected back: once, within five minutes. Deleted after an hour.
CREATE TABLE authentication_requests (
  state TEXT NOT NULL PRIMARY KEY,             -- its digest
  browser TEXT NOT NULL,                       -- digest of the cookie of the browser that alone may come back
  sealed TEXT NOT NULL,                        -- the rest, enciphered with a key that only that cookie gives
  at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX authentication_requests_by_time ON authentication_requests (at);

-- Cut-off mode: until when local accounts may sign in although there is an identity provider. The last line counts.
CREATE TABLE local_openings (
  seq INTEGER NOT NULL PRIMARY KEY,
  until TEXT NOT NULL,                         -- not after "at": it ends now
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT local_opening_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- A session goes on in another window of the same browser: once, within a minute.
CREATE TABLE handovers (
  ticket TEXT NOT NULL PRIMARY KEY,            -- digest of what the window was given
  session TEXT NOT NULL,                       -- its token, as in sessions
  at TEXT NOT NULL,
  used_at TEXT
);

-- Another viewer looks at one study for who holds a session: opened within ten minutes, and while the session lives.
CREATE TABLE viewings (
  ticket TEXT NOT NULL PRIMARY KEY,            -- digest of its bearer token
  session TEXT NOT NULL,                       -- its token, as in sessions
  study TEXT NOT NULL,
  at TEXT NOT NULL,
  used_at TEXT                                 -- when the viewer first asked by it
);

-- Another system asked for an exam; who looks at it signs in first. Deleted after an hour: it may hold a patient number.
CREATE TABLE launches (
  ticket TEXT NOT NULL PRIMARY KEY,            -- digest of what stands in the address
  launcher TEXT NOT NULL,
  nonce TEXT NOT NULL,                         -- of the link; the ticket itself where the link has none
  expected TEXT NOT NULL,                      -- login that the launcher believes in
  wanted TEXT NOT NULL,
  login TEXT REFERENCES users (login),         -- who opened it first, and alone may again
  at TEXT NOT NULL,
  CONSTRAINT launch_once UNIQUE (launcher, nonce)
);
CREATE INDEX launches_by_time ON launches (at);

-- Who may endorse what (guarantee/habilitation.py). A right ends at its date, or by a line of revocations.
CREATE TABLE habilitations (
  id TEXT NOT NULL PRIMARY KEY,                -- derived from every other column
  person TEXT NOT NULL,
  model TEXT NOT NULL,                         -- name
  major TEXT NOT NULL,                         -- of its version
  site TEXT NOT NULL,
  act TEXT NOT NULL,
  evidence TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  by_role TEXT NOT NULL,
  since TEXT NOT NULL,
  until TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT grant_to_a_person FOREIGN KEY (person) REFERENCES users (login),
  CONSTRAINT grant_by_its_granter FOREIGN KEY (by_whom, by_role) REFERENCES users (login, role),
  CONSTRAINT grant_by_the_committee CHECK (by_role = 'committee'),
  CONSTRAINT grant_never_to_oneself CHECK (by_whom <> person),
  CONSTRAINT grant_act_known CHECK (act IN ('endorse', 'prepare')),
  CONSTRAINT grant_names_what_it_is_for CHECK (model <> '' AND major <> '' AND major NOT LIKE '%.%' AND site <> ''),
  CONSTRAINT grant_on_evidence CHECK (evidence <> ''),
  CONSTRAINT grant_never_for_the_past CHECK (at <= since AND since < until),
  CONSTRAINT grant_for_a_year_at_most
    CHECK (until <= CAST(CAST(substr(since, 1, 4) AS INTEGER) + 1 AS TEXT) || substr(since, 5)),
  CONSTRAINT grant_and_person UNIQUE (id, person)
);
CREATE INDEX habilitations_by_person ON habilitations (person);

-- A right ends before its date. holds = 1: what was signed under it and is not sent yet stays here.
CREATE TABLE revocations (
  grant_id TEXT NOT NULL,
  holds INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (grant_id, holds),
  CONSTRAINT revocation_of_a_right FOREIGN KEY (grant_id) REFERENCES habilitations (id),
  CONSTRAINT revocation_holds_or_not CHECK (holds IN (0, 1)),
  CONSTRAINT revocation_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- Somebody was refused a decision for what they are, or lack. They are counted.
CREATE TABLE refusals (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  login TEXT NOT NULL,
  cause TEXT NOT NULL,
  at TEXT NOT NULL
);

-- Authenticators that people sign with (WebAuthn). A key never changes: it is revoked, and another one is added.
CREATE TABLE passkeys (
  id TEXT NOT NULL PRIMARY KEY,                -- credential identifier, base64url
  login TEXT NOT NULL REFERENCES users (login),
  name TEXT NOT NULL,                          -- what the person calls it
  algorithm TEXT NOT NULL,
  public_key TEXT NOT NULL,                    -- guarantee/gesture.py: Passkey
  at TEXT NOT NULL,
  CONSTRAINT passkey_algorithm_known CHECK (algorithm IN ('ES256', 'EdDSA', 'RS256')),
  CONSTRAINT passkey_and_owner UNIQUE (id, login)
);

CREATE TABLE passkey_ends (
  passkey TEXT NOT NULL PRIMARY KEY REFERENCES passkeys (id),
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL
);

-- What an authenticator was asked to sign: once, within two minutes, in the session that asked. Deleted after an hour.
CREATE TABLE challenges (
  challenge TEXT NOT NULL PRIMARY KEY,         -- base64url
  session TEXT NOT NULL,                       -- its token, as in sessions
  purpose TEXT NOT NULL,                       -- 'sign' or 'register'
  at TEXT NOT NULL,                            -- of a statement: when it says that it was signed
  used_at TEXT
);
CREATE INDEX challenges_by_time ON challenges (at);

CREATE TABLE policies (
  ref TEXT NOT NULL PRIMARY KEY,               -- id@version
  readers INTEGER NOT NULL,
  gesture TEXT NOT NULL DEFAULT '',            -- 'passkey' where a sign-in alone signs nothing
  objection TEXT NOT NULL DEFAULT 'stop',      -- for a patient who objects to AI: no model runs, or nothing is shown
  body TEXT NOT NULL,
  first_read INTEGER NOT NULL DEFAULT 0,       -- share that is read before AI is shown, in per mille
  learners TEXT NOT NULL DEFAULT '',           -- 'cosign' where people with a right to prepare may do so
  added_at TEXT NOT NULL,
  CONSTRAINT policy_asks_for_somebody CHECK (readers BETWEEN 1 AND 3),
  CONSTRAINT policy_draws_a_share CHECK (first_read BETWEEN 0 AND 1000),
  CONSTRAINT policy_objection_known CHECK (objection IN ('stop', 'hide'))
);

-- The lot of a policy that asks for first reads: which result of which reader. The journal holds the digest of the seed
-- before the first result under the policy can exist (guarantee/first_read.py).
CREATE TABLE draws (
  policy TEXT NOT NULL PRIMARY KEY REFERENCES policies (ref),
  seed TEXT NOT NULL,
  drawn_below TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT draw_by_lot CHECK (length(seed) = 32 AND length(drawn_below) = 8)
);

CREATE TABLE models (
  id TEXT NOT NULL PRIMARY KEY,                -- name@version
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  card TEXT NOT NULL,                          -- digest of the card
  added_at TEXT NOT NULL,
  parts TEXT NOT NULL DEFAULT '{}',            -- digest of each part, to be compared with (guarantee/revalidation.py)
  follows TEXT,                                -- the version it was compared with when it was made known
  changed TEXT NOT NULL DEFAULT '',            -- the parts that are others than there
  revalidation TEXT NOT NULL DEFAULT 'new-model',
  publisher TEXT NOT NULL DEFAULT '',          -- whose signature was found good then; '' for none
  signing_key TEXT NOT NULL DEFAULT '',
  CONSTRAINT model_digest_form CHECK (length(digest) = 64 AND length(card) = 64),
  CONSTRAINT model_called_by_name_and_version CHECK (id = name || '@' || version),
  CONSTRAINT model_follows_a_known_version FOREIGN KEY (follows) REFERENCES models (id),
  CONSTRAINT model_revalidation_known
    CHECK (revalidation IN ('none', 'texts', 'golden', 'own-cases', 'new-model')),
  CONSTRAINT model_publisher_by_key CHECK ((publisher = '') = (signing_key = ''))
);

-- The life of a version up to pilot: its last line says where it stands (guarantee/lifecycle.py). In routine is what was
-- appointed, suspended what is stopped, retired what was retired: no line says so again.
CREATE TABLE stages (
  model_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  stage TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (model_id, n),
  CONSTRAINT stage_of_a_known_version FOREIGN KEY (model_id) REFERENCES models (id),
  CONSTRAINT stage_known CHECK (stage IN ('idea', 'framing', 'poc', 'shadow', 'pilot')),
  CONSTRAINT stage_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- A version that has ended: it makes no new draft (guarantee/retirement.py).
CREATE TABLE retirements (
  model_id TEXT NOT NULL PRIMARY KEY,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT retirement_of_a_known_version FOREIGN KEY (model_id) REFERENCES models (id),
  CONSTRAINT retirement_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- Which version of a model works for patients: the last line of each name counts (guarantee/rollout.py).
CREATE TABLE appointments (
  seq INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  model_id TEXT NOT NULL,
  step TEXT NOT NULL,
  below INTEGER,                               -- the line that a rollback of this one goes back to
  by_whom TEXT NOT NULL,
  second TEXT NOT NULL DEFAULT '',             -- who grants it; '' for a rollback, and for the installer
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT appointment_of_a_known_version FOREIGN KEY (model_id) REFERENCES models (id),
  CONSTRAINT appointment_under_its_name CHECK (substr(model_id, 1, length(name) + 1) = name || '@'),
  CONSTRAINT appointment_signed_for CHECK (by_whom <> '' AND reason <> ''),
  CONSTRAINT appointment_by_two_people
    CHECK (step = 'rollback' OR by_whom = 'installer' OR (second <> '' AND second <> by_whom))
);

-- A version that is tried beside the one in routine, for as long as that appointment is the last of its name.
CREATE TABLE trials (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  model_id TEXT NOT NULL,
  under INTEGER NOT NULL,                      -- line of the appointment
  shadow INTEGER NOT NULL,                     -- 1: the version that a case does not get for care runs too, in shadow
  share INTEGER NOT NULL,                      -- percent of the cases that get this version for care; 0 for none
  drawn_below TEXT NOT NULL,                   -- share * 2^32 / 100, hexadecimal: draws below it are the canary's
  site TEXT NOT NULL,                          -- '' for every site
  seed TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT trial_of_a_known_version FOREIGN KEY (model_id) REFERENCES models (id),
  CONSTRAINT trial_under_its_name CHECK (substr(model_id, 1, length(name) + 1) = name || '@'),
  CONSTRAINT trial_tries_something
    CHECK (shadow IN (0, 1) AND share BETWEEN 0 AND 99 AND (shadow = 1 OR share > 0)),
  CONSTRAINT trial_draws_by_lot CHECK (length(seed) = 32 AND length(drawn_below) = 8),
  CONSTRAINT trial_signed_for CHECK (by_whom <> '' AND reason <> '')
);

CREATE TABLE trial_ends (
  trial_id TEXT NOT NULL PRIMARY KEY,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT trial_end_of_a_trial FOREIGN KEY (trial_id) REFERENCES trials (id),
  CONSTRAINT trial_end_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- One revision of a set of inputs: a DICOM study, or what the record says of one stay.
CREATE TABLE cases (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  uid TEXT NOT NULL,
  revision INTEGER NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  site TEXT NOT NULL,
  patient_identifier TEXT NOT NULL,
  patient_issuer TEXT NOT NULL,
  patient_name TEXT NOT NULL,
  patient_birth_date TEXT NOT NULL,
  patient_sex TEXT NOT NULL,
  patient_reference TEXT NOT NULL,
  order_number TEXT NOT NULL,
  identity_version INTEGER NOT NULL,
  modality TEXT NOT NULL,
  description TEXT NOT NULL,
  started TEXT NOT NULL,
  encounter TEXT NOT NULL,
  manifest TEXT,
  cause TEXT NOT NULL,
  admitted TEXT NOT NULL DEFAULT '',           -- doubts that a person let through
  opened_at TEXT NOT NULL,
  last_input_at TEXT NOT NULL,
  moved_at TEXT NOT NULL,
  CONSTRAINT case_kind_known CHECK (kind IN ('study', 'record')),
  CONSTRAINT case_revision_once UNIQUE (kind, uid, revision),
  CONSTRAINT case_and_manifest UNIQUE (id, manifest),
  CONSTRAINT case_manifest_form CHECK (manifest IS NULL OR length(manifest) = 64),
  CONSTRAINT case_manifest_when_complete CHECK (state IN ('receiving', 'quarantined') OR manifest IS NOT NULL),
  CONSTRAINT case_quarantine_explained CHECK (state <> 'quarantined' OR cause <> '')
);
CREATE INDEX cases_by_patient ON cases (patient_identifier) WHERE patient_identifier <> '';
CREATE INDEX cases_by_order ON cases (order_number) WHERE order_number <> '';
CREATE INDEX cases_receiving ON cases (last_input_at) WHERE state = 'receiving';
CREATE INDEX cases_held ON cases (moved_at) WHERE state = 'quarantined';
CREATE INDEX cases_superseded ON cases (id) WHERE state = 'superseded';

-- Somebody came to a case by a launch. Without a case: what was asked for is not here.
CREATE TABLE openings (
  id TEXT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL REFERENCES users (login),
  launcher TEXT NOT NULL,
  case_id TEXT REFERENCES cases (id),
  at TEXT NOT NULL,
  CONSTRAINT opening_by_a_launcher CHECK (launcher <> '')
);
CREATE INDEX openings_of_case ON openings (case_id, login, at);

-- Every input ever received, other bytes under a known identifier included (conflict = 1: kept, never used).
CREATE TABLE inputs (
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  uid TEXT NOT NULL,
  digest TEXT NOT NULL,
  group_uid TEXT NOT NULL,
  class TEXT NOT NULL,
  revision INTEGER NOT NULL,                   -- the revision that was open when it came
  conflict INTEGER NOT NULL,
  modality TEXT NOT NULL,                      -- of its series: each waits for its own quiet time
  facts TEXT NOT NULL,
  sender TEXT NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (kind, case_uid, uid, digest),
  CONSTRAINT input_digest_form CHECK (length(digest) = 64),
  CONSTRAINT input_belongs_to_case FOREIGN KEY (kind, case_uid, revision) REFERENCES cases (kind, uid, revision)
);
CREATE INDEX inputs_by_uid ON inputs (uid);  -- storage commitment names instances, not studies

-- Why a case is held, or flagged: once for each cause and what it is about (a digest of traits, a sender, other bytes).
CREATE TABLE doubts (
  case_id TEXT NOT NULL,
  cause TEXT NOT NULL,
  subject TEXT NOT NULL,
  holds INTEGER NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (case_id, cause, subject),
  CONSTRAINT doubt_about_a_case FOREIGN KEY (case_id) REFERENCES cases (id),
  CONSTRAINT doubt_explained CHECK (cause <> '')
);

-- A person's word on a held case: a new revision may use what came, or nothing ever does.
CREATE TABLE admissions (
  id TEXT NOT NULL PRIMARY KEY,
  case_id TEXT NOT NULL,
  verdict TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT admission_once UNIQUE (case_id),
  CONSTRAINT admission_verdict_known CHECK (verdict IN ('admit', 'keep-apart')),
  CONSTRAINT admission_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- Open associations, so that a study is not judged complete while somebody is still sending it.
CREATE TABLE conversations (
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  heard_at TEXT NOT NULL,
  ended_at TEXT,
  broken_off INTEGER NOT NULL DEFAULT 0,       -- ended otherwise than by a release
  PRIMARY KEY (id, kind, case_uid)
);
CREATE INDEX conversations_of_case ON conversations (kind, case_uid, heard_at);

-- What somebody said there would be: Instance Availability Notification, MPPS, the source when it was asked.
-- It can delay a judgement or explain it, never more (guarantee/completeness.py).
CREATE TABLE expectations (
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  source TEXT NOT NULL,                        -- ian:<uid>, mpps:<uid>, query:<sender>
  group_uid TEXT NOT NULL,                     -- Series Instance UID; '' for the whole study
  basis TEXT NOT NULL,
  status TEXT NOT NULL,
  instances INTEGER NOT NULL,
  listed TEXT,                                 -- digest of the list of instances; NULL when only counted
  at TEXT NOT NULL,
  PRIMARY KEY (kind, case_uid, source, group_uid),
  CONSTRAINT expectation_basis_known CHECK (basis IN ('query', 'list')),
  CONSTRAINT expectation_status_known CHECK (status IN ('said', 'in-progress', 'discontinued')),
  CONSTRAINT expectation_counts_up CHECK (instances >= 0),
  CONSTRAINT expectation_list_form
    CHECK ((basis = 'list') = (listed IS NOT NULL) AND (listed IS NULL OR length(listed) = 64))
);
CREATE INDEX expectations_by_source ON expectations (source);

-- Images that a rejection note takes out of use (IHE IOCM): kept, and in no later manifest.
CREATE TABLE rejections (
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  uid TEXT NOT NULL,
  note TEXT NOT NULL,                          -- SOP Instance UID of the rejection note
  title TEXT NOT NULL,                         -- code of its document title
  at TEXT NOT NULL,
  PRIMARY KEY (kind, case_uid, uid, note),
  CONSTRAINT rejection_title_known CHECK (title IN ('113001', '113037', '113038', '113039'))
);

-- Why one revision was judged complete: what was there, what was missing, since when. Once, with the manifest.
CREATE TABLE judgements (
  case_id TEXT NOT NULL PRIMARY KEY,
  manifest TEXT NOT NULL,
  verdict TEXT NOT NULL,
  how TEXT NOT NULL,
  shortages TEXT NOT NULL,
  instances INTEGER NOT NULL,
  last_input_at TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT judgement_of_exactly_these_inputs FOREIGN KEY (case_id, manifest) REFERENCES cases (id, manifest),
  CONSTRAINT judgement_verdict_known CHECK (verdict IN ('complete', 'short')),
  CONSTRAINT judgement_says_what_is_missing CHECK ((verdict = 'short') = (shortages <> '[]'))
);

-- One model version on one revision of a case.
CREATE TABLE results (
  id TEXT NOT NULL PRIMARY KEY,
  case_id TEXT NOT NULL,
  manifest TEXT NOT NULL,
  model_id TEXT NOT NULL REFERENCES models (id),
  focus TEXT NOT NULL,
  mode TEXT NOT NULL,
  priority TEXT NOT NULL,
  policy TEXT NOT NULL REFERENCES policies (ref),
  identity_version INTEGER NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  draft TEXT,
  cause_code TEXT NOT NULL,
  cause_detail TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  queued_at TEXT NOT NULL,
  drafted_at TEXT,
  moved_at TEXT NOT NULL,
  CONSTRAINT result_on_exactly_these_inputs FOREIGN KEY (case_id, manifest) REFERENCES cases (id, manifest),
  CONSTRAINT result_once UNIQUE (case_id, model_id),
  CONSTRAINT result_and_draft UNIQUE (id, draft, mode),
  CONSTRAINT result_and_policy UNIQUE (id, policy),
  CONSTRAINT result_mode_known CHECK (mode IN ('care', 'shadow')),
  CONSTRAINT result_draft_form CHECK (draft IS NULL OR length(draft) = 64),
  CONSTRAINT result_draft_when_reviewed
    CHECK (state IN ('queued', 'excluded', 'failed', 'stale') OR draft IS NOT NULL),
  CONSTRAINT result_explained
    CHECK (state NOT IN ('excluded', 'failed', 'rejected', 'expired', 'stale', 'retracted') OR cause_code <> '')
);
CREATE INDEX results_by_state ON results (state, queued_at);
CREATE INDEX results_objected ON results (id) WHERE state = 'excluded' AND cause_code = 'objection';
CREATE INDEX results_by_time ON results (queued_at);
CREATE INDEX results_by_model ON results (model_id, mode, queued_at);  -- when a version entered service

-- Who works on what, for how long. A lease that ends is simply taken by another.
CREATE TABLE leases (
  result_id TEXT NOT NULL PRIMARY KEY REFERENCES results (id),
  holder TEXT NOT NULL,
  until TEXT NOT NULL
);

-- How long one attempt of a model took, part by part: measurements (guarantee/runs.py). Nothing refers to them.
CREATE TABLE runs (
  result_id TEXT NOT NULL REFERENCES results (id),
  started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  holder TEXT NOT NULL,                        -- the worker
  outcome TEXT NOT NULL,
  cause_code TEXT NOT NULL,
  sender TEXT NOT NULL,                        -- of the first input that it read, and the device that made it:
  scanner TEXT NOT NULL,                       -- Manufacturer's Model Name (0008,1090); '' where nothing says
  fetch_ms INTEGER,                            -- NULL: not reached, or not said
  start_ms INTEGER,
  preprocess_ms INTEGER,
  predict_ms INTEGER,
  postprocess_ms INTEGER,
  store_ms INTEGER,
  PRIMARY KEY (result_id, started_at),
  CONSTRAINT run_outcome_known
    CHECK (outcome IN ('drafted', 'excluded', 'failed', 'retried', 'unavailable', 'overtaken')),
  CONSTRAINT run_without_a_draft_explained CHECK ((outcome = 'drafted') = (cause_code = ''))
);
CREATE INDEX runs_by_time ON runs (ended_at);
CREATE INDEX runs_by_holder ON runs (holder, started_at);

-- What a model version was given and answered, in words and numbers by which a change is noticed (bridge/drift.py).
-- Once for each study, or stay: what comes again is no new case. Nothing in it says who the patient is.
CREATE TABLE features (
  model_id TEXT NOT NULL REFERENCES models (id),
  mode TEXT NOT NULL,
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  result_id TEXT NOT NULL REFERENCES results (id),
  site TEXT NOT NULL,
  sender TEXT NOT NULL,
  scanner TEXT NOT NULL,
  answered INTEGER NOT NULL,                   -- 0: the inputs were none for this model
  at TEXT NOT NULL,                            -- when the run ended
  body TEXT NOT NULL,                          -- JSON: name -> word, number or null
  PRIMARY KEY (model_id, mode, kind, case_uid)
);
CREATE INDEX features_by_time ON features (model_id, mode, at);

-- What the server asked one reader, once: will you answer for exactly this draft? Also the record that it was shown.
-- A shadow result can be asked about by nobody: the key carries the mode.
CREATE TABLE questions (
  nonce TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  shown TEXT NOT NULL,
  mode TEXT NOT NULL,
  reader TEXT NOT NULL REFERENCES users (login),
  opened_from TEXT NOT NULL DEFAULT '',        -- the launcher that brought this reader to the case; '' for none
  asked_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  CONSTRAINT question_on_the_stored_draft
    FOREIGN KEY (result_id, shown, mode) REFERENCES results (id, draft, mode),
  CONSTRAINT question_never_on_shadow CHECK (mode = 'care'),
  CONSTRAINT question_as_asked UNIQUE (nonce, result_id, reader, shown)
);
CREATE INDEX questions_of_result ON questions (result_id, reader);
CREATE INDEX questions_of_reader ON questions (reader, result_id);  -- who is told that a result was taken back

-- Read first, then reveal. A drawn reader opens the images and nothing of AI, says what they think, and only then may
-- the draft be revealed to them: three rows, in this order, that stay.
CREATE TABLE first_reads (
  result_id TEXT NOT NULL REFERENCES results (id),
  reader TEXT NOT NULL,
  reader_role TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  PRIMARY KEY (result_id, reader),
  CONSTRAINT first_read_by_its_reader FOREIGN KEY (reader, reader_role) REFERENCES users (login, role)
);

CREATE TABLE impressions (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  reader TEXT NOT NULL,
  kind TEXT NOT NULL,                          -- of the case: what may be said of it
  word TEXT NOT NULL,
  note TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT impression_of_a_first_read FOREIGN KEY (result_id, reader) REFERENCES first_reads (result_id, reader),
  CONSTRAINT impression_one_per_reader UNIQUE (result_id, reader),
  CONSTRAINT impression_and_reader UNIQUE (id, result_id, reader),
  CONSTRAINT impression_in_words CHECK (
    (kind = 'study' AND word IN ('none', 'present', 'unsure'))
    OR (kind = 'record' AND word IN ('low', 'medium', 'high', 'no-opinion'))
  ),
  CONSTRAINT impression_is_short CHECK (length(note) <= 500)
);

-- Who was shown what of AI, when: the draft, by a question; or what was decided.
CREATE TABLE exposures (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL REFERENCES results (id),
  reader TEXT NOT NULL REFERENCES users (login),
  surface TEXT NOT NULL,
  shown TEXT NOT NULL,
  nonce TEXT,
  at TEXT NOT NULL,
  CONSTRAINT exposure_as_it_was_asked
    FOREIGN KEY (nonce, result_id, reader, shown) REFERENCES questions (nonce, result_id, reader, shown),
  CONSTRAINT exposure_by_a_known_way
    CHECK ((surface = 'reveal' AND nonce IS NOT NULL) OR (surface = 'result' AND nonce IS NULL))
);
CREATE INDEX exposures_by_reader ON exposures (result_id, reader);

-- What a learner says of a draft, for a senior to answer for (guarantee/preparation.py). It is no opinion and counts for
-- none: nothing that decides looks at this table, but to ask whether the senior was shown it.
CREATE TABLE preparations (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  reader TEXT NOT NULL,
  reader_role TEXT NOT NULL,
  grant_id TEXT NOT NULL,                      -- the right to prepare; the statement holds it whole
  policy TEXT NOT NULL,
  verdict TEXT NOT NULL,
  shown TEXT NOT NULL,
  content TEXT,
  statement TEXT NOT NULL,
  seal_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  signed_at TEXT NOT NULL,
  CONSTRAINT preparation_answers_its_question
    FOREIGN KEY (nonce, result_id, reader, shown) REFERENCES questions (nonce, result_id, reader, shown),
  CONSTRAINT preparation_once UNIQUE (result_id),
  CONSTRAINT preparation_by_its_learner FOREIGN KEY (reader, reader_role) REFERENCES users (login, role),
  CONSTRAINT preparation_by_a_right_of_its_learner
    FOREIGN KEY (grant_id, reader) REFERENCES habilitations (id, person),
  CONSTRAINT preparation_under_the_frozen_policy FOREIGN KEY (result_id, policy) REFERENCES results (id, policy),
  CONSTRAINT preparation_verdict_known CHECK (verdict IN ('accept', 'amend', 'reject')),
  CONSTRAINT preparation_rejects_everything CHECK ((verdict = 'reject') = (content IS NULL)),
  CONSTRAINT preparation_is_sealed CHECK (length(signature) = 128)
);
CREATE INDEX preparations_by_learner ON preparations (reader);

-- One clinician's verdict on exact content, with the bytes that were signed and their seal.
CREATE TABLE opinions (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  reader TEXT NOT NULL,
  reader_role TEXT NOT NULL,
  grant_id TEXT NOT NULL,                      -- the right it is given under; the statement holds it whole
  policy TEXT NOT NULL,
  verdict TEXT NOT NULL,
  shown TEXT NOT NULL,
  content TEXT,
  passkey TEXT,                                -- that a gesture over the statement was made with; NULL for none
  statement TEXT NOT NULL,
  seal_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  first_read TEXT,                             -- the impression given before the draft was shown; NULL for none
  prepared TEXT,                               -- what a learner prepared, and was shown with the draft; NULL for none
  signed_at TEXT NOT NULL,
  CONSTRAINT opinion_after_its_own_impression
    FOREIGN KEY (first_read, result_id, reader) REFERENCES impressions (id, result_id, reader),
  CONSTRAINT opinion_answers_its_question
    FOREIGN KEY (nonce, result_id, reader, shown) REFERENCES questions (nonce, result_id, reader, shown),
  CONSTRAINT opinion_answers_once UNIQUE (nonce),
  CONSTRAINT opinion_one_per_person UNIQUE (result_id, reader),
  CONSTRAINT opinion_by_its_reader FOREIGN KEY (reader, reader_role) REFERENCES users (login, role),
  CONSTRAINT opinion_by_a_right_of_its_reader FOREIGN KEY (grant_id, reader) REFERENCES habilitations (id, person),
  CONSTRAINT opinion_by_a_clinician CHECK (reader_role IN ('radiologist', 'clinician')),
  CONSTRAINT opinion_under_the_frozen_policy FOREIGN KEY (result_id, policy) REFERENCES results (id, policy),
  CONSTRAINT opinion_verdict_known CHECK (verdict IN ('accept', 'amend', 'reject')),
  CONSTRAINT opinion_rejects_everything CHECK ((verdict = 'reject') = (content IS NULL)),
  CONSTRAINT opinion_accepts_what_was_shown CHECK (verdict <> 'accept' OR content = shown),
  CONSTRAINT opinion_amends_something CHECK (verdict <> 'amend' OR content <> shown),
  CONSTRAINT opinion_content_form CHECK (content IS NULL OR length(content) = 64),
  CONSTRAINT opinion_is_sealed CHECK (length(signature) = 128),
  CONSTRAINT opinion_as_given UNIQUE (id, result_id, verdict, shown),
  CONSTRAINT opinion_and_content UNIQUE (id, content),
  CONSTRAINT opinion_by_a_passkey_of_its_reader FOREIGN KEY (passkey, reader) REFERENCES passkeys (id, login),
  CONSTRAINT opinion_and_passkey UNIQUE (id, passkey)
);

-- What the reader's authenticator signed (guarantee/gesture.py). The 66th hexadecimal digit of its data holds the
-- flags "present" (1) and "verified" (4).
CREATE TABLE gestures (
  opinion_id TEXT NOT NULL PRIMARY KEY,
  passkey TEXT NOT NULL,
  authenticator_data TEXT NOT NULL,
  client_data TEXT NOT NULL,
  signature TEXT NOT NULL,
  CONSTRAINT gesture_of_its_opinion FOREIGN KEY (opinion_id, passkey) REFERENCES opinions (id, passkey),
  CONSTRAINT gesture_by_a_verified_person CHECK (substr(authenticator_data, 66, 1) IN ('5', '7', 'd', 'f'))
);
CREATE INDEX gestures_by_passkey ON gestures (passkey);

-- What the opinions amount to: one per result, for ever.
CREATE TABLE decisions (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  opinion_id TEXT NOT NULL,
  policy TEXT NOT NULL,
  verdict TEXT NOT NULL,
  shown TEXT NOT NULL,
  content TEXT,
  at TEXT NOT NULL,
  CONSTRAINT decision_once UNIQUE (result_id),
  CONSTRAINT decision_is_its_opinion
    FOREIGN KEY (opinion_id, result_id, verdict, shown) REFERENCES opinions (id, result_id, verdict, shown),
  CONSTRAINT decision_content_is_its_opinions FOREIGN KEY (opinion_id, content) REFERENCES opinions (id, content),
  CONSTRAINT decision_rejects_everything CHECK ((verdict = 'reject') = (content IS NULL)),
  CONSTRAINT decision_under_the_frozen_policy FOREIGN KEY (result_id, policy) REFERENCES results (id, policy),
  CONSTRAINT decision_as_made UNIQUE (id, result_id, verdict, content),
  CONSTRAINT decision_and_result UNIQUE (id, result_id)
);
CREATE INDEX decisions_by_time ON decisions (at);
CREATE INDEX decisions_released ON decisions (at, result_id) WHERE verdict <> 'reject';  -- which results left, and when

-- A released result is taken back: who, why, sealed.
CREATE TABLE withdrawals (
  id TEXT NOT NULL PRIMARY KEY,
  decision_id TEXT NOT NULL,
  result_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  content TEXT NOT NULL,                       -- digest of the notice
  notice TEXT NOT NULL,
  seal_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT withdrawal_once UNIQUE (decision_id),
  CONSTRAINT withdrawal_of_a_decision FOREIGN KEY (decision_id, result_id) REFERENCES decisions (id, result_id),
  CONSTRAINT withdrawal_is_signed_for CHECK (by_whom <> '' AND reason <> '' AND length(signature) = 128),
  CONSTRAINT withdrawal_as_made UNIQUE (id, result_id, content)
);
CREATE INDEX withdrawals_of_result ON withdrawals (result_id);

-- A decided result was taken out under a pseudonym, for research or teaching: written before the first file.
CREATE TABLE exports (
  id TEXT NOT NULL PRIMARY KEY,
  decision_id TEXT NOT NULL,
  result_id TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  profile TEXT NOT NULL,                       -- how identity was taken out (PS3.15, Annex E)
  objects INTEGER NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT export_of_a_decision FOREIGN KEY (decision_id, result_id) REFERENCES decisions (id, result_id),
  CONSTRAINT export_signed_for CHECK (by_whom <> '' AND reason <> '' AND profile <> '')
);

-- The only key to the outside.
CREATE TABLE releases (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  result_id TEXT NOT NULL,
  decision_id TEXT,
  withdrawal_id TEXT,
  verdict TEXT,
  content TEXT NOT NULL,
  terms TEXT NOT NULL,
  seal_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT release_has_one_ground CHECK (
    (kind = 'result' AND decision_id IS NOT NULL AND verdict IS NOT NULL AND withdrawal_id IS NULL)
    OR (kind = 'withdrawal' AND withdrawal_id IS NOT NULL AND decision_id IS NULL AND verdict IS NULL)),
  CONSTRAINT release_once_per_decision UNIQUE (decision_id),
  CONSTRAINT release_once_per_withdrawal UNIQUE (withdrawal_id),
  CONSTRAINT release_never_of_a_rejection CHECK (verdict IS NULL OR verdict IN ('accept', 'amend')),
  CONSTRAINT release_of_exactly_what_was_decided
    FOREIGN KEY (decision_id, result_id, verdict, content) REFERENCES decisions (id, result_id, verdict, content),
  CONSTRAINT release_of_exactly_what_was_withdrawn
    FOREIGN KEY (withdrawal_id, result_id, content) REFERENCES withdrawals (id, result_id, content),
  CONSTRAINT release_is_sealed CHECK (length(signature) = 128),
  CONSTRAINT release_and_content UNIQUE (id, content),
  CONSTRAINT release_kind_and_result UNIQUE (id, kind, result_id)
);

-- Which bytes go where, made once, before anything is sent.
CREATE TABLE renderings (
  release_id TEXT NOT NULL,
  destination TEXT NOT NULL,
  content TEXT NOT NULL,
  package TEXT NOT NULL,
  PRIMARY KEY (release_id, destination),
  CONSTRAINT rendering_of_the_released_content FOREIGN KEY (release_id, content) REFERENCES releases (id, content),
  CONSTRAINT rendering_package_form CHECK (length(package) = 64),
  CONSTRAINT rendering_as_made UNIQUE (release_id, destination, package)
);

CREATE TABLE deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  release_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  result_id TEXT NOT NULL,
  destination TEXT NOT NULL,
  round INTEGER NOT NULL DEFAULT 0,            -- 0 by the release itself; more each time a person asks (resends)
  package TEXT NOT NULL,
  state TEXT NOT NULL,
  cause_code TEXT NOT NULL,
  cause_detail TEXT NOT NULL,
  next_attempt_at TEXT NOT NULL,
  added_at TEXT NOT NULL,
  moved_at TEXT NOT NULL,
  CONSTRAINT delivery_once UNIQUE (release_id, destination, round),
  CONSTRAINT delivery_of_the_rendered_package
    FOREIGN KEY (release_id, destination, package) REFERENCES renderings (release_id, destination, package),
  CONSTRAINT delivery_of_its_release
    FOREIGN KEY (release_id, kind, result_id) REFERENCES releases (id, kind, result_id),
  CONSTRAINT delivery_state_known CHECK (state IN ('due', 'confirmed', 'declined', 'withheld')),
  CONSTRAINT delivery_refusal_explained CHECK (state NOT IN ('declined', 'withheld') OR cause_code <> ''),
  CONSTRAINT delivery_and_package UNIQUE (id, package)
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'due';
CREATE INDEX deliveries_of_result ON deliveries (result_id);
CREATE INDEX deliveries_declined ON deliveries (destination) WHERE state = 'declined';

-- A person asked for a delivery that had ended to be sent again: the same bytes under the same identifiers.
CREATE TABLE resends (
  release_id TEXT NOT NULL,
  destination TEXT NOT NULL,
  round INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (release_id, destination, round),
  CONSTRAINT resend_signed_for CHECK (by_whom <> '' AND reason <> '')
);

-- Written before each send: if we crash in between, somebody may hold a copy, and this row says so.
CREATE TABLE attempts (
  delivery_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  package TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (delivery_id, n),
  CONSTRAINT attempt_of_the_due_package FOREIGN KEY (delivery_id, package) REFERENCES deliveries (id, package),
  CONSTRAINT attempt_as_begun UNIQUE (delivery_id, n, package)
);

-- Proof that the destination holds the package.
CREATE TABLE receipts (
  delivery_id TEXT NOT NULL PRIMARY KEY,
  attempt INTEGER NOT NULL,
  package TEXT NOT NULL,
  method TEXT NOT NULL,
  reference TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT receipt_for_an_attempt
    FOREIGN KEY (delivery_id, attempt, package) REFERENCES attempts (delivery_id, n, package),
  CONSTRAINT receipt_says_how CHECK (method <> '')
);

-- How each destination answers: one that is down is left alone for a while (guarantee/breaker.py).
CREATE TABLE destinations (
  name TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,                   -- in a row
  rests_until TEXT,                            -- NULL while it answers
  trying INTEGER NOT NULL,                     -- 1 while one delivery tries whether it answers again
  confirmed_at TEXT,
  failed_at TEXT,
  cause_code TEXT NOT NULL,                    -- of the last failure
  cause_detail TEXT NOT NULL,
  CONSTRAINT destination_rests_for_a_reason CHECK (rests_until IS NULL OR (failures > 0 AND cause_code <> ''))
);

-- Destinations that a person left alone on purpose, and let go on; like stops, the last line of each counts.
CREATE TABLE pauses (
  seq INTEGER NOT NULL PRIMARY KEY,
  destination TEXT NOT NULL,
  action TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT pause_action_known CHECK (action IN ('pause', 'resume')),
  CONSTRAINT pause_signed_for CHECK (by_whom <> '' AND (action = 'resume' OR reason <> ''))
);

CREATE TABLE stops (
  seq INTEGER NOT NULL PRIMARY KEY,
  scope TEXT NOT NULL,
  target TEXT NOT NULL,
  action TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  second TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT stop_scope_known CHECK (scope IN ('all', 'model', 'version', 'site', 'device')),
  CONSTRAINT stop_names_its_target CHECK ((scope = 'all') = (target = '')),
  CONSTRAINT stop_action_known CHECK (action IN ('stop', 'resume')),
  CONSTRAINT stop_signed_for CHECK (by_whom <> '' AND reason <> ''),
  CONSTRAINT stop_two_people_resume CHECK (action = 'stop' OR (second <> '' AND second <> by_whom))
);

-- Golden cases that were asked of a version: before work, every day, and before it resumes (guarantee/examinations.py).
CREATE TABLE examinations (
  id TEXT NOT NULL PRIMARY KEY,
  model_id TEXT NOT NULL,
  cases TEXT NOT NULL,                         -- digest of the golden cases as they were asked
  failure TEXT NOT NULL,                       -- the first that did not come out; '' when all did
  by_whom TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT examination_of_a_known_version FOREIGN KEY (model_id) REFERENCES models (id),
  CONSTRAINT examination_of_known_cases CHECK (length(cases) = 64),
  CONSTRAINT examination_signed_for CHECK (by_whom <> '')
);
CREATE INDEX examinations_of_version ON examinations (model_id, at);

-- Results that are taken back together (guarantee/recalls.py): who ordered it, why, how many. Each is then withdrawn by
-- itself, with its own notice, receipts and links.
CREATE TABLE recalls (
  id TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  comment TEXT NOT NULL,
  criteria TEXT NOT NULL,                      -- how they were found, as a person may read it
  copies TEXT NOT NULL,                        -- where else copies went, as a person knows it; '' when nobody said
  many INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  second TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT recall_signed_for CHECK (by_whom <> '' AND reason <> '' AND comment <> ''),
  CONSTRAINT recall_of_many_by_two CHECK (many <= 10 OR second <> ''),
  CONSTRAINT recall_by_two_different_people CHECK (second <> by_whom)
);

CREATE TABLE recall_items (
  recall_id TEXT NOT NULL,
  result_id TEXT NOT NULL,
  cause_code TEXT NOT NULL,                    -- why it could not be withdrawn when it was last tried; '' otherwise
  cause_detail TEXT NOT NULL,
  tried_at TEXT,
  PRIMARY KEY (recall_id, result_id),
  CONSTRAINT recall_item_of_a_recall FOREIGN KEY (recall_id) REFERENCES recalls (id),
  CONSTRAINT recall_item_of_a_result FOREIGN KEY (result_id) REFERENCES results (id)
);
CREATE INDEX recall_items_of_result ON recall_items (result_id);

-- Who was shown a result and has read that it was taken back: until then their worklist says so.
CREATE TABLE acknowledgements (
  result_id TEXT NOT NULL,
  login TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (result_id, login),
  CONSTRAINT acknowledgement_by_somebody FOREIGN KEY (login) REFERENCES users (login)
);

-- What somebody reported of a result, and everything that was said of it since (guarantee/incident.py). The last grade
-- counts; a line is never edited.
CREATE TABLE incidents (
  id TEXT NOT NULL PRIMARY KEY,
  result_id TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  caught INTEGER NOT NULL,                     -- 1: nobody had accepted what the model said: a near-miss
  at TEXT NOT NULL,
  CONSTRAINT incident_of_a_result FOREIGN KEY (result_id) REFERENCES results (id),
  CONSTRAINT incident_reported_by_somebody FOREIGN KEY (by_whom) REFERENCES users (login)
);
CREATE INDEX incidents_of_result ON incidents (result_id);

CREATE TABLE incident_lines (
  incident_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,                       -- number of the action, or code of the declaration; '' for none
  word TEXT NOT NULL,                          -- the grade, the reference of a declaration, the day an action is due
  note TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  by_role TEXT NOT NULL,
  second TEXT NOT NULL,                        -- the other person who closes; '' for none
  at TEXT NOT NULL,
  PRIMARY KEY (incident_id, n),
  CONSTRAINT incident_line_of_an_incident FOREIGN KEY (incident_id) REFERENCES incidents (id),
  CONSTRAINT incident_line_by_its_writer FOREIGN KEY (by_whom, by_role) REFERENCES users (login, role),
  CONSTRAINT incident_line_by_who_may CHECK (
    (kind = 'grade' AND by_role <> 'secretary')
    OR (kind IN ('answers', 'action', 'done') AND by_role NOT IN ('secretary', 'learner'))
    OR (kind IN ('declared', 'set-aside') AND by_role IN ('committee', 'dpo', 'security'))
    OR (kind IN ('closed', 'reopened') AND by_role = 'committee')),
  CONSTRAINT incident_line_graded_from_0_to_4 CHECK (kind <> 'grade' OR word IN ('D0', 'D1', 'D2', 'D3', 'D4')),
  CONSTRAINT incident_line_says_why CHECK (note <> ''),
  CONSTRAINT incident_line_by_two_different_people CHECK (second <> by_whom)
);

-- Nothing of these cases is deleted, until two people say otherwise.
CREATE TABLE freezes (
  id TEXT NOT NULL PRIMARY KEY,
  incident_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  case_uid TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT freeze_for_an_incident FOREIGN KEY (incident_id) REFERENCES incidents (id),
  CONSTRAINT freeze_signed_for CHECK (by_whom <> '')
);

CREATE TABLE freeze_ends (
  freeze_id TEXT NOT NULL PRIMARY KEY,
  by_whom TEXT NOT NULL,
  second TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT freeze_end_of_a_freeze FOREIGN KEY (freeze_id) REFERENCES freezes (id),
  CONSTRAINT freeze_end_by_two_people CHECK (by_whom <> second),
  CONSTRAINT freeze_end_says_why CHECK (reason <> '')
);

-- The record told us to look something up; what it named must still be fetched.
CREATE TABLE fetches (
  id TEXT NOT NULL PRIMARY KEY,
  sender TEXT NOT NULL,
  site TEXT NOT NULL,
  what TEXT NOT NULL,                          -- relative FHIR reference or search, never a patient's name
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TEXT NOT NULL,
  cause_code TEXT NOT NULL,
  added_at TEXT NOT NULL,
  CONSTRAINT fetch_state_known CHECK (state IN ('due', 'done', 'failed'))
);

-- What senders asked us to commit to (storage commitment), until they have heard the answer, or never will.
CREATE TABLE commitments (
  id TEXT NOT NULL PRIMARY KEY,
  sender TEXT NOT NULL,
  aet TEXT NOT NULL,
  transaction_uid TEXT NOT NULL,
  listed TEXT NOT NULL,                        -- digest of the list of instances, in the vault
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TEXT NOT NULL,               -- while one is under way: when another process may try
  asked_at TEXT NOT NULL,
  CONSTRAINT commitment_state_known CHECK (state IN ('due', 'heard', 'unheard')),
  CONSTRAINT commitment_list_form CHECK (length(listed) = 64)
);
CREATE INDEX commitments_due ON commitments (next_attempt_at) WHERE state = 'due';

-- What was turned away at a door, and why. No bytes, no identity.
CREATE TABLE turned_away (
  id TEXT NOT NULL PRIMARY KEY,
  door TEXT NOT NULL,
  sender TEXT NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX turned_away_by_time ON turned_away (at);

-- Messages of feeds (HL7v2) that were acknowledged: the same again changes nothing. Control numbers as digests.
CREATE TABLE feed (
  sender TEXT NOT NULL,
  control TEXT NOT NULL,
  digest TEXT NOT NULL,                        -- of the bytes; in the vault when the message is used
  kind TEXT NOT NULL,                          -- ADT^A40
  outcome TEXT NOT NULL,                       -- used, or of a kind that means nothing here
  at TEXT NOT NULL,
  PRIMARY KEY (sender, control, digest),
  CONSTRAINT feed_outcome_known CHECK (outcome IN ('used', 'unused'))
);
CREATE INDEX feed_by_time ON feed (at);

-- Whom news of a feed named: where something is kept of a patient can be told. One line for each number of each person.
CREATE TABLE mentions (
  message TEXT NOT NULL,                       -- digest of the bytes, in the vault
  who INTEGER NOT NULL,                        -- which person of the message, from 0
  issuer TEXT NOT NULL,
  value TEXT NOT NULL,
  joined INTEGER NOT NULL,                     -- 1: the message says that all numbers of this person are one patient's
  sender TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (message, who, issuer, value),
  CONSTRAINT mention_message_form CHECK (length(message) = 64),
  CONSTRAINT mention_of_a_number CHECK (value <> ''),
  CONSTRAINT mention_joins_or_not CHECK (joined IN (0, 1))
);
CREATE INDEX mentions_by_number ON mentions (value, issuer);

-- What was said of orders: every word is kept; how an order stands is made of all of them.
CREATE TABLE orders (
  id TEXT NOT NULL PRIMARY KEY,
  sender TEXT NOT NULL,
  message TEXT NOT NULL,                       -- digest of the bytes, in the vault
  placer TEXT NOT NULL,                        -- authority|number; '' when unknown, like the next three
  filler TEXT NOT NULL,
  accession TEXT NOT NULL,
  study TEXT NOT NULL,
  status TEXT NOT NULL,
  body TEXT NOT NULL,                          -- canonical JSON
  said_at TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT order_message_form CHECK (length(message) = 64),
  CONSTRAINT order_named CHECK (placer <> '' OR filler <> '' OR accession <> '' OR study <> ''),
  CONSTRAINT order_status_known CHECK (status IN ('wanted', 'cancelled'))
);
CREATE INDEX orders_by_accession ON orders (accession) WHERE accession <> '';
CREATE INDEX orders_by_study ON orders (study) WHERE study <> '';
CREATE INDEX orders_by_placer ON orders (placer) WHERE placer <> '';
CREATE INDEX orders_by_filler ON orders (filler) WHERE filler <> '';

-- Patients who object to AI, by a number and who gave it; the last line of each number counts (guarantee/objections.py).
CREATE TABLE objections (
  seq INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  authority TEXT NOT NULL,
  identifier TEXT NOT NULL,
  word TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,                        -- names what the record said; '' for a person's word
  at TEXT NOT NULL,
  CONSTRAINT objection_once UNIQUE (id),
  CONSTRAINT objection_about_a_number CHECK (authority <> '' AND identifier <> ''),
  CONSTRAINT objection_word_known CHECK (word IN ('record', 'lift')),
  CONSTRAINT objection_signed_for CHECK (by_whom <> '' AND reason <> ''),
  CONSTRAINT objection_lifted_by_a_person CHECK (word = 'record' OR source = '')
);
CREATE INDEX objections_by_number ON objections (identifier, authority, seq);

-- Everything held of one patient was taken out, for that patient (GDPR, article 15): written before the first file.
CREATE TABLE accesses (
  id TEXT NOT NULL PRIMARY KEY,
  issuer TEXT NOT NULL,
  value TEXT NOT NULL,                         -- the patient number that was asked for
  by_whom TEXT NOT NULL,
  by_role TEXT NOT NULL,
  reason TEXT NOT NULL,
  lines INTEGER NOT NULL,                      -- rows and objects that were about to be written
  objects INTEGER NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT access_by_somebody FOREIGN KEY (by_whom, by_role) REFERENCES users (login, role),
  CONSTRAINT access_by_the_data_protection_officer CHECK (by_role = 'dpo'),
  CONSTRAINT access_to_a_number CHECK (value <> ''),
  CONSTRAINT access_signed_for CHECK (reason <> '')
);
CREATE INDEX accesses_by_number ON accesses (value, issuer);

CREATE TABLE outbox (
  id TEXT NOT NULL PRIMARY KEY,
  fact TEXT NOT NULL,
  at TEXT NOT NULL,
  rung_at TEXT
);
CREATE INDEX outbox_pending ON outbox (at) WHERE rung_at IS NULL;

CREATE TABLE inbox (
  consumer TEXT NOT NULL,
  message_id TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (consumer, message_id)
);

-- One link per change; written by triggers only (0002).
CREATE TABLE journal (
  seq INTEGER NOT NULL PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX journal_by_subject ON journal (subject);

CREATE VIEW stops_in_force AS
  SELECT s.scope, s.target, s.by_whom, s.reason, s.at
  FROM stops s
  WHERE s.action = 'stop'
    AND NOT EXISTS (
      SELECT 1 FROM stops later WHERE later.scope = s.scope AND later.target = s.target AND later.seq > s.seq);

CREATE VIEW paused_destinations AS
  SELECT p.destination
  FROM pauses p
  WHERE p.action = 'pause'
    AND NOT EXISTS (SELECT 1 FROM pauses later WHERE later.destination = p.destination AND later.seq > p.seq);

-- The version in routine of each name that ever had one.
CREATE VIEW routine_versions AS
  SELECT a.seq, a.name, a.model_id, a.below
  FROM appointments a
  WHERE NOT EXISTS (SELECT 1 FROM appointments later WHERE later.name = a.name AND later.seq > a.seq);

-- Trials that are not over: nobody ended them, and the version they are tried against is still the one in routine.
CREATE VIEW open_trials AS
  SELECT t.id, t.name, t.model_id, t.under, t.shadow, t.drawn_below, t.site, t.seed
  FROM trials t
  JOIN routine_versions v ON v.seq = t.under
  WHERE NOT EXISTS (SELECT 1 FROM trial_ends e WHERE e.trial_id = t.id);

CREATE VIEW frozen_cases AS
  SELECT DISTINCT f.kind, f.case_uid
  FROM freezes f
  WHERE NOT EXISTS (SELECT 1 FROM freeze_ends e WHERE e.freeze_id = f.id);

CREATE VIEW objections_standing AS
  SELECT o.seq, o.authority, o.identifier
  FROM objections o
  WHERE o.word = 'record'
    AND NOT EXISTS (SELECT 1 FROM objections later
      WHERE later.identifier = o.identifier AND later.authority = o.authority AND later.seq > o.seq);

-- Results of patients who object to AI, and what their policy says of that. A number without an issuer may be theirs.
CREATE VIEW objected_results AS
  SELECT r.id AS result_id, p.objection AS says
  FROM results r
  JOIN policies p ON p.ref = r.policy
  JOIN cases c ON c.id = r.case_id
  WHERE c.patient_identifier <> ''
    AND EXISTS (SELECT 1 FROM objections_standing o
      WHERE o.identifier = c.patient_identifier AND c.patient_issuer IN ('', o.authority));

-- Results that a stop covers now.
CREATE VIEW held_results AS
  SELECT r.id AS result_id
  FROM results r
  JOIN models m ON m.id = r.model_id
  JOIN cases c ON c.id = r.case_id
  JOIN stops_in_force s
    ON s.scope = 'all'
    OR (s.scope = 'model' AND s.target = m.name)
    OR (s.scope = 'version' AND s.target = m.id)
    OR (s.scope = 'site' AND s.target = c.site)
    OR (s.scope = 'device' AND EXISTS (SELECT 1 FROM inputs i
      WHERE i.kind = c.kind AND i.case_uid = c.uid AND i.sender = s.target));

-- Results whose world is still the one their draft was made in (guarantee/world.py says the same).
CREATE VIEW current_results AS
  SELECT r.id AS result_id
  FROM results r
  JOIN cases c ON c.id = r.case_id
  WHERE c.state = 'complete'
    AND c.manifest = r.manifest
    AND c.identity_version = r.identity_version
    AND r.mode = 'care';
