-- One role per process, none of which owns anything. They cannot log in until the site says so:
--   ALTER ROLE aval_desk LOGIN PASSWORD '…';
-- What a role is not granted here, its process cannot do, however wrong its code is.
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['aval_intake', 'aval_infer', 'aval_desk', 'aval_deliver', 'aval_sweep', 'aval_relay', 'aval_audit']
  LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', r);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA aval TO %I', r);
  END LOOP;
END $$;

REVOKE ALL ON SCHEMA aval FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA aval FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aval_now(), aval_actor(), aval_sha256(text), aval_challenge(text), aval_netstring(text),
  aval_link(bigint, text, text, text, text, text, text, text)
  TO aval_intake, aval_infer, aval_desk, aval_deliver, aval_sweep, aval_relay, aval_audit;

-- Everybody reads what is needed to decide whether to act; secrets and the words of opinions only where used.
GRANT SELECT ON transitions, policies, models, cases, inputs, doubts, admissions, conversations, expectations,
  rejections, judgements, results, leases, runs, features, deliveries, attempts, receipts, resends, destinations, pauses, stops,
  examinations, retirements, stages, appointments, trials, trial_ends, outbox, inbox, stops_in_force, routine_versions, open_trials,
  paused_destinations, held_results, current_results, objections, objections_standing, objected_results, alembic_version
  TO aval_intake, aval_infer, aval_desk, aval_deliver, aval_sweep, aval_relay;
GRANT INSERT ON outbox, inbox TO aval_intake, aval_infer, aval_desk, aval_deliver, aval_sweep;

-- intake (DICOM listener, FHIR endpoint): receives, never concludes.
GRANT INSERT ON cases, inputs, doubts, conversations, expectations, rejections, fetches, turned_away, commitments,
  feed, orders, objections, mentions TO aval_intake;
GRANT UPDATE (state, version, cause, identity_version, last_input_at, moved_at) ON cases TO aval_intake;
GRANT UPDATE (heard_at, ended_at, broken_off) ON conversations TO aval_intake;
GRANT UPDATE (basis, status, instances, listed, at) ON expectations TO aval_intake;
GRANT UPDATE (state, version, cause_code, cause_detail, moved_at) ON results TO aval_intake;  -- late inputs: stale,
GRANT UPDATE (state, cause_code, cause_detail, moved_at) ON deliveries TO aval_intake;        -- and withheld
GRANT SELECT, UPDATE ON fetches TO aval_intake;
GRANT SELECT ON turned_away, commitments, feed, orders, mentions TO aval_intake;
GRANT UPDATE (state, attempts, next_attempt_at) ON commitments TO aval_intake;

-- infer: turns a queued result into a draft, and suspends a version whose golden cases do not come out. No opinion, no
-- release, no delivery, no resumption.
GRANT UPDATE (state, version, draft, cause_code, cause_detail, attempts, drafted_at, moved_at) ON results TO aval_infer;
GRANT INSERT, UPDATE, DELETE ON leases TO aval_infer;
GRANT INSERT ON runs, features, stops, examinations TO aval_infer;

-- desk: the only role that may insert opinions, decisions and releases. It cannot mark anything as sent.
GRANT SELECT ON users, sessions, questions, opinions, decisions, withdrawals, releases, renderings, journal,
  turned_away, fetches, orders TO aval_desk;
GRANT INSERT ON sessions, sign_ins, questions, opinions, decisions, withdrawals, releases, renderings, deliveries,
  resends, pauses, stops, examinations, retirements, stages, appointments, trials, trial_ends, exports, admissions,
  objections, accesses TO aval_desk;
-- It ends rights and gives none: users and what they may endorse are the owner's to write.
GRANT SELECT ON habilitations, revocations, refusals TO aval_desk;
GRANT INSERT ON revocations, refusals TO aval_desk;
GRANT SELECT, INSERT ON recalls, recall_items, acknowledgements TO aval_desk;
GRANT UPDATE (cause_code, cause_detail, tried_at) ON recall_items TO aval_desk;
GRANT SELECT, INSERT ON viewings TO aval_desk;
GRANT UPDATE (used_at) ON viewings TO aval_desk;
GRANT SELECT, INSERT ON handovers, launches, openings, first_reads, impressions, exposures, passkeys, passkey_ends,
  challenges, gestures TO aval_desk;
GRANT SELECT, INSERT ON preparations TO aval_desk;
GRANT SELECT ON draws TO aval_desk;
GRANT SELECT, INSERT ON incidents, incident_lines, freezes, freeze_ends TO aval_desk;
GRANT UPDATE (used_at) ON handovers, challenges TO aval_desk;
GRANT UPDATE (login) ON launches TO aval_desk;
GRANT SELECT, INSERT ON authentication_requests TO aval_desk;
GRANT UPDATE (used_at) ON authentication_requests TO aval_desk;
GRANT SELECT ON local_openings TO aval_desk;                 -- who opens cut-off mode is the owner
GRANT INSERT ON cases TO aval_desk;                          -- the revision that follows an admission
GRANT UPDATE (seen_at, ended_at) ON sessions TO aval_desk;
GRANT UPDATE (second_factor_step) ON users TO aval_desk;
GRANT UPDATE (state, version, cause_code, cause_detail, moved_at) ON results TO aval_desk;
GRANT UPDATE (state, cause_code, cause_detail, moved_at) ON deliveries TO aval_desk;          -- withdraw: withheld

-- deliver: sends what was released and keeps the receipts. It cannot decide, release or add a destination.
GRANT SELECT ON opinions, preparations, gestures, decisions, withdrawals, releases, renderings TO aval_deliver;
GRANT SELECT ON habilitations, revocations TO aval_deliver;         -- does what it was endorsed under still stand?
GRANT SELECT (seq, hash) ON journal TO aval_deliver;         -- it starts on no database that is behind an anchor
GRANT INSERT ON attempts, receipts, destinations TO aval_deliver;
GRANT UPDATE (failures, rests_until, trying, confirmed_at, failed_at, cause_code, cause_detail) ON destinations
  TO aval_deliver;
GRANT UPDATE (state, cause_code, cause_detail, next_attempt_at, moved_at) ON deliveries TO aval_deliver;
GRANT UPDATE (state, version, cause_code, cause_detail, moved_at) ON results TO aval_deliver;

-- sweep: judges cases complete, routes them, expires, rings again.
GRANT UPDATE (state, version, manifest, cause, moved_at) ON cases TO aval_sweep;
GRANT INSERT ON results, doubts, judgements, expectations TO aval_sweep;
GRANT UPDATE (basis, status, instances, listed, at) ON expectations TO aval_sweep;            -- what a source answers
GRANT UPDATE (state, version, cause_code, cause_detail, moved_at) ON results TO aval_sweep;
GRANT SELECT, UPDATE, DELETE ON conversations TO aval_sweep;
GRANT SELECT ON frozen_cases TO aval_sweep;                                                   -- and spares these
GRANT SELECT (at), DELETE ON handovers, launches, challenges, authentication_requests, viewings TO aval_sweep;
GRANT SELECT ON fetches, journal, opinions, gestures, orders TO aval_sweep;

-- relay: hands facts to the bell.
GRANT UPDATE (rung_at) ON outbox TO aval_relay;

-- audit: reads everything but secrets.
GRANT SELECT ON transitions, policies, models, cases, inputs, doubts, admissions, conversations, expectations,
  rejections, judgements, results, leases, runs, features, questions, opinions, gestures, decisions, withdrawals, releases, renderings,
  deliveries, attempts, receipts, resends, destinations, pauses, exports, stops, examinations, recalls,
  recall_items, acknowledgements, retirements, stages, appointments,
  trials, trial_ends, habilitations, revocations, refusals, fetches, turned_away, commitments, feed, orders, outbox,
  inbox, handovers, launches, openings, viewings,
  passkeys, passkey_ends, challenges, authentication_requests, local_openings,
  journal, sign_ins, stops_in_force, routine_versions, open_trials,
  paused_destinations, held_results, current_results, objections, objections_standing, objected_results,
  alembic_version TO aval_audit;
GRANT SELECT ON draws, first_reads, impressions, exposures, preparations, mentions, accesses TO aval_audit;
GRANT SELECT ON incidents, incident_lines, freezes, freeze_ends, frozen_cases TO aval_audit;
GRANT SELECT (login, name, role, professional_id, organisation, organisation_id, active, added_at) ON users
  TO aval_audit;
