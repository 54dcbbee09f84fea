-- Written from bridge/db/walls.py by `python -m bridge.db.ddl`; a test asserts that it is up to date.

CREATE FUNCTION aval_now() RETURNS text LANGUAGE sql VOLATILE AS
  $$ SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION aval_actor() RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT coalesce(nullif(current_setting('aval.actor', true), ''), 'unnamed') $$;
-- The role that logged in: inside a wall, which runs with its owner's rights, current_user is the owner.
CREATE FUNCTION aval_role() RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT session_user::text $$;
CREATE FUNCTION aval_sha256(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT encode(sha256(convert_to(t, 'UTF8')), 'hex') $$;
-- The same text as guarantee/gesture.py: challenge_of.
CREATE FUNCTION aval_challenge(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT rtrim(translate(encode(sha256(convert_to(t, 'UTF8')), 'base64'), '+/', '-_'), '=') $$;
CREATE FUNCTION aval_netstring(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT octet_length(convert_to(t, 'UTF8')) || ':' || t || ',' $$;
-- The same bytes as guarantee/journal.py: link_hash.
CREATE FUNCTION aval_link(seq bigint, at text, actor text, role text, action text, subject text, body text, prev text)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT aval_sha256(aval_netstring('aval.journal/1') || aval_netstring(seq::text) || aval_netstring(at)
    || aval_netstring(actor) || aval_netstring(role) || aval_netstring(action) || aval_netstring(subject)
    || aval_netstring(body) || aval_netstring(prev)) $$;
-- Called by triggers alone. One lock for the whole chain: two transactions never make the same link.
CREATE FUNCTION aval_journal(p_action text, p_subject text, p_body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = aval, pg_catalog, pg_temp AS $$
DECLARE n bigint; p text; t text; BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  SELECT seq, hash INTO n, p FROM journal ORDER BY seq DESC LIMIT 1;
  n := coalesce(n, 0) + 1;
  p := coalesce(p, repeat('0', 64));
  t := aval_now();
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash) VALUES
    (n, t, aval_actor(), session_user, p_action, p_subject, p_body, p,
     aval_link(n, t, aval_actor(), session_user::text, p_action, p_subject, p_body, p));
END $$;

CREATE FUNCTION cases_start() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state = 'receiving' AND NEW.version = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_start: a case starts as receiving' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_start BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION cases_start();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_start;

CREATE FUNCTION cases_follow_life() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state) AND (EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'case' AND t.source = OLD.state AND t.target = NEW.state)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_follow_life: the life of a case has no such step' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_follow_life BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_follow_life();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_follow_life;

CREATE FUNCTION cases_one_step_at_a_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.version = OLD.version + (CASE WHEN NEW.state <> OLD.state THEN 1 ELSE 0 END)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_one_step_at_a_time: somebody else moved this case meanwhile' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_one_step_at_a_time BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_one_step_at_a_time();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_one_step_at_a_time;

CREATE FUNCTION cases_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.kind IS NOT DISTINCT FROM OLD.kind AND NEW.uid IS NOT DISTINCT FROM OLD.uid AND NEW.revision IS NOT DISTINCT FROM OLD.revision AND NEW.site IS NOT DISTINCT FROM OLD.site AND NEW.admitted IS NOT DISTINCT FROM OLD.admitted) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_frozen: cases: what a row is about never changes' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_frozen BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_frozen();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_frozen;

CREATE FUNCTION cases_identity_counts_its_versions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.patient_identifier IS DISTINCT FROM OLD.patient_identifier OR NEW.patient_issuer IS DISTINCT FROM OLD.patient_issuer OR NEW.patient_name IS DISTINCT FROM OLD.patient_name OR NEW.patient_birth_date IS DISTINCT FROM OLD.patient_birth_date OR NEW.patient_sex IS DISTINCT FROM OLD.patient_sex OR NEW.patient_reference IS DISTINCT FROM OLD.patient_reference OR NEW.identity_version IS DISTINCT FROM OLD.identity_version) AND (NEW.identity_version = OLD.identity_version + 1) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_identity_counts_its_versions: another identity behind a case is another identity version: drafts made before it are stale' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_identity_counts_its_versions BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_identity_counts_its_versions();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_identity_counts_its_versions;

CREATE FUNCTION cases_manifest_written_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (OLD.manifest IS NOT NULL) AND (NEW.manifest = OLD.manifest) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_manifest_written_once: the inputs of a complete case never change: late inputs open a new revision' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_manifest_written_once BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_manifest_written_once();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_manifest_written_once;

CREATE FUNCTION cases_complete_without_a_doubt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state AND NEW.state = 'complete') AND (NOT EXISTS (SELECT 1 FROM doubts d JOIN cases c ON c.id = d.case_id WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND d.holds = 1 AND NOT EXISTS (SELECT 1 FROM admissions a JOIN cases b ON b.id = a.case_id WHERE b.kind = c.kind AND b.uid = c.uid AND b.revision >= c.revision AND a.verdict = 'admit'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_complete_without_a_doubt: a person must first say whether these inputs belong together: aval cases' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_complete_without_a_doubt BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_complete_without_a_doubt();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_complete_without_a_doubt;

CREATE FUNCTION cases_go_on_after_a_hold_by_admission() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.revision > 1) AND (EXISTS (SELECT 1 FROM cases c WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND c.revision = NEW.revision - 1 AND (c.state = 'superseded' OR EXISTS (SELECT 1 FROM admissions a WHERE a.case_id = c.id AND a.verdict = 'admit')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_go_on_after_a_hold_by_admission: a revision follows one that late inputs superseded, or that a person admitted' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_go_on_after_a_hold_by_admission BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION cases_go_on_after_a_hold_by_admission();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_go_on_after_a_hold_by_admission;

CREATE FUNCTION cases_admitted_by_somebody() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.admitted <> '') AND (EXISTS (SELECT 1 FROM admissions a JOIN cases c ON c.id = a.case_id WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND c.revision < NEW.revision AND a.verdict = 'admit')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_admitted_by_somebody: nobody admitted this case' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cases_admitted_by_somebody BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION cases_admitted_by_somebody();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_admitted_by_somebody;

CREATE FUNCTION admissions_of_held_cases() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = 'quarantined')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall admissions_of_held_cases: only a held case is admitted, or kept apart' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER admissions_of_held_cases BEFORE INSERT ON admissions FOR EACH ROW EXECUTE FUNCTION admissions_of_held_cases();
ALTER TABLE admissions ENABLE ALWAYS TRIGGER admissions_of_held_cases;

CREATE FUNCTION results_start() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state = 'queued' AND NEW.version = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_start: a result starts as queued' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_start BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION results_start();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_start;

CREATE FUNCTION results_follow_life() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state) AND (EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'result' AND t.source = OLD.state AND t.target = NEW.state)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_follow_life: the life of a result has no such step' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_follow_life BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_follow_life();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_follow_life;

CREATE FUNCTION results_one_step_at_a_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.version = OLD.version + (CASE WHEN NEW.state <> OLD.state THEN 1 ELSE 0 END)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_one_step_at_a_time: somebody else moved this result meanwhile' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_one_step_at_a_time BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_one_step_at_a_time();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_one_step_at_a_time;

CREATE FUNCTION results_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.case_id IS NOT DISTINCT FROM OLD.case_id AND NEW.manifest IS NOT DISTINCT FROM OLD.manifest AND NEW.model_id IS NOT DISTINCT FROM OLD.model_id AND NEW.focus IS NOT DISTINCT FROM OLD.focus AND NEW.mode IS NOT DISTINCT FROM OLD.mode AND NEW.priority IS NOT DISTINCT FROM OLD.priority AND NEW.policy IS NOT DISTINCT FROM OLD.policy AND NEW.identity_version IS NOT DISTINCT FROM OLD.identity_version) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_frozen: results: what a row is about never changes' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_frozen BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_frozen();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_frozen;

CREATE FUNCTION results_draft_written_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.draft IS NOT NULL OR OLD.draft IS NOT NULL) AND (NEW.draft = OLD.draft OR (OLD.draft IS NULL AND OLD.state = 'queued' AND NEW.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_draft_written_once: a draft is written once, when a model answers' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_draft_written_once BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_draft_written_once();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_draft_written_once;

CREATE FUNCTION results_drafted_by_versions_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.state <> OLD.state AND NEW.state = 'awaiting_review';
  IF (NEW.state <> OLD.state AND NEW.state = 'awaiting_review') AND (NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_drafted_by_versions_in_use: this model version is retired: it makes no more drafts' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_drafted_by_versions_in_use BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_drafted_by_versions_in_use();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_drafted_by_versions_in_use;

CREATE FUNCTION results_decided_by_a_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state AND NEW.state IN ('validated', 'amended', 'rejected')) AND (EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.id AND d.shown = NEW.draft AND d.verdict = CASE NEW.state WHEN 'validated' THEN 'accept' WHEN 'amended' THEN 'amend' ELSE 'reject' END)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_decided_by_a_decision: only a recorded decision decides' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_decided_by_a_decision BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_decided_by_a_decision();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_decided_by_a_decision;

CREATE FUNCTION results_delivered_with_receipts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state AND NEW.state = 'delivered') AND (EXISTS (SELECT 1 FROM releases r WHERE r.result_id = NEW.id AND r.kind = 'result') AND NOT EXISTS (SELECT 1 FROM releases r JOIN renderings g ON g.release_id = r.id WHERE r.result_id = NEW.id AND r.kind = 'result' AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = r.id AND d.destination = g.destination AND d.state = 'confirmed'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_delivered_with_receipts: delivered means confirmed by every destination of the release' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_delivered_with_receipts BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_delivered_with_receipts();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_delivered_with_receipts;

CREATE FUNCTION results_overtaken_before_anything_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.state <> OLD.state AND NEW.state = 'stale';
  IF (NEW.state <> OLD.state AND NEW.state = 'stale') AND (NOT EXISTS (SELECT 1 FROM deliveries d JOIN attempts a ON a.delivery_id = d.id WHERE d.result_id = NEW.id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_overtaken_before_anything_left: a copy may already be outside: withdraw the result instead' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_overtaken_before_anything_left BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_overtaken_before_anything_left();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_overtaken_before_anything_left;

CREATE FUNCTION results_retracted_by_a_withdrawal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state AND NEW.state = 'retracted') AND (EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_retracted_by_a_withdrawal: only a recorded withdrawal retracts' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_retracted_by_a_withdrawal BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_retracted_by_a_withdrawal();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_retracted_by_a_withdrawal;

CREATE FUNCTION cases_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall cases_never_deleted: cases are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER cases_never_deleted BEFORE DELETE ON cases FOR EACH ROW EXECUTE FUNCTION cases_never_deleted();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_never_deleted;

CREATE FUNCTION inputs_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall inputs_never_deleted: inputs are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER inputs_never_deleted BEFORE DELETE ON inputs FOR EACH ROW EXECUTE FUNCTION inputs_never_deleted();
ALTER TABLE inputs ENABLE ALWAYS TRIGGER inputs_never_deleted;

CREATE FUNCTION results_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_never_deleted: results are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER results_never_deleted BEFORE DELETE ON results FOR EACH ROW EXECUTE FUNCTION results_never_deleted();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_never_deleted;

CREATE FUNCTION users_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall users_never_deleted: users are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER users_never_deleted BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION users_never_deleted();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_never_deleted;

CREATE FUNCTION deliveries_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_never_deleted: deliveries are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER deliveries_never_deleted BEFORE DELETE ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_never_deleted();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_never_deleted;

CREATE FUNCTION recall_items_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recall_items_never_deleted: recall_items are never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER recall_items_never_deleted BEFORE DELETE ON recall_items FOR EACH ROW EXECUTE FUNCTION recall_items_never_deleted();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER recall_items_never_deleted;

CREATE FUNCTION inputs_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall inputs_never_updated: what was received is never edited' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER inputs_never_updated BEFORE UPDATE ON inputs FOR EACH ROW EXECUTE FUNCTION inputs_never_updated();
ALTER TABLE inputs ENABLE ALWAYS TRIGGER inputs_never_updated;

CREATE FUNCTION questions_on_open_drafts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall questions_on_open_drafts: nobody is asked about a result that is not awaiting review' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER questions_on_open_drafts BEFORE INSERT ON questions FOR EACH ROW EXECUTE FUNCTION questions_on_open_drafts();
ALTER TABLE questions ENABLE ALWAYS TRIGGER questions_on_open_drafts;

CREATE FUNCTION opinions_on_open_drafts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_on_open_drafts: the result is no longer awaiting review' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_on_open_drafts BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_on_open_drafts();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_on_open_drafts;

CREATE FUNCTION opinions_in_an_unchanged_world() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_in_an_unchanged_world: inputs or identity changed since the draft was made' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_in_an_unchanged_world BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_in_an_unchanged_world();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_in_an_unchanged_world;

CREATE FUNCTION opinions_not_while_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_not_while_held: the model is stopped: the result is held' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_not_while_held BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_not_while_held();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_not_while_held;

CREATE FUNCTION opinions_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_in_time: the question is out of date: open the draft again' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_in_time BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_in_time();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_in_time;

CREATE FUNCTION opinions_by_active_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_by_active_people: this person''s account is closed' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_by_active_people BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_by_active_people();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_by_active_people;

CREATE FUNCTION decisions_on_open_drafts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_on_open_drafts: the result is no longer awaiting review' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_on_open_drafts BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_on_open_drafts();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_on_open_drafts;

CREATE FUNCTION decisions_in_an_unchanged_world() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_in_an_unchanged_world: inputs or identity changed since the opinions were given' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_in_an_unchanged_world BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_in_an_unchanged_world();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_in_an_unchanged_world;

CREATE FUNCTION decisions_not_while_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_not_while_held: the model is stopped: the result is held' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_not_while_held BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_not_while_held();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_not_while_held;

CREATE FUNCTION decisions_satisfy_the_policy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.verdict <> 'reject') AND ((SELECT count(DISTINCT o.reader) FROM opinions o WHERE o.result_id = NEW.result_id AND o.content = NEW.content) >= (SELECT p.readers FROM policies p WHERE p.ref = NEW.policy)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_satisfy_the_policy: the policy asks for more readers of the same content' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_satisfy_the_policy BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_satisfy_the_policy();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_satisfy_the_policy;

CREATE FUNCTION decisions_heed_every_refusal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.verdict <> 'reject';
  IF (NEW.verdict <> 'reject') AND (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.verdict = 'reject')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_heed_every_refusal: a reader said no' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_heed_every_refusal BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_heed_every_refusal();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_heed_every_refusal;

CREATE FUNCTION withdrawals_of_what_was_released() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM releases r WHERE r.decision_id = NEW.decision_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall withdrawals_of_what_was_released: what was never released cannot be withdrawn' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER withdrawals_of_what_was_released BEFORE INSERT ON withdrawals FOR EACH ROW EXECUTE FUNCTION withdrawals_of_what_was_released();
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER withdrawals_of_what_was_released;

CREATE FUNCTION renderings_as_sealed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM releases r WHERE r.id = NEW.release_id AND r.terms <> replace(r.terms, '{"destination":"' || NEW.destination || '","package":"' || NEW.package || '"}', ''))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall renderings_as_sealed: the sealed terms of the release name no such package for no such destination' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER renderings_as_sealed BEFORE INSERT ON renderings FOR EACH ROW EXECUTE FUNCTION renderings_as_sealed();
ALTER TABLE renderings ENABLE ALWAYS TRIGGER renderings_as_sealed;

CREATE FUNCTION deliveries_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.release_id IS NOT DISTINCT FROM OLD.release_id AND NEW.kind IS NOT DISTINCT FROM OLD.kind AND NEW.result_id IS NOT DISTINCT FROM OLD.result_id AND NEW.destination IS NOT DISTINCT FROM OLD.destination AND NEW.round IS NOT DISTINCT FROM OLD.round AND NEW.package IS NOT DISTINCT FROM OLD.package AND NEW.added_at IS NOT DISTINCT FROM OLD.added_at) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_frozen: deliveries: what a row is about never changes' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_frozen BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_frozen();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_frozen;

CREATE FUNCTION deliveries_start() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state = 'due') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_start: a delivery starts as due' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_start BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_start();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_start;

CREATE FUNCTION deliveries_confirmed_by_a_receipt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state AND NEW.state = 'confirmed') AND (EXISTS (SELECT 1 FROM receipts r WHERE r.delivery_id = NEW.id AND r.package = NEW.package)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_confirmed_by_a_receipt: only a receipt confirms' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_confirmed_by_a_receipt BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_confirmed_by_a_receipt();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_confirmed_by_a_receipt;

CREATE FUNCTION deliveries_final() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.state <> OLD.state) AND (OLD.state = 'due') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_final: a delivery that ended is final: to send again is another delivery, which a person asks for' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_final BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_final();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_final;

CREATE FUNCTION resends_of_ended_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = NEW.release_id AND d.destination = NEW.destination AND d.round = NEW.round - 1 AND d.state IN ('confirmed', 'declined'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall resends_of_ended_deliveries: only what was confirmed or declined there is sent again' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER resends_of_ended_deliveries BEFORE INSERT ON resends FOR EACH ROW EXECUTE FUNCTION resends_of_ended_deliveries();
ALTER TABLE resends ENABLE ALWAYS TRIGGER resends_of_ended_deliveries;

CREATE FUNCTION deliveries_sent_again_by_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.round <> 0) AND (EXISTS (SELECT 1 FROM resends o WHERE o.release_id = NEW.release_id AND o.destination = NEW.destination AND o.round = NEW.round)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall deliveries_sent_again_by_order: nobody asked for this to be sent again' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_sent_again_by_order BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_sent_again_by_order();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_sent_again_by_order;

CREATE FUNCTION attempts_on_due_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND d.state = 'due')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_on_due_deliveries: this delivery is not due' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_on_due_deliveries BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_on_due_deliveries();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_on_due_deliveries;

CREATE FUNCTION attempts_on_decided_results() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d JOIN results r ON r.id = d.result_id WHERE d.id = NEW.delivery_id AND (d.kind = 'result' AND (r.state IN ('validated', 'amended') OR d.round > 0 AND r.state = 'delivered') OR d.kind = 'withdrawal' AND r.state = 'retracted'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_on_decided_results: the result is not decided, or no longer' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_on_decided_results BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_on_decided_results();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_on_decided_results;

CREATE FUNCTION attempts_in_an_unchanged_world() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = d.result_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_in_an_unchanged_world: inputs or identity changed since the decision: nothing more is sent' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_in_an_unchanged_world BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_in_an_unchanged_world();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_in_an_unchanged_world;

CREATE FUNCTION attempts_not_while_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = d.result_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_not_while_held: the model is stopped: nothing is sent' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_not_while_held BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_not_while_held();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_not_while_held;

CREATE FUNCTION attempts_not_while_paused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND NOT EXISTS (SELECT 1 FROM paused_destinations p WHERE p.destination = d.destination))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_not_while_paused: the destination is paused: nothing is sent there' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_not_while_paused BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_not_while_paused();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_not_while_paused;

CREATE FUNCTION appointments_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NEW.seq > coalesce((SELECT max(a.seq) FROM appointments a), 0) AND CASE NEW.step WHEN 'first' THEN NEW.below IS NULL AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.name = NEW.name) WHEN 'promote' THEN EXISTS (SELECT 1 FROM routine_versions v WHERE v.name = NEW.name AND v.seq = NEW.below AND v.model_id <> NEW.model_id) WHEN 'rollback' THEN EXISTS (SELECT 1 FROM routine_versions v JOIN appointments b ON b.seq = v.below WHERE v.name = NEW.name AND b.model_id = NEW.model_id AND b.below IS NOT DISTINCT FROM NEW.below) ELSE 1 = 0 END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_follow: this does not follow from the version in routine: somebody appointed another one meanwhile' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_follow BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_follow();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_follow;

CREATE FUNCTION appointments_of_versions_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_of_versions_in_use: this model version is retired' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_of_versions_in_use BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_of_versions_in_use();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_of_versions_in_use;

CREATE FUNCTION trials_against_the_version_in_routine() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM routine_versions v WHERE v.seq = NEW.under AND v.name = NEW.name AND v.model_id <> NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_against_the_version_in_routine: a version is tried against the one in routine of its name' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_against_the_version_in_routine BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION trials_against_the_version_in_routine();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_against_the_version_in_routine;

CREATE FUNCTION trials_of_versions_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_of_versions_in_use: this model version is retired' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_of_versions_in_use BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION trials_of_versions_in_use();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_of_versions_in_use;

CREATE FUNCTION trials_one_at_a_place() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.name = NEW.name AND (t.site = NEW.site OR t.site = '' OR NEW.site = ''))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_one_at_a_place: another trial of this model covers the place: end it first' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_one_at_a_place BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION trials_one_at_a_place();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_one_at_a_place;

CREATE FUNCTION results_for_care_by_appointment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.mode = 'care';
  IF (NEW.mode = 'care') AND (NOT EXISTS (SELECT 1 FROM appointments a JOIN models m ON m.name = a.name WHERE m.id = NEW.model_id) OR EXISTS (SELECT 1 FROM open_trials t JOIN cases c ON c.id = NEW.case_id WHERE (t.site = '' OR t.site = c.site) AND aval_sha256(t.seed || ':' || c.kind || ':' || c.uid) < t.drawn_below AND t.model_id = NEW.model_id) OR EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id AND NOT EXISTS (SELECT 1 FROM open_trials t JOIN cases c ON c.id = NEW.case_id WHERE (t.site = '' OR t.site = c.site) AND aval_sha256(t.seed || ':' || c.kind || ':' || c.uid) < t.drawn_below AND t.under = v.seq))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_for_care_by_appointment: care is given by the version in routine, or by the one that this case drew' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_for_care_by_appointment BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION results_for_care_by_appointment();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_for_care_by_appointment;

CREATE FUNCTION stages_follow_life() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.by_whom <> 'installer';
  IF (NEW.by_whom <> 'installer') AND (NEW.n = (SELECT coalesce(max(s.n), 0) + 1 FROM stages s WHERE s.model_id = NEW.model_id) AND EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'model' AND t.verb IN ('advance', 'return') AND t.source = coalesce((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1), 'idea') AND t.target = NEW.stage)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_follow_life: the life of a model version has no such step from where it stands' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_follow_life BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_follow_life();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_follow_life;

CREATE FUNCTION stages_begun_by_the_installer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.by_whom = 'installer') AND (NEW.n = 1 AND aval_role() <> 'aval_desk') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_begun_by_the_installer: an installer begins a life; people go on with it' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_begun_by_the_installer BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_begun_by_the_installer();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_begun_by_the_installer;

CREATE FUNCTION stages_signed_by_who_may() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.by_whom <> 'installer';
  IF (NEW.by_whom <> 'installer') AND (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner' AND (NEW.stage <> 'pilot' OR u.role IN ('radiologist', 'clinician')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_signed_by_who_may: this person may not sign for this stage' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_signed_by_who_may BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_signed_by_who_may();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_signed_by_who_may;

CREATE FUNCTION stages_of_versions_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_of_versions_in_use: this model version is retired: its life is over' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_of_versions_in_use BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_of_versions_in_use();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_of_versions_in_use;

CREATE FUNCTION stages_of_the_suspended_stay() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.by_whom <> 'installer';
  IF (NEW.by_whom <> 'installer') AND (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_of_the_suspended_stay: this model version is suspended: two people resume it where it stood' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_of_the_suspended_stay BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_of_the_suspended_stay();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_of_the_suspended_stay;

CREATE FUNCTION stages_of_the_routine_stay() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_of_the_routine_stay: this model version is in routine: it leaves it when another one is appointed' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_of_the_routine_stay BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_of_the_routine_stay();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_of_the_routine_stay;

CREATE FUNCTION stages_of_the_tried_suffice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.model_id = NEW.model_id AND NEW.stage <> 'pilot' AND (NEW.stage <> 'shadow' OR t.drawn_below > '00000000'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_of_the_tried_suffice: this model version is being tried, which needs more than this stage: end the trial first' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_of_the_tried_suffice BEFORE INSERT ON stages FOR EACH ROW EXECUTE FUNCTION stages_of_the_tried_suffice();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_of_the_tried_suffice;

CREATE FUNCTION appointments_of_the_piloted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_of_the_piloted: this model version does not stand at pilot' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_of_the_piloted BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_of_the_piloted();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_of_the_piloted;

CREATE FUNCTION appointments_never_of_the_suspended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.step <> 'rollback';
  IF (NEW.step <> 'rollback') AND (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_never_of_the_suspended: this model version is suspended: two people resume it before it is promoted' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_never_of_the_suspended BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_never_of_the_suspended();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_never_of_the_suspended;

CREATE FUNCTION appointments_by_the_installer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.by_whom = 'installer') AND (NEW.step = 'first' AND aval_role() <> 'aval_desk') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_by_the_installer: an installer appoints the first version of a model; people promote, or go back' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_by_the_installer BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_by_the_installer();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_by_the_installer;

CREATE FUNCTION appointments_signed_by_who_may() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.step <> 'rollback' AND NEW.by_whom <> 'installer';
  IF (NEW.step <> 'rollback' AND NEW.by_whom <> 'installer') AND (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner') AND EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.second AND u.active = 1 AND u.role IN ('radiologist', 'clinician'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_signed_by_who_may: these people may not put a version into routine' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_signed_by_who_may BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_signed_by_who_may();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_signed_by_who_may;

CREATE FUNCTION appointments_granted_by_no_author() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.step <> 'rollback';
  IF (NEW.step <> 'rollback') AND (NOT EXISTS (SELECT 1 FROM stages s WHERE s.model_id = NEW.model_id AND s.by_whom = NEW.second)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_granted_by_no_author: whoever asked for an earlier stage does not grant the routine' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_granted_by_no_author BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_granted_by_no_author();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_granted_by_no_author;

CREATE FUNCTION trials_from_their_stage_on() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot' OR ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'shadow' AND NEW.share = 0 AND NEW.drawn_below = '00000000')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_from_their_stage_on: a version is tried in shadow mode from shadow on, and for care from pilot on' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_from_their_stage_on BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION trials_from_their_stage_on();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_from_their_stage_on;

CREATE FUNCTION trials_never_of_the_suspended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_never_of_the_suspended: this model version is suspended: two people resume it before it is tried' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_never_of_the_suspended BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION trials_never_of_the_suspended();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_never_of_the_suspended;

CREATE FUNCTION results_for_care_by_granted_versions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.mode = 'care';
  IF (NEW.mode = 'care') AND ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_for_care_by_granted_versions: this model version stands below pilot: its results are shadow results' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_for_care_by_granted_versions BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION results_for_care_by_granted_versions();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_for_care_by_granted_versions;

CREATE FUNCTION habilitations_between_active_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.person, NEW.by_whom) AND u.active = 0)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall habilitations_between_active_people: a closed account neither gives nor is given a right' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER habilitations_between_active_people BEFORE INSERT ON habilitations FOR EACH ROW EXECUTE FUNCTION habilitations_between_active_people();
ALTER TABLE habilitations ENABLE ALWAYS TRIGGER habilitations_between_active_people;

CREATE FUNCTION opinions_under_a_right_in_force() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'endorse' AND g.site = c.site AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') AND g.since <= NEW.signed_at AND NEW.signed_at < g.until AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_under_a_right_in_force: this person has no right in force to endorse this model at this site: aval rights' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_under_a_right_in_force BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_under_a_right_in_force();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_under_a_right_in_force;

CREATE FUNCTION attempts_under_rights_that_stand() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM decisions e JOIN opinions o ON o.result_id = e.result_id AND o.content = e.content JOIN habilitations g ON g.id = o.grant_id JOIN revocations v ON v.grant_id = g.id AND v.holds = 1 WHERE e.result_id = d.result_id AND NOT EXISTS (SELECT 1 FROM habilitations a WHERE a.person = g.person AND a.model = g.model AND a.major = g.major AND a.site = g.site AND a.act = g.act AND a.at > v.at AND a.since <= NEW.at AND NEW.at < a.until AND NOT EXISTS (SELECT 1 FROM revocations w WHERE w.grant_id = a.id)))))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_under_rights_that_stand: a right that this was endorsed under was revoked: nothing is sent' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_under_rights_that_stand BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_under_rights_that_stand();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_under_rights_that_stand;

CREATE FUNCTION habilitations_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall habilitations_never_updated: habilitations is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER habilitations_never_updated BEFORE UPDATE ON habilitations FOR EACH ROW EXECUTE FUNCTION habilitations_never_updated();
ALTER TABLE habilitations ENABLE ALWAYS TRIGGER habilitations_never_updated;

CREATE FUNCTION habilitations_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall habilitations_never_deleted: habilitations is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER habilitations_never_deleted BEFORE DELETE ON habilitations FOR EACH ROW EXECUTE FUNCTION habilitations_never_deleted();
ALTER TABLE habilitations ENABLE ALWAYS TRIGGER habilitations_never_deleted;

CREATE FUNCTION revocations_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall revocations_never_updated: revocations is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER revocations_never_updated BEFORE UPDATE ON revocations FOR EACH ROW EXECUTE FUNCTION revocations_never_updated();
ALTER TABLE revocations ENABLE ALWAYS TRIGGER revocations_never_updated;

CREATE FUNCTION revocations_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall revocations_never_deleted: revocations is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER revocations_never_deleted BEFORE DELETE ON revocations FOR EACH ROW EXECUTE FUNCTION revocations_never_deleted();
ALTER TABLE revocations ENABLE ALWAYS TRIGGER revocations_never_deleted;

CREATE FUNCTION refusals_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall refusals_never_updated: refusals is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refusals_never_updated BEFORE UPDATE ON refusals FOR EACH ROW EXECUTE FUNCTION refusals_never_updated();
ALTER TABLE refusals ENABLE ALWAYS TRIGGER refusals_never_updated;

CREATE FUNCTION refusals_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall refusals_never_deleted: refusals is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER refusals_never_deleted BEFORE DELETE ON refusals FOR EACH ROW EXECUTE FUNCTION refusals_never_deleted();
ALTER TABLE refusals ENABLE ALWAYS TRIGGER refusals_never_deleted;

CREATE FUNCTION results_under_a_committed_draw() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NOT EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.first_read > 0) OR EXISTS (SELECT 1 FROM draws d WHERE d.policy = NEW.policy)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_under_a_committed_draw: this policy draws who reads first, and no seed was committed for it' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_under_a_committed_draw BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION results_under_a_committed_draw();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_under_a_committed_draw;

CREATE FUNCTION draws_before_the_first_result() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NOT EXISTS (SELECT 1 FROM results r WHERE r.policy = NEW.policy)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall draws_before_the_first_result: a seed is committed before the first result under its policy' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER draws_before_the_first_result BEFORE INSERT ON draws FOR EACH ROW EXECUTE FUNCTION draws_before_the_first_result();
ALTER TABLE draws ENABLE ALWAYS TRIGGER draws_before_the_first_result;

CREATE FUNCTION first_reads_where_drawn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall first_reads_where_drawn: this reader was not drawn to read this result first' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER first_reads_where_drawn BEFORE INSERT ON first_reads FOR EACH ROW EXECUTE FUNCTION first_reads_where_drawn();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_where_drawn;

CREATE FUNCTION first_reads_on_open_drafts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall first_reads_on_open_drafts: a result that is not awaiting review is read first by nobody' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER first_reads_on_open_drafts BEFORE INSERT ON first_reads FOR EACH ROW EXECUTE FUNCTION first_reads_on_open_drafts();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_on_open_drafts;

CREATE FUNCTION first_reads_by_who_may_endorse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM results r JOIN policies p ON p.ref = r.policy WHERE r.id = NEW.result_id AND (p.body <> replace(p.body, '"' || NEW.reader_role || '"', '') OR (p.learners = 'cosign' AND NEW.reader_role = 'learner')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall first_reads_by_who_may_endorse: who may not endorse under the policy gives no first impression' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER first_reads_by_who_may_endorse BEFORE INSERT ON first_reads FOR EACH ROW EXECUTE FUNCTION first_reads_by_who_may_endorse();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_by_who_may_endorse;

CREATE FUNCTION impressions_on_open_drafts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_on_open_drafts: an impression of a result that is not awaiting review comes too late' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER impressions_on_open_drafts BEFORE INSERT ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_on_open_drafts();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_on_open_drafts;

CREATE FUNCTION impressions_after_their_opening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NOT EXISTS (SELECT 1 FROM first_reads f WHERE f.result_id = NEW.result_id AND f.reader = NEW.reader AND f.opened_at > NEW.at)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_after_their_opening: an impression follows the look at the images' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER impressions_after_their_opening BEFORE INSERT ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_after_their_opening();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_after_their_opening;

CREATE FUNCTION impressions_of_the_kind_of_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM results r JOIN cases c ON c.id = r.case_id WHERE r.id = NEW.result_id AND c.kind = NEW.kind)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_of_the_kind_of_case: these are not the words for this kind of case' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER impressions_of_the_kind_of_case BEFORE INSERT ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_of_the_kind_of_case();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_of_the_kind_of_case;

CREATE FUNCTION impressions_before_any_exposure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM exposures e WHERE e.result_id = NEW.result_id AND e.reader = NEW.reader)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_before_any_exposure: this reader has been shown what the model says: an impression now is not a first one' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER impressions_before_any_exposure BEFORE INSERT ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_before_any_exposure();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_before_any_exposure;

CREATE FUNCTION exposures_after_the_impression() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.surface = 'reveal';
  IF (NEW.surface = 'reveal') AND (NOT EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below) OR EXISTS (SELECT 1 FROM impressions i WHERE i.result_id = NEW.result_id AND i.reader = NEW.reader AND i.at <= NEW.at)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exposures_after_the_impression: this reader says what they think first' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exposures_after_the_impression BEFORE INSERT ON exposures FOR EACH ROW EXECUTE FUNCTION exposures_after_the_impression();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER exposures_after_the_impression;

CREATE FUNCTION exposures_of_what_was_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.surface = 'result') AND (EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id AND NEW.shown IN (d.shown, d.content))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exposures_of_what_was_decided: nothing was decided that could have been shown' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exposures_of_what_was_decided BEFORE INSERT ON exposures FOR EACH ROW EXECUTE FUNCTION exposures_of_what_was_decided();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER exposures_of_what_was_decided;

CREATE FUNCTION opinions_after_the_first_read() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below) OR EXISTS (SELECT 1 FROM impressions i WHERE i.result_id = NEW.result_id AND i.reader = NEW.reader AND i.id = NEW.first_read AND EXISTS (SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce AND i.at <= e.at))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_after_the_first_read: this reader says what they think first, and signs after the draft was revealed' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_after_the_first_read BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_after_the_first_read();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_after_the_first_read;

CREATE FUNCTION opinions_say_their_first_read() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.first_read IS NOT NULL) AND (NEW.statement <> replace(NEW.statement, '"first_read":"' || NEW.first_read || '"', '')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_say_their_first_read: what was signed names another first impression, or none' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_say_their_first_read BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_say_their_first_read();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_say_their_first_read;

CREATE FUNCTION opinions_by_passkeys_in_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.passkey IS NOT NULL;
  IF (NEW.passkey IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM passkey_ends e WHERE e.passkey = NEW.passkey)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_by_passkeys_in_use: this passkey was revoked' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_by_passkeys_in_use BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_by_passkeys_in_use();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_by_passkeys_in_use;

CREATE FUNCTION opinions_with_the_gesture_asked_for() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.passkey IS NULL) AND (EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.gesture = '')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_with_the_gesture_asked_for: the policy asks for a signature by passkey' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_with_the_gesture_asked_for BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_with_the_gesture_asked_for();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_with_the_gesture_asked_for;

CREATE FUNCTION gestures_over_their_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM opinions o WHERE o.id = NEW.opinion_id AND NEW.client_data <> replace(NEW.client_data, '"challenge":"' || aval_challenge(o.statement) || '"', ''))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall gestures_over_their_statement: the authenticator signed other bytes than this statement' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gestures_over_their_statement BEFORE INSERT ON gestures FOR EACH ROW EXECUTE FUNCTION gestures_over_their_statement();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER gestures_over_their_statement;

CREATE FUNCTION gestures_count_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE (SELECT max(substr(g.authenticator_data, 67, 8)) FROM gestures g WHERE g.passkey = NEW.passkey) > '00000000';
  IF ((SELECT max(substr(g.authenticator_data, 67, 8)) FROM gestures g WHERE g.passkey = NEW.passkey) > '00000000') AND (substr(NEW.authenticator_data, 67, 8) > (SELECT max(substr(g.authenticator_data, 67, 8)) FROM gestures g WHERE g.passkey = NEW.passkey)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall gestures_count_up: the authenticator counted less than before: there may be two of it' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gestures_count_up BEFORE INSERT ON gestures FOR EACH ROW EXECUTE FUNCTION gestures_count_up();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER gestures_count_up;

CREATE FUNCTION decisions_with_their_gestures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.passkey IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gestures g WHERE g.opinion_id = o.id))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_with_their_gestures: an opinion names a passkey, and what it signed is not here' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_with_their_gestures BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_with_their_gestures();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_with_their_gestures;

CREATE FUNCTION passkeys_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall passkeys_never_updated: passkeys is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER passkeys_never_updated BEFORE UPDATE ON passkeys FOR EACH ROW EXECUTE FUNCTION passkeys_never_updated();
ALTER TABLE passkeys ENABLE ALWAYS TRIGGER passkeys_never_updated;

CREATE FUNCTION passkeys_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall passkeys_never_deleted: passkeys is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER passkeys_never_deleted BEFORE DELETE ON passkeys FOR EACH ROW EXECUTE FUNCTION passkeys_never_deleted();
ALTER TABLE passkeys ENABLE ALWAYS TRIGGER passkeys_never_deleted;

CREATE FUNCTION passkey_ends_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall passkey_ends_never_updated: passkey_ends is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER passkey_ends_never_updated BEFORE UPDATE ON passkey_ends FOR EACH ROW EXECUTE FUNCTION passkey_ends_never_updated();
ALTER TABLE passkey_ends ENABLE ALWAYS TRIGGER passkey_ends_never_updated;

CREATE FUNCTION passkey_ends_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall passkey_ends_never_deleted: passkey_ends is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER passkey_ends_never_deleted BEFORE DELETE ON passkey_ends FOR EACH ROW EXECUTE FUNCTION passkey_ends_never_deleted();
ALTER TABLE passkey_ends ENABLE ALWAYS TRIGGER passkey_ends_never_deleted;

CREATE FUNCTION gestures_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall gestures_never_updated: gestures is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gestures_never_updated BEFORE UPDATE ON gestures FOR EACH ROW EXECUTE FUNCTION gestures_never_updated();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER gestures_never_updated;

CREATE FUNCTION gestures_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall gestures_never_deleted: gestures is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER gestures_never_deleted BEFORE DELETE ON gestures FOR EACH ROW EXECUTE FUNCTION gestures_never_deleted();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER gestures_never_deleted;

CREATE FUNCTION preparations_of_what_may_be_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review') AND EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id) AND NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_of_what_may_be_decided: this result may not be decided now: it is held, out of date, or awaits no review' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_of_what_may_be_decided BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_of_what_may_be_decided();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_of_what_may_be_decided;

CREATE FUNCTION preparations_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_in_time: the question is out of date: open the draft again' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_in_time BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_in_time();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_in_time;

CREATE FUNCTION preparations_by_active_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_by_active_people: this person''s account is closed' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_by_active_people BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_by_active_people();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_by_active_people;

CREATE FUNCTION preparations_of_what_was_revealed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_of_what_was_revealed: nobody prepares what was not shown to them' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_of_what_was_revealed BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_of_what_was_revealed();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_of_what_was_revealed;

CREATE FUNCTION preparations_under_a_right_in_force() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'prepare' AND g.site = c.site AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') AND g.since <= NEW.signed_at AND NEW.signed_at < g.until AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_under_a_right_in_force: this person has no right in force to prepare this model at this site: aval rights' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_under_a_right_in_force BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_under_a_right_in_force();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_under_a_right_in_force;

CREATE FUNCTION preparations_where_the_policy_lets() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.learners = 'cosign')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_where_the_policy_lets: the policy of this result lets nobody prepare' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_where_the_policy_lets BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_where_the_policy_lets();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_where_the_policy_lets;

CREATE FUNCTION preparations_before_any_opinion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_before_any_opinion: somebody has signed already: there is nothing left to prepare' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_before_any_opinion BEFORE INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_before_any_opinion();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_before_any_opinion;

CREATE FUNCTION opinions_with_what_was_prepared() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NEW.prepared IS NOT DISTINCT FROM (SELECT p.id FROM preparations p WHERE p.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_with_what_was_prepared: a learner prepared this result: open it again and look at what they say' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_with_what_was_prepared BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_with_what_was_prepared();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_with_what_was_prepared;

CREATE FUNCTION opinions_by_another_than_who_prepared() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.prepared IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM preparations p WHERE p.id = NEW.prepared AND p.reader = NEW.reader)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_by_another_than_who_prepared: nobody answers for what they prepared themselves' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_by_another_than_who_prepared BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_by_another_than_who_prepared();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_by_another_than_who_prepared;

CREATE FUNCTION opinions_say_what_was_prepared() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.prepared IS NOT NULL) AND (NEW.statement <> replace(NEW.statement, '"prepared":"' || NEW.prepared || '"', '')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_say_what_was_prepared: what was signed names another preparation, or none' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_say_what_was_prepared BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_say_what_was_prepared();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_say_what_was_prepared;

CREATE FUNCTION preparations_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_never_updated: preparations is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER preparations_never_updated BEFORE UPDATE ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_never_updated();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_never_updated;

CREATE FUNCTION preparations_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall preparations_never_deleted: preparations is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER preparations_never_deleted BEFORE DELETE ON preparations FOR EACH ROW EXECUTE FUNCTION preparations_never_deleted();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_never_deleted;

CREATE FUNCTION stops_resume_after_golden_cases() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.action = 'resume';
  IF (NEW.action = 'resume') AND (NOT EXISTS (SELECT 1 FROM models m WHERE NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = m.id) AND (NEW.scope = 'version' AND m.id = NEW.target OR NEW.scope <> 'version' AND (NEW.scope <> 'model' OR m.name = NEW.target) AND (EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = m.id) OR EXISTS (SELECT 1 FROM open_trials o WHERE o.model_id = m.id))) AND NOT EXISTS (SELECT 1 FROM examinations e WHERE e.model_id = m.id AND e.failure = '' AND NOT EXISTS (SELECT 1 FROM examinations later WHERE later.model_id = m.id AND later.at > e.at) AND NOT EXISTS (SELECT 1 FROM stops s WHERE s.scope = NEW.scope AND s.target = NEW.target AND s.action = 'stop' AND s.at > e.at)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stops_resume_after_golden_cases: the golden cases of a version that would resume did not come out, or were not asked since the stop' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stops_resume_after_golden_cases BEFORE INSERT ON stops FOR EACH ROW EXECUTE FUNCTION stops_resume_after_golden_cases();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_resume_after_golden_cases;

CREATE FUNCTION stops_resumed_by_who_may() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.action = 'resume';
  IF (NEW.action = 'resume') AND (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.role IN ('radiologist', 'clinician', 'committee', 'engineer') AND u.login = NEW.by_whom) AND (NEW.second = '' OR EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.role IN ('radiologist', 'clinician', 'committee', 'engineer') AND u.login = NEW.second)) AND EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.by_whom, NEW.second) AND u.role IN ('radiologist', 'clinician', 'committee'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stops_resumed_by_who_may: radiologists, clinicians, the committee and engineers resume, two of them, and not engineers alone' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stops_resumed_by_who_may BEFORE INSERT ON stops FOR EACH ROW EXECUTE FUNCTION stops_resumed_by_who_may();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_resumed_by_who_may;

CREATE FUNCTION examinations_by_a_worker_in_its_own_name() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (aval_role() = 'aval_infer') AND (NEW.by_whom = 'infer') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall examinations_by_a_worker_in_its_own_name: a worker says in its own name what it examined' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER examinations_by_a_worker_in_its_own_name BEFORE INSERT ON examinations FOR EACH ROW EXECUTE FUNCTION examinations_by_a_worker_in_its_own_name();
ALTER TABLE examinations ENABLE ALWAYS TRIGGER examinations_by_a_worker_in_its_own_name;

CREATE FUNCTION recall_items_as_many_as_ordered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF ((SELECT count(*) FROM recall_items i WHERE i.recall_id = NEW.recall_id) < (SELECT r.many FROM recalls r WHERE r.id = NEW.recall_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recall_items_as_many_as_ordered: somebody signed for fewer results than this' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recall_items_as_many_as_ordered BEFORE INSERT ON recall_items FOR EACH ROW EXECUTE FUNCTION recall_items_as_many_as_ordered();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER recall_items_as_many_as_ordered;

CREATE FUNCTION recall_items_were_released() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM decisions d JOIN releases r ON r.decision_id = d.id WHERE d.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recall_items_were_released: what was never released cannot be taken back' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recall_items_were_released BEFORE INSERT ON recall_items FOR EACH ROW EXECUTE FUNCTION recall_items_were_released();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER recall_items_were_released;

CREATE FUNCTION recall_items_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.recall_id IS NOT DISTINCT FROM OLD.recall_id AND NEW.result_id IS NOT DISTINCT FROM OLD.result_id) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recall_items_frozen: recall_items: what a row is about never changes' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recall_items_frozen BEFORE UPDATE ON recall_items FOR EACH ROW EXECUTE FUNCTION recall_items_frozen();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER recall_items_frozen;

CREATE FUNCTION acknowledgements_of_withdrawals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall acknowledgements_of_withdrawals: nobody reads that a result was taken back before it was' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER acknowledgements_of_withdrawals BEFORE INSERT ON acknowledgements FOR EACH ROW EXECUTE FUNCTION acknowledgements_of_withdrawals();
ALTER TABLE acknowledgements ENABLE ALWAYS TRIGGER acknowledgements_of_withdrawals;

CREATE FUNCTION authentication_requests_used_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (OLD.used_at IS NULL) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall authentication_requests_used_once: this sign-in at the identity provider was finished already' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER authentication_requests_used_once BEFORE UPDATE ON authentication_requests FOR EACH ROW EXECUTE FUNCTION authentication_requests_used_once();
ALTER TABLE authentication_requests ENABLE ALWAYS TRIGGER authentication_requests_used_once;

CREATE FUNCTION local_openings_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall local_openings_never_updated: local_openings is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER local_openings_never_updated BEFORE UPDATE ON local_openings FOR EACH ROW EXECUTE FUNCTION local_openings_never_updated();
ALTER TABLE local_openings ENABLE ALWAYS TRIGGER local_openings_never_updated;

CREATE FUNCTION local_openings_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall local_openings_never_deleted: local_openings is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER local_openings_never_deleted BEFORE DELETE ON local_openings FOR EACH ROW EXECUTE FUNCTION local_openings_never_deleted();
ALTER TABLE local_openings ENABLE ALWAYS TRIGGER local_openings_never_deleted;

CREATE FUNCTION incidents_say_what_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NEW.caught = (CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id AND d.verdict = 'accept') THEN 0 ELSE 1 END)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incidents_say_what_left: whether the gate caught it follows from the decision, and is nobody''s to say' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incidents_say_what_left BEFORE INSERT ON incidents FOR EACH ROW EXECUTE FUNCTION incidents_say_what_left();
ALTER TABLE incidents ENABLE ALWAYS TRIGGER incidents_say_what_left;

CREATE FUNCTION incident_lines_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NEW.n = (SELECT coalesce(max(l.n), 0) + 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id) AND (NEW.n > 1 OR NEW.kind = 'grade')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_follow: this is not the next line of the incident; the first is its grade' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_follow BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_follow();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_follow;

CREATE FUNCTION incident_lines_by_active_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.by_whom) AND (NEW.second = '' OR EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.second AND u.role NOT IN ('learner', 'secretary')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_by_active_people: this person says nothing of incidents here' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_by_active_people BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_by_active_people();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_by_active_people;

CREATE FUNCTION incident_lines_regraded_by_who_may() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.kind = 'grade' AND NEW.n > 1) AND (NEW.by_role IN ('radiologist', 'clinician', 'committee')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_regraded_by_who_may: a radiologist, a clinician or the committee grades again' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_regraded_by_who_may BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_regraded_by_who_may();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_regraded_by_who_may;

CREATE FUNCTION incident_lines_while_open() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF ((coalesce((SELECT l.kind FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind IN ('closed', 'reopened') ORDER BY l.n DESC LIMIT 1), '') = 'closed') = (NEW.kind = 'reopened')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_while_open: a closed incident is opened again before anything is said of it, and only a closed one is' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_while_open BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_while_open();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_while_open;

CREATE FUNCTION incident_lines_done_of_an_action() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.kind = 'done') AND (EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action' AND l.subject = NEW.subject)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_done_of_an_action: nobody asked for this action' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_done_of_an_action BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_done_of_an_action();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_done_of_an_action;

CREATE FUNCTION incident_lines_closed_once_done() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.kind = 'closed';
  IF (NEW.kind = 'closed') AND (NOT EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action' AND NOT EXISTS (SELECT 1 FROM incident_lines d WHERE d.incident_id = NEW.incident_id AND d.kind = 'done' AND d.subject = l.subject)) AND ((SELECT l.word FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'grade' ORDER BY l.n DESC LIMIT 1) NOT IN ('D3', 'D4') OR (NEW.second <> '' AND EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action') AND EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'answers')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_closed_once_done: an action is not done; or a serious incident lacks its form, an action, or a second person' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_closed_once_done BEFORE INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_closed_once_done();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_closed_once_done;

CREATE FUNCTION freezes_of_the_incidents_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (EXISTS (SELECT 1 FROM incidents i JOIN results r ON r.id = i.result_id JOIN cases c ON c.id = r.case_id WHERE i.id = NEW.incident_id AND c.kind = NEW.kind AND c.uid = NEW.case_uid)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freezes_of_the_incidents_case: a freeze is of the case of its incident' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER freezes_of_the_incidents_case BEFORE INSERT ON freezes FOR EACH ROW EXECUTE FUNCTION freezes_of_the_incidents_case();
ALTER TABLE freezes ENABLE ALWAYS TRIGGER freezes_of_the_incidents_case;

CREATE FUNCTION freeze_ends_by_overseers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.by_whom AND u.role IN ('committee', 'dpo', 'security')) AND EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.second AND u.role IN ('committee', 'dpo', 'security'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freeze_ends_by_overseers: two of the committee, the data protection and the security officers lift a freeze' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER freeze_ends_by_overseers BEFORE INSERT ON freeze_ends FOR EACH ROW EXECUTE FUNCTION freeze_ends_by_overseers();
ALTER TABLE freeze_ends ENABLE ALWAYS TRIGGER freeze_ends_by_overseers;

CREATE FUNCTION conversations_of_frozen_cases_stay() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NOT EXISTS (SELECT 1 FROM frozen_cases f WHERE f.kind = OLD.kind AND f.case_uid = OLD.case_uid)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall conversations_of_frozen_cases_stay: this case is frozen for an incident: nothing of it is deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER conversations_of_frozen_cases_stay BEFORE DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION conversations_of_frozen_cases_stay();
ALTER TABLE conversations ENABLE ALWAYS TRIGGER conversations_of_frozen_cases_stay;

CREATE FUNCTION incidents_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incidents_never_updated: incidents is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incidents_never_updated BEFORE UPDATE ON incidents FOR EACH ROW EXECUTE FUNCTION incidents_never_updated();
ALTER TABLE incidents ENABLE ALWAYS TRIGGER incidents_never_updated;

CREATE FUNCTION incidents_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incidents_never_deleted: incidents is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER incidents_never_deleted BEFORE DELETE ON incidents FOR EACH ROW EXECUTE FUNCTION incidents_never_deleted();
ALTER TABLE incidents ENABLE ALWAYS TRIGGER incidents_never_deleted;

CREATE FUNCTION incident_lines_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_never_updated: incident_lines is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_lines_never_updated BEFORE UPDATE ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_never_updated();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_never_updated;

CREATE FUNCTION incident_lines_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall incident_lines_never_deleted: incident_lines is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER incident_lines_never_deleted BEFORE DELETE ON incident_lines FOR EACH ROW EXECUTE FUNCTION incident_lines_never_deleted();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_never_deleted;

CREATE FUNCTION freezes_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freezes_never_updated: freezes is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER freezes_never_updated BEFORE UPDATE ON freezes FOR EACH ROW EXECUTE FUNCTION freezes_never_updated();
ALTER TABLE freezes ENABLE ALWAYS TRIGGER freezes_never_updated;

CREATE FUNCTION freezes_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freezes_never_deleted: freezes is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER freezes_never_deleted BEFORE DELETE ON freezes FOR EACH ROW EXECUTE FUNCTION freezes_never_deleted();
ALTER TABLE freezes ENABLE ALWAYS TRIGGER freezes_never_deleted;

CREATE FUNCTION freeze_ends_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freeze_ends_never_updated: freeze_ends is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER freeze_ends_never_updated BEFORE UPDATE ON freeze_ends FOR EACH ROW EXECUTE FUNCTION freeze_ends_never_updated();
ALTER TABLE freeze_ends ENABLE ALWAYS TRIGGER freeze_ends_never_updated;

CREATE FUNCTION freeze_ends_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall freeze_ends_never_deleted: freeze_ends is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER freeze_ends_never_deleted BEFORE DELETE ON freeze_ends FOR EACH ROW EXECUTE FUNCTION freeze_ends_never_deleted();
ALTER TABLE freeze_ends ENABLE ALWAYS TRIGGER freeze_ends_never_deleted;

CREATE FUNCTION objections_lifted_where_they_stand() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.word = 'lift';
  IF (NEW.word = 'lift') AND (EXISTS (SELECT 1 FROM objections_standing o WHERE o.identifier = NEW.identifier AND o.authority = NEW.authority)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall objections_lifted_where_they_stand: no objection stands under this number' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER objections_lifted_where_they_stand BEFORE INSERT ON objections FOR EACH ROW EXECUTE FUNCTION objections_lifted_where_they_stand();
ALTER TABLE objections ENABLE ALWAYS TRIGGER objections_lifted_where_they_stand;

CREATE FUNCTION objections_lifted_by_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (aval_role() = 'aval_intake') AND (NEW.word = 'record' AND NEW.source <> '') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall objections_lifted_by_people: what the record says may record an objection; a person lifts it' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER objections_lifted_by_people BEFORE INSERT ON objections FOR EACH ROW EXECUTE FUNCTION objections_lifted_by_people();
ALTER TABLE objections ENABLE ALWAYS TRIGGER objections_lifted_by_people;

CREATE FUNCTION results_drafted_without_an_objection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.state <> OLD.state AND NEW.state = 'awaiting_review';
  IF (NEW.state <> OLD.state AND NEW.state = 'awaiting_review') AND (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.id AND x.says = 'stop')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_drafted_without_an_objection: the patient objects to AI: no model looks at their exams' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_drafted_without_an_objection BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_drafted_without_an_objection();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_drafted_without_an_objection;

CREATE FUNCTION results_queued_again_when_nobody_objects() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711) WHERE NEW.state <> OLD.state AND OLD.state = 'excluded';
  IF (NEW.state <> OLD.state AND OLD.state = 'excluded') AND (OLD.cause_code = 'objection' AND NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.id AND x.says = 'stop')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall results_queued_again_when_nobody_objects: only what an objection kept from running is queued again, once it is lifted' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER results_queued_again_when_nobody_objects BEFORE UPDATE ON results FOR EACH ROW EXECUTE FUNCTION results_queued_again_when_nobody_objects();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_queued_again_when_nobody_objects;

CREATE FUNCTION questions_not_while_objected() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall questions_not_while_objected: the patient objects to AI: nothing of it is shown or decided' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER questions_not_while_objected BEFORE INSERT ON questions FOR EACH ROW EXECUTE FUNCTION questions_not_while_objected();
ALTER TABLE questions ENABLE ALWAYS TRIGGER questions_not_while_objected;

CREATE FUNCTION opinions_not_while_objected() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_not_while_objected: the patient objects to AI: nothing of it is shown or decided' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_not_while_objected BEFORE INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_not_while_objected();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_not_while_objected;

CREATE FUNCTION decisions_not_while_objected() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_not_while_objected: the patient objects to AI: nothing of it is shown or decided' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_not_while_objected BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_not_while_objected();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_not_while_objected;

CREATE FUNCTION attempts_not_while_objected() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  IF (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = d.result_id)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_not_while_objected: the patient objects to AI: nothing is sent' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_not_while_objected BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_not_while_objected();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_not_while_objected;

CREATE FUNCTION objections_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall objections_never_updated: objections is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER objections_never_updated BEFORE UPDATE ON objections FOR EACH ROW EXECUTE FUNCTION objections_never_updated();
ALTER TABLE objections ENABLE ALWAYS TRIGGER objections_never_updated;

CREATE FUNCTION objections_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall objections_never_deleted: objections is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER objections_never_deleted BEFORE DELETE ON objections FOR EACH ROW EXECUTE FUNCTION objections_never_deleted();
ALTER TABLE objections ENABLE ALWAYS TRIGGER objections_never_deleted;

CREATE FUNCTION stops_by_a_worker_suspend_one_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (aval_role() = 'aval_infer') AND (NEW.action = 'stop' AND NEW.scope = 'version' AND NEW.by_whom = 'infer') IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stops_by_a_worker_suspend_one_version: a worker suspends one version in its own name; people resume' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stops_by_a_worker_suspend_one_version BEFORE INSERT ON stops FOR EACH ROW EXECUTE FUNCTION stops_by_a_worker_suspend_one_version();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_by_a_worker_suspend_one_version;

CREATE FUNCTION journal_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.seq = (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AND NEW.prev = coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AND NEW.hash = aval_link(NEW.seq, NEW.at, NEW.actor, NEW.role, NEW.action, NEW.subject, NEW.body, NEW.prev)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall journal_follows: this is not the next link of the journal' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER journal_follows BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_follows();
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_follows;

CREATE FUNCTION transitions_never_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall transitions_never_inserted: the lives of cases and results change with a migration only' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER transitions_never_inserted BEFORE INSERT ON transitions FOR EACH ROW EXECUTE FUNCTION transitions_never_inserted();
ALTER TABLE transitions ENABLE ALWAYS TRIGGER transitions_never_inserted;

CREATE FUNCTION rejections_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall rejections_never_updated: rejections is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rejections_never_updated BEFORE UPDATE ON rejections FOR EACH ROW EXECUTE FUNCTION rejections_never_updated();
ALTER TABLE rejections ENABLE ALWAYS TRIGGER rejections_never_updated;

CREATE FUNCTION rejections_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall rejections_never_deleted: rejections is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER rejections_never_deleted BEFORE DELETE ON rejections FOR EACH ROW EXECUTE FUNCTION rejections_never_deleted();
ALTER TABLE rejections ENABLE ALWAYS TRIGGER rejections_never_deleted;

CREATE FUNCTION judgements_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall judgements_never_updated: judgements is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER judgements_never_updated BEFORE UPDATE ON judgements FOR EACH ROW EXECUTE FUNCTION judgements_never_updated();
ALTER TABLE judgements ENABLE ALWAYS TRIGGER judgements_never_updated;

CREATE FUNCTION judgements_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall judgements_never_deleted: judgements is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER judgements_never_deleted BEFORE DELETE ON judgements FOR EACH ROW EXECUTE FUNCTION judgements_never_deleted();
ALTER TABLE judgements ENABLE ALWAYS TRIGGER judgements_never_deleted;

CREATE FUNCTION runs_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall runs_never_updated: runs is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_never_updated BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION runs_never_updated();
ALTER TABLE runs ENABLE ALWAYS TRIGGER runs_never_updated;

CREATE FUNCTION runs_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall runs_never_deleted: runs is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER runs_never_deleted BEFORE DELETE ON runs FOR EACH ROW EXECUTE FUNCTION runs_never_deleted();
ALTER TABLE runs ENABLE ALWAYS TRIGGER runs_never_deleted;

CREATE FUNCTION features_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall features_never_updated: features is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER features_never_updated BEFORE UPDATE ON features FOR EACH ROW EXECUTE FUNCTION features_never_updated();
ALTER TABLE features ENABLE ALWAYS TRIGGER features_never_updated;

CREATE FUNCTION features_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall features_never_deleted: features is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER features_never_deleted BEFORE DELETE ON features FOR EACH ROW EXECUTE FUNCTION features_never_deleted();
ALTER TABLE features ENABLE ALWAYS TRIGGER features_never_deleted;

CREATE FUNCTION transitions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall transitions_never_updated: transitions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER transitions_never_updated BEFORE UPDATE ON transitions FOR EACH ROW EXECUTE FUNCTION transitions_never_updated();
ALTER TABLE transitions ENABLE ALWAYS TRIGGER transitions_never_updated;

CREATE FUNCTION transitions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall transitions_never_deleted: transitions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER transitions_never_deleted BEFORE DELETE ON transitions FOR EACH ROW EXECUTE FUNCTION transitions_never_deleted();
ALTER TABLE transitions ENABLE ALWAYS TRIGGER transitions_never_deleted;

CREATE FUNCTION policies_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall policies_never_updated: policies is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER policies_never_updated BEFORE UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION policies_never_updated();
ALTER TABLE policies ENABLE ALWAYS TRIGGER policies_never_updated;

CREATE FUNCTION policies_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall policies_never_deleted: policies is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER policies_never_deleted BEFORE DELETE ON policies FOR EACH ROW EXECUTE FUNCTION policies_never_deleted();
ALTER TABLE policies ENABLE ALWAYS TRIGGER policies_never_deleted;

CREATE FUNCTION models_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall models_never_updated: models is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER models_never_updated BEFORE UPDATE ON models FOR EACH ROW EXECUTE FUNCTION models_never_updated();
ALTER TABLE models ENABLE ALWAYS TRIGGER models_never_updated;

CREATE FUNCTION models_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall models_never_deleted: models is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER models_never_deleted BEFORE DELETE ON models FOR EACH ROW EXECUTE FUNCTION models_never_deleted();
ALTER TABLE models ENABLE ALWAYS TRIGGER models_never_deleted;

CREATE FUNCTION retirements_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall retirements_never_updated: retirements is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER retirements_never_updated BEFORE UPDATE ON retirements FOR EACH ROW EXECUTE FUNCTION retirements_never_updated();
ALTER TABLE retirements ENABLE ALWAYS TRIGGER retirements_never_updated;

CREATE FUNCTION retirements_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall retirements_never_deleted: retirements is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER retirements_never_deleted BEFORE DELETE ON retirements FOR EACH ROW EXECUTE FUNCTION retirements_never_deleted();
ALTER TABLE retirements ENABLE ALWAYS TRIGGER retirements_never_deleted;

CREATE FUNCTION appointments_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_never_updated: appointments is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER appointments_never_updated BEFORE UPDATE ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_never_updated();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_never_updated;

CREATE FUNCTION appointments_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall appointments_never_deleted: appointments is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER appointments_never_deleted BEFORE DELETE ON appointments FOR EACH ROW EXECUTE FUNCTION appointments_never_deleted();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_never_deleted;

CREATE FUNCTION trials_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_never_updated: trials is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trials_never_updated BEFORE UPDATE ON trials FOR EACH ROW EXECUTE FUNCTION trials_never_updated();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_never_updated;

CREATE FUNCTION trials_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trials_never_deleted: trials is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER trials_never_deleted BEFORE DELETE ON trials FOR EACH ROW EXECUTE FUNCTION trials_never_deleted();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_never_deleted;

CREATE FUNCTION trial_ends_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trial_ends_never_updated: trial_ends is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trial_ends_never_updated BEFORE UPDATE ON trial_ends FOR EACH ROW EXECUTE FUNCTION trial_ends_never_updated();
ALTER TABLE trial_ends ENABLE ALWAYS TRIGGER trial_ends_never_updated;

CREATE FUNCTION trial_ends_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall trial_ends_never_deleted: trial_ends is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER trial_ends_never_deleted BEFORE DELETE ON trial_ends FOR EACH ROW EXECUTE FUNCTION trial_ends_never_deleted();
ALTER TABLE trial_ends ENABLE ALWAYS TRIGGER trial_ends_never_deleted;

CREATE FUNCTION stages_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_never_updated: stages is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stages_never_updated BEFORE UPDATE ON stages FOR EACH ROW EXECUTE FUNCTION stages_never_updated();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_never_updated;

CREATE FUNCTION stages_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stages_never_deleted: stages is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER stages_never_deleted BEFORE DELETE ON stages FOR EACH ROW EXECUTE FUNCTION stages_never_deleted();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_never_deleted;

CREATE FUNCTION doubts_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall doubts_never_updated: doubts is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER doubts_never_updated BEFORE UPDATE ON doubts FOR EACH ROW EXECUTE FUNCTION doubts_never_updated();
ALTER TABLE doubts ENABLE ALWAYS TRIGGER doubts_never_updated;

CREATE FUNCTION doubts_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall doubts_never_deleted: doubts is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER doubts_never_deleted BEFORE DELETE ON doubts FOR EACH ROW EXECUTE FUNCTION doubts_never_deleted();
ALTER TABLE doubts ENABLE ALWAYS TRIGGER doubts_never_deleted;

CREATE FUNCTION admissions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall admissions_never_updated: admissions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER admissions_never_updated BEFORE UPDATE ON admissions FOR EACH ROW EXECUTE FUNCTION admissions_never_updated();
ALTER TABLE admissions ENABLE ALWAYS TRIGGER admissions_never_updated;

CREATE FUNCTION admissions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall admissions_never_deleted: admissions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER admissions_never_deleted BEFORE DELETE ON admissions FOR EACH ROW EXECUTE FUNCTION admissions_never_deleted();
ALTER TABLE admissions ENABLE ALWAYS TRIGGER admissions_never_deleted;

CREATE FUNCTION draws_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall draws_never_updated: draws is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER draws_never_updated BEFORE UPDATE ON draws FOR EACH ROW EXECUTE FUNCTION draws_never_updated();
ALTER TABLE draws ENABLE ALWAYS TRIGGER draws_never_updated;

CREATE FUNCTION draws_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall draws_never_deleted: draws is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER draws_never_deleted BEFORE DELETE ON draws FOR EACH ROW EXECUTE FUNCTION draws_never_deleted();
ALTER TABLE draws ENABLE ALWAYS TRIGGER draws_never_deleted;

CREATE FUNCTION first_reads_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall first_reads_never_updated: first_reads is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER first_reads_never_updated BEFORE UPDATE ON first_reads FOR EACH ROW EXECUTE FUNCTION first_reads_never_updated();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_never_updated;

CREATE FUNCTION first_reads_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall first_reads_never_deleted: first_reads is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER first_reads_never_deleted BEFORE DELETE ON first_reads FOR EACH ROW EXECUTE FUNCTION first_reads_never_deleted();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_never_deleted;

CREATE FUNCTION impressions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_never_updated: impressions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER impressions_never_updated BEFORE UPDATE ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_never_updated();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_never_updated;

CREATE FUNCTION impressions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall impressions_never_deleted: impressions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER impressions_never_deleted BEFORE DELETE ON impressions FOR EACH ROW EXECUTE FUNCTION impressions_never_deleted();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_never_deleted;

CREATE FUNCTION exposures_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exposures_never_updated: exposures is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exposures_never_updated BEFORE UPDATE ON exposures FOR EACH ROW EXECUTE FUNCTION exposures_never_updated();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER exposures_never_updated;

CREATE FUNCTION exposures_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exposures_never_deleted: exposures is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER exposures_never_deleted BEFORE DELETE ON exposures FOR EACH ROW EXECUTE FUNCTION exposures_never_deleted();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER exposures_never_deleted;

CREATE FUNCTION questions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall questions_never_updated: questions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER questions_never_updated BEFORE UPDATE ON questions FOR EACH ROW EXECUTE FUNCTION questions_never_updated();
ALTER TABLE questions ENABLE ALWAYS TRIGGER questions_never_updated;

CREATE FUNCTION questions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall questions_never_deleted: questions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER questions_never_deleted BEFORE DELETE ON questions FOR EACH ROW EXECUTE FUNCTION questions_never_deleted();
ALTER TABLE questions ENABLE ALWAYS TRIGGER questions_never_deleted;

CREATE FUNCTION opinions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_never_updated: opinions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opinions_never_updated BEFORE UPDATE ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_never_updated();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_never_updated;

CREATE FUNCTION opinions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall opinions_never_deleted: opinions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER opinions_never_deleted BEFORE DELETE ON opinions FOR EACH ROW EXECUTE FUNCTION opinions_never_deleted();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_never_deleted;

CREATE FUNCTION decisions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_never_updated: decisions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decisions_never_updated BEFORE UPDATE ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_never_updated();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_never_updated;

CREATE FUNCTION decisions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall decisions_never_deleted: decisions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER decisions_never_deleted BEFORE DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_never_deleted();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_never_deleted;

CREATE FUNCTION withdrawals_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall withdrawals_never_updated: withdrawals is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER withdrawals_never_updated BEFORE UPDATE ON withdrawals FOR EACH ROW EXECUTE FUNCTION withdrawals_never_updated();
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER withdrawals_never_updated;

CREATE FUNCTION withdrawals_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall withdrawals_never_deleted: withdrawals is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER withdrawals_never_deleted BEFORE DELETE ON withdrawals FOR EACH ROW EXECUTE FUNCTION withdrawals_never_deleted();
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER withdrawals_never_deleted;

CREATE FUNCTION releases_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall releases_never_updated: releases is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER releases_never_updated BEFORE UPDATE ON releases FOR EACH ROW EXECUTE FUNCTION releases_never_updated();
ALTER TABLE releases ENABLE ALWAYS TRIGGER releases_never_updated;

CREATE FUNCTION releases_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall releases_never_deleted: releases is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER releases_never_deleted BEFORE DELETE ON releases FOR EACH ROW EXECUTE FUNCTION releases_never_deleted();
ALTER TABLE releases ENABLE ALWAYS TRIGGER releases_never_deleted;

CREATE FUNCTION renderings_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall renderings_never_updated: renderings is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER renderings_never_updated BEFORE UPDATE ON renderings FOR EACH ROW EXECUTE FUNCTION renderings_never_updated();
ALTER TABLE renderings ENABLE ALWAYS TRIGGER renderings_never_updated;

CREATE FUNCTION renderings_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall renderings_never_deleted: renderings is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER renderings_never_deleted BEFORE DELETE ON renderings FOR EACH ROW EXECUTE FUNCTION renderings_never_deleted();
ALTER TABLE renderings ENABLE ALWAYS TRIGGER renderings_never_deleted;

CREATE FUNCTION attempts_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_never_updated: attempts is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_never_updated BEFORE UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_never_updated();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_never_updated;

CREATE FUNCTION attempts_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall attempts_never_deleted: attempts is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER attempts_never_deleted BEFORE DELETE ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_never_deleted();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_never_deleted;

CREATE FUNCTION receipts_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall receipts_never_updated: receipts is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER receipts_never_updated BEFORE UPDATE ON receipts FOR EACH ROW EXECUTE FUNCTION receipts_never_updated();
ALTER TABLE receipts ENABLE ALWAYS TRIGGER receipts_never_updated;

CREATE FUNCTION receipts_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall receipts_never_deleted: receipts is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER receipts_never_deleted BEFORE DELETE ON receipts FOR EACH ROW EXECUTE FUNCTION receipts_never_deleted();
ALTER TABLE receipts ENABLE ALWAYS TRIGGER receipts_never_deleted;

CREATE FUNCTION resends_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall resends_never_updated: resends is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER resends_never_updated BEFORE UPDATE ON resends FOR EACH ROW EXECUTE FUNCTION resends_never_updated();
ALTER TABLE resends ENABLE ALWAYS TRIGGER resends_never_updated;

CREATE FUNCTION resends_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall resends_never_deleted: resends is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER resends_never_deleted BEFORE DELETE ON resends FOR EACH ROW EXECUTE FUNCTION resends_never_deleted();
ALTER TABLE resends ENABLE ALWAYS TRIGGER resends_never_deleted;

CREATE FUNCTION exports_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exports_never_updated: exports is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exports_never_updated BEFORE UPDATE ON exports FOR EACH ROW EXECUTE FUNCTION exports_never_updated();
ALTER TABLE exports ENABLE ALWAYS TRIGGER exports_never_updated;

CREATE FUNCTION exports_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall exports_never_deleted: exports is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER exports_never_deleted BEFORE DELETE ON exports FOR EACH ROW EXECUTE FUNCTION exports_never_deleted();
ALTER TABLE exports ENABLE ALWAYS TRIGGER exports_never_deleted;

CREATE FUNCTION pauses_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall pauses_never_updated: pauses is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER pauses_never_updated BEFORE UPDATE ON pauses FOR EACH ROW EXECUTE FUNCTION pauses_never_updated();
ALTER TABLE pauses ENABLE ALWAYS TRIGGER pauses_never_updated;

CREATE FUNCTION pauses_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall pauses_never_deleted: pauses is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER pauses_never_deleted BEFORE DELETE ON pauses FOR EACH ROW EXECUTE FUNCTION pauses_never_deleted();
ALTER TABLE pauses ENABLE ALWAYS TRIGGER pauses_never_deleted;

CREATE FUNCTION stops_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stops_never_updated: stops is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stops_never_updated BEFORE UPDATE ON stops FOR EACH ROW EXECUTE FUNCTION stops_never_updated();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_never_updated;

CREATE FUNCTION stops_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall stops_never_deleted: stops is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER stops_never_deleted BEFORE DELETE ON stops FOR EACH ROW EXECUTE FUNCTION stops_never_deleted();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_never_deleted;

CREATE FUNCTION examinations_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall examinations_never_updated: examinations is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER examinations_never_updated BEFORE UPDATE ON examinations FOR EACH ROW EXECUTE FUNCTION examinations_never_updated();
ALTER TABLE examinations ENABLE ALWAYS TRIGGER examinations_never_updated;

CREATE FUNCTION examinations_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall examinations_never_deleted: examinations is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER examinations_never_deleted BEFORE DELETE ON examinations FOR EACH ROW EXECUTE FUNCTION examinations_never_deleted();
ALTER TABLE examinations ENABLE ALWAYS TRIGGER examinations_never_deleted;

CREATE FUNCTION recalls_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recalls_never_updated: recalls is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recalls_never_updated BEFORE UPDATE ON recalls FOR EACH ROW EXECUTE FUNCTION recalls_never_updated();
ALTER TABLE recalls ENABLE ALWAYS TRIGGER recalls_never_updated;

CREATE FUNCTION recalls_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall recalls_never_deleted: recalls is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER recalls_never_deleted BEFORE DELETE ON recalls FOR EACH ROW EXECUTE FUNCTION recalls_never_deleted();
ALTER TABLE recalls ENABLE ALWAYS TRIGGER recalls_never_deleted;

CREATE FUNCTION acknowledgements_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall acknowledgements_never_updated: acknowledgements is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER acknowledgements_never_updated BEFORE UPDATE ON acknowledgements FOR EACH ROW EXECUTE FUNCTION acknowledgements_never_updated();
ALTER TABLE acknowledgements ENABLE ALWAYS TRIGGER acknowledgements_never_updated;

CREATE FUNCTION acknowledgements_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall acknowledgements_never_deleted: acknowledgements is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER acknowledgements_never_deleted BEFORE DELETE ON acknowledgements FOR EACH ROW EXECUTE FUNCTION acknowledgements_never_deleted();
ALTER TABLE acknowledgements ENABLE ALWAYS TRIGGER acknowledgements_never_deleted;

CREATE FUNCTION sign_ins_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall sign_ins_never_updated: sign_ins is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sign_ins_never_updated BEFORE UPDATE ON sign_ins FOR EACH ROW EXECUTE FUNCTION sign_ins_never_updated();
ALTER TABLE sign_ins ENABLE ALWAYS TRIGGER sign_ins_never_updated;

CREATE FUNCTION sign_ins_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall sign_ins_never_deleted: sign_ins is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER sign_ins_never_deleted BEFORE DELETE ON sign_ins FOR EACH ROW EXECUTE FUNCTION sign_ins_never_deleted();
ALTER TABLE sign_ins ENABLE ALWAYS TRIGGER sign_ins_never_deleted;

CREATE FUNCTION openings_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall openings_never_updated: openings is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER openings_never_updated BEFORE UPDATE ON openings FOR EACH ROW EXECUTE FUNCTION openings_never_updated();
ALTER TABLE openings ENABLE ALWAYS TRIGGER openings_never_updated;

CREATE FUNCTION openings_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall openings_never_deleted: openings is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER openings_never_deleted BEFORE DELETE ON openings FOR EACH ROW EXECUTE FUNCTION openings_never_deleted();
ALTER TABLE openings ENABLE ALWAYS TRIGGER openings_never_deleted;

CREATE FUNCTION orders_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall orders_never_updated: orders is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER orders_never_updated BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_never_updated();
ALTER TABLE orders ENABLE ALWAYS TRIGGER orders_never_updated;

CREATE FUNCTION orders_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall orders_never_deleted: orders is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER orders_never_deleted BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION orders_never_deleted();
ALTER TABLE orders ENABLE ALWAYS TRIGGER orders_never_deleted;

CREATE FUNCTION mentions_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall mentions_never_updated: mentions is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER mentions_never_updated BEFORE UPDATE ON mentions FOR EACH ROW EXECUTE FUNCTION mentions_never_updated();
ALTER TABLE mentions ENABLE ALWAYS TRIGGER mentions_never_updated;

CREATE FUNCTION mentions_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall mentions_never_deleted: mentions is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER mentions_never_deleted BEFORE DELETE ON mentions FOR EACH ROW EXECUTE FUNCTION mentions_never_deleted();
ALTER TABLE mentions ENABLE ALWAYS TRIGGER mentions_never_deleted;

CREATE FUNCTION accesses_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall accesses_never_updated: accesses is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER accesses_never_updated BEFORE UPDATE ON accesses FOR EACH ROW EXECUTE FUNCTION accesses_never_updated();
ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_never_updated;

CREATE FUNCTION accesses_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall accesses_never_deleted: accesses is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER accesses_never_deleted BEFORE DELETE ON accesses FOR EACH ROW EXECUTE FUNCTION accesses_never_deleted();
ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_never_deleted;

CREATE FUNCTION journal_never_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall journal_never_updated: journal is append-only: a row is never updated' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER journal_never_updated BEFORE UPDATE ON journal FOR EACH ROW EXECUTE FUNCTION journal_never_updated();
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_never_updated;

CREATE FUNCTION journal_never_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (1 = 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wall journal_never_deleted: journal is append-only: a row is never deleted' USING ERRCODE = '23514';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER journal_never_deleted BEFORE DELETE ON journal FOR EACH ROW EXECUTE FUNCTION journal_never_deleted();
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_never_deleted;

CREATE FUNCTION never_truncated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'wall never_truncated: % is never emptied', TG_TABLE_NAME USING ERRCODE = '23514';
END $$;
CREATE TRIGGER accesses_never_truncated BEFORE TRUNCATE ON accesses EXECUTE FUNCTION never_truncated();
ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_never_truncated;
CREATE TRIGGER acknowledgements_never_truncated BEFORE TRUNCATE ON acknowledgements EXECUTE FUNCTION never_truncated();
ALTER TABLE acknowledgements ENABLE ALWAYS TRIGGER acknowledgements_never_truncated;
CREATE TRIGGER admissions_never_truncated BEFORE TRUNCATE ON admissions EXECUTE FUNCTION never_truncated();
ALTER TABLE admissions ENABLE ALWAYS TRIGGER admissions_never_truncated;
CREATE TRIGGER appointments_never_truncated BEFORE TRUNCATE ON appointments EXECUTE FUNCTION never_truncated();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER appointments_never_truncated;
CREATE TRIGGER attempts_never_truncated BEFORE TRUNCATE ON attempts EXECUTE FUNCTION never_truncated();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER attempts_never_truncated;
CREATE TRIGGER cases_never_truncated BEFORE TRUNCATE ON cases EXECUTE FUNCTION never_truncated();
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_never_truncated;
CREATE TRIGGER conversations_never_truncated BEFORE TRUNCATE ON conversations EXECUTE FUNCTION never_truncated();
ALTER TABLE conversations ENABLE ALWAYS TRIGGER conversations_never_truncated;
CREATE TRIGGER decisions_never_truncated BEFORE TRUNCATE ON decisions EXECUTE FUNCTION never_truncated();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_never_truncated;
CREATE TRIGGER deliveries_never_truncated BEFORE TRUNCATE ON deliveries EXECUTE FUNCTION never_truncated();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER deliveries_never_truncated;
CREATE TRIGGER doubts_never_truncated BEFORE TRUNCATE ON doubts EXECUTE FUNCTION never_truncated();
ALTER TABLE doubts ENABLE ALWAYS TRIGGER doubts_never_truncated;
CREATE TRIGGER draws_never_truncated BEFORE TRUNCATE ON draws EXECUTE FUNCTION never_truncated();
ALTER TABLE draws ENABLE ALWAYS TRIGGER draws_never_truncated;
CREATE TRIGGER examinations_never_truncated BEFORE TRUNCATE ON examinations EXECUTE FUNCTION never_truncated();
ALTER TABLE examinations ENABLE ALWAYS TRIGGER examinations_never_truncated;
CREATE TRIGGER exports_never_truncated BEFORE TRUNCATE ON exports EXECUTE FUNCTION never_truncated();
ALTER TABLE exports ENABLE ALWAYS TRIGGER exports_never_truncated;
CREATE TRIGGER exposures_never_truncated BEFORE TRUNCATE ON exposures EXECUTE FUNCTION never_truncated();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER exposures_never_truncated;
CREATE TRIGGER features_never_truncated BEFORE TRUNCATE ON features EXECUTE FUNCTION never_truncated();
ALTER TABLE features ENABLE ALWAYS TRIGGER features_never_truncated;
CREATE TRIGGER first_reads_never_truncated BEFORE TRUNCATE ON first_reads EXECUTE FUNCTION never_truncated();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER first_reads_never_truncated;
CREATE TRIGGER freeze_ends_never_truncated BEFORE TRUNCATE ON freeze_ends EXECUTE FUNCTION never_truncated();
ALTER TABLE freeze_ends ENABLE ALWAYS TRIGGER freeze_ends_never_truncated;
CREATE TRIGGER freezes_never_truncated BEFORE TRUNCATE ON freezes EXECUTE FUNCTION never_truncated();
ALTER TABLE freezes ENABLE ALWAYS TRIGGER freezes_never_truncated;
CREATE TRIGGER gestures_never_truncated BEFORE TRUNCATE ON gestures EXECUTE FUNCTION never_truncated();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER gestures_never_truncated;
CREATE TRIGGER habilitations_never_truncated BEFORE TRUNCATE ON habilitations EXECUTE FUNCTION never_truncated();
ALTER TABLE habilitations ENABLE ALWAYS TRIGGER habilitations_never_truncated;
CREATE TRIGGER impressions_never_truncated BEFORE TRUNCATE ON impressions EXECUTE FUNCTION never_truncated();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER impressions_never_truncated;
CREATE TRIGGER incident_lines_never_truncated BEFORE TRUNCATE ON incident_lines EXECUTE FUNCTION never_truncated();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER incident_lines_never_truncated;
CREATE TRIGGER incidents_never_truncated BEFORE TRUNCATE ON incidents EXECUTE FUNCTION never_truncated();
ALTER TABLE incidents ENABLE ALWAYS TRIGGER incidents_never_truncated;
CREATE TRIGGER inputs_never_truncated BEFORE TRUNCATE ON inputs EXECUTE FUNCTION never_truncated();
ALTER TABLE inputs ENABLE ALWAYS TRIGGER inputs_never_truncated;
CREATE TRIGGER journal_never_truncated BEFORE TRUNCATE ON journal EXECUTE FUNCTION never_truncated();
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_never_truncated;
CREATE TRIGGER judgements_never_truncated BEFORE TRUNCATE ON judgements EXECUTE FUNCTION never_truncated();
ALTER TABLE judgements ENABLE ALWAYS TRIGGER judgements_never_truncated;
CREATE TRIGGER local_openings_never_truncated BEFORE TRUNCATE ON local_openings EXECUTE FUNCTION never_truncated();
ALTER TABLE local_openings ENABLE ALWAYS TRIGGER local_openings_never_truncated;
CREATE TRIGGER mentions_never_truncated BEFORE TRUNCATE ON mentions EXECUTE FUNCTION never_truncated();
ALTER TABLE mentions ENABLE ALWAYS TRIGGER mentions_never_truncated;
CREATE TRIGGER models_never_truncated BEFORE TRUNCATE ON models EXECUTE FUNCTION never_truncated();
ALTER TABLE models ENABLE ALWAYS TRIGGER models_never_truncated;
CREATE TRIGGER objections_never_truncated BEFORE TRUNCATE ON objections EXECUTE FUNCTION never_truncated();
ALTER TABLE objections ENABLE ALWAYS TRIGGER objections_never_truncated;
CREATE TRIGGER openings_never_truncated BEFORE TRUNCATE ON openings EXECUTE FUNCTION never_truncated();
ALTER TABLE openings ENABLE ALWAYS TRIGGER openings_never_truncated;
CREATE TRIGGER opinions_never_truncated BEFORE TRUNCATE ON opinions EXECUTE FUNCTION never_truncated();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER opinions_never_truncated;
CREATE TRIGGER orders_never_truncated BEFORE TRUNCATE ON orders EXECUTE FUNCTION never_truncated();
ALTER TABLE orders ENABLE ALWAYS TRIGGER orders_never_truncated;
CREATE TRIGGER passkey_ends_never_truncated BEFORE TRUNCATE ON passkey_ends EXECUTE FUNCTION never_truncated();
ALTER TABLE passkey_ends ENABLE ALWAYS TRIGGER passkey_ends_never_truncated;
CREATE TRIGGER passkeys_never_truncated BEFORE TRUNCATE ON passkeys EXECUTE FUNCTION never_truncated();
ALTER TABLE passkeys ENABLE ALWAYS TRIGGER passkeys_never_truncated;
CREATE TRIGGER pauses_never_truncated BEFORE TRUNCATE ON pauses EXECUTE FUNCTION never_truncated();
ALTER TABLE pauses ENABLE ALWAYS TRIGGER pauses_never_truncated;
CREATE TRIGGER policies_never_truncated BEFORE TRUNCATE ON policies EXECUTE FUNCTION never_truncated();
ALTER TABLE policies ENABLE ALWAYS TRIGGER policies_never_truncated;
CREATE TRIGGER preparations_never_truncated BEFORE TRUNCATE ON preparations EXECUTE FUNCTION never_truncated();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER preparations_never_truncated;
CREATE TRIGGER questions_never_truncated BEFORE TRUNCATE ON questions EXECUTE FUNCTION never_truncated();
ALTER TABLE questions ENABLE ALWAYS TRIGGER questions_never_truncated;
CREATE TRIGGER recall_items_never_truncated BEFORE TRUNCATE ON recall_items EXECUTE FUNCTION never_truncated();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER recall_items_never_truncated;
CREATE TRIGGER recalls_never_truncated BEFORE TRUNCATE ON recalls EXECUTE FUNCTION never_truncated();
ALTER TABLE recalls ENABLE ALWAYS TRIGGER recalls_never_truncated;
CREATE TRIGGER receipts_never_truncated BEFORE TRUNCATE ON receipts EXECUTE FUNCTION never_truncated();
ALTER TABLE receipts ENABLE ALWAYS TRIGGER receipts_never_truncated;
CREATE TRIGGER refusals_never_truncated BEFORE TRUNCATE ON refusals EXECUTE FUNCTION never_truncated();
ALTER TABLE refusals ENABLE ALWAYS TRIGGER refusals_never_truncated;
CREATE TRIGGER rejections_never_truncated BEFORE TRUNCATE ON rejections EXECUTE FUNCTION never_truncated();
ALTER TABLE rejections ENABLE ALWAYS TRIGGER rejections_never_truncated;
CREATE TRIGGER releases_never_truncated BEFORE TRUNCATE ON releases EXECUTE FUNCTION never_truncated();
ALTER TABLE releases ENABLE ALWAYS TRIGGER releases_never_truncated;
CREATE TRIGGER renderings_never_truncated BEFORE TRUNCATE ON renderings EXECUTE FUNCTION never_truncated();
ALTER TABLE renderings ENABLE ALWAYS TRIGGER renderings_never_truncated;
CREATE TRIGGER resends_never_truncated BEFORE TRUNCATE ON resends EXECUTE FUNCTION never_truncated();
ALTER TABLE resends ENABLE ALWAYS TRIGGER resends_never_truncated;
CREATE TRIGGER results_never_truncated BEFORE TRUNCATE ON results EXECUTE FUNCTION never_truncated();
ALTER TABLE results ENABLE ALWAYS TRIGGER results_never_truncated;
CREATE TRIGGER retirements_never_truncated BEFORE TRUNCATE ON retirements EXECUTE FUNCTION never_truncated();
ALTER TABLE retirements ENABLE ALWAYS TRIGGER retirements_never_truncated;
CREATE TRIGGER revocations_never_truncated BEFORE TRUNCATE ON revocations EXECUTE FUNCTION never_truncated();
ALTER TABLE revocations ENABLE ALWAYS TRIGGER revocations_never_truncated;
CREATE TRIGGER runs_never_truncated BEFORE TRUNCATE ON runs EXECUTE FUNCTION never_truncated();
ALTER TABLE runs ENABLE ALWAYS TRIGGER runs_never_truncated;
CREATE TRIGGER sign_ins_never_truncated BEFORE TRUNCATE ON sign_ins EXECUTE FUNCTION never_truncated();
ALTER TABLE sign_ins ENABLE ALWAYS TRIGGER sign_ins_never_truncated;
CREATE TRIGGER stages_never_truncated BEFORE TRUNCATE ON stages EXECUTE FUNCTION never_truncated();
ALTER TABLE stages ENABLE ALWAYS TRIGGER stages_never_truncated;
CREATE TRIGGER stops_never_truncated BEFORE TRUNCATE ON stops EXECUTE FUNCTION never_truncated();
ALTER TABLE stops ENABLE ALWAYS TRIGGER stops_never_truncated;
CREATE TRIGGER transitions_never_truncated BEFORE TRUNCATE ON transitions EXECUTE FUNCTION never_truncated();
ALTER TABLE transitions ENABLE ALWAYS TRIGGER transitions_never_truncated;
CREATE TRIGGER trial_ends_never_truncated BEFORE TRUNCATE ON trial_ends EXECUTE FUNCTION never_truncated();
ALTER TABLE trial_ends ENABLE ALWAYS TRIGGER trial_ends_never_truncated;
CREATE TRIGGER trials_never_truncated BEFORE TRUNCATE ON trials EXECUTE FUNCTION never_truncated();
ALTER TABLE trials ENABLE ALWAYS TRIGGER trials_never_truncated;
CREATE TRIGGER users_never_truncated BEFORE TRUNCATE ON users EXECUTE FUNCTION never_truncated();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_never_truncated;
CREATE TRIGGER withdrawals_never_truncated BEFORE TRUNCATE ON withdrawals EXECUTE FUNCTION never_truncated();
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER withdrawals_never_truncated;

CREATE FUNCTION note_user_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('user.added', NEW.login, json_build_object('role', NEW.role)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_user_added AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION note_user_added();
ALTER TABLE users ENABLE ALWAYS TRIGGER note_user_added;

CREATE FUNCTION note_user_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF NEW.role <> OLD.role OR NEW.active <> OLD.active OR NEW.password <> OLD.password OR NEW.second_factor <> OLD.second_factor THEN PERFORM aval_journal('user.changed', NEW.login, json_build_object('role', NEW.role, 'active', NEW.active)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_user_changed AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note_user_changed();
ALTER TABLE users ENABLE ALWAYS TRIGGER note_user_changed;

CREATE FUNCTION note_sign_in() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('session.' || NEW.outcome, NEW.id, json_build_object('login', NEW.login, 'auth', NEW.auth)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_sign_in AFTER INSERT ON sign_ins FOR EACH ROW EXECUTE FUNCTION note_sign_in();
ALTER TABLE sign_ins ENABLE ALWAYS TRIGGER note_sign_in;

CREATE FUNCTION note_local_opening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal(CASE WHEN NEW.until > NEW.at THEN 'local-accounts.opened' ELSE 'local-accounts.closed' END, CAST(NEW.seq AS TEXT), json_build_object('until', NEW.until, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_local_opening AFTER INSERT ON local_openings FOR EACH ROW EXECUTE FUNCTION note_local_opening();
ALTER TABLE local_openings ENABLE ALWAYS TRIGGER note_local_opening;

CREATE FUNCTION note_right_given() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('right.given', NEW.id, json_build_object('person', NEW.person, 'model', NEW.model, 'major', NEW.major, 'site', NEW.site, 'act', NEW.act, 'evidence_sha256', aval_sha256(NEW.evidence), 'by', NEW.by_whom, 'since', NEW.since, 'until', NEW.until)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_right_given AFTER INSERT ON habilitations FOR EACH ROW EXECUTE FUNCTION note_right_given();
ALTER TABLE habilitations ENABLE ALWAYS TRIGGER note_right_given;

CREATE FUNCTION note_right_revoked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('right.revoked', NEW.grant_id, json_build_object('holds', NEW.holds, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_right_revoked AFTER INSERT ON revocations FOR EACH ROW EXECUTE FUNCTION note_right_revoked();
ALTER TABLE revocations ENABLE ALWAYS TRIGGER note_right_revoked;

CREATE FUNCTION note_refusal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('refusal.' || NEW.cause, NEW.result_id, json_build_object('reader', NEW.login)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_refusal AFTER INSERT ON refusals FOR EACH ROW EXECUTE FUNCTION note_refusal();
ALTER TABLE refusals ENABLE ALWAYS TRIGGER note_refusal;

CREATE FUNCTION note_policy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('policy.added', NEW.ref, json_build_object('sha256', aval_sha256(NEW.body))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_policy AFTER INSERT ON policies FOR EACH ROW EXECUTE FUNCTION note_policy();
ALTER TABLE policies ENABLE ALWAYS TRIGGER note_policy;

CREATE FUNCTION note_draw() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('draw.committed', NEW.policy, json_build_object('seed_sha256', aval_sha256(NEW.seed), 'drawn_below', NEW.drawn_below)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_draw AFTER INSERT ON draws FOR EACH ROW EXECUTE FUNCTION note_draw();
ALTER TABLE draws ENABLE ALWAYS TRIGGER note_draw;

CREATE FUNCTION note_model() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('model.added', NEW.id, json_build_object('digest', NEW.digest, 'card', NEW.card, 'follows', NEW.follows, 'changed', NEW.changed, 'revalidation', NEW.revalidation, 'publisher', NEW.publisher, 'key', NEW.signing_key)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_model AFTER INSERT ON models FOR EACH ROW EXECUTE FUNCTION note_model();
ALTER TABLE models ENABLE ALWAYS TRIGGER note_model;

CREATE FUNCTION note_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('model.' || NEW.stage, NEW.model_id, json_build_object('n', NEW.n, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_stage AFTER INSERT ON stages FOR EACH ROW EXECUTE FUNCTION note_stage();
ALTER TABLE stages ENABLE ALWAYS TRIGGER note_stage;

CREATE FUNCTION note_model_retired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('model.retired', NEW.model_id, json_build_object('by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_model_retired AFTER INSERT ON retirements FOR EACH ROW EXECUTE FUNCTION note_model_retired();
ALTER TABLE retirements ENABLE ALWAYS TRIGGER note_model_retired;

CREATE FUNCTION note_appointment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('appointment.' || NEW.step, NEW.name, json_build_object('model', NEW.model_id, 'line', NEW.seq, 'by', NEW.by_whom, 'second', NEW.second)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_appointment AFTER INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION note_appointment();
ALTER TABLE appointments ENABLE ALWAYS TRIGGER note_appointment;

CREATE FUNCTION note_trial() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('trial.begun', NEW.id, json_build_object('model', NEW.model_id, 'under', NEW.under, 'shadow', NEW.shadow, 'share', NEW.share, 'site', NEW.site, 'seed', NEW.seed, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_trial AFTER INSERT ON trials FOR EACH ROW EXECUTE FUNCTION note_trial();
ALTER TABLE trials ENABLE ALWAYS TRIGGER note_trial;

CREATE FUNCTION note_trial_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('trial.ended', NEW.trial_id, json_build_object('by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_trial_ended AFTER INSERT ON trial_ends FOR EACH ROW EXECUTE FUNCTION note_trial_ended();
ALTER TABLE trial_ends ENABLE ALWAYS TRIGGER note_trial_ended;

CREATE FUNCTION note_passkey() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('passkey.added', NEW.login, json_build_object('passkey', NEW.id, 'algorithm', NEW.algorithm, 'public_key', NEW.public_key)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_passkey AFTER INSERT ON passkeys FOR EACH ROW EXECUTE FUNCTION note_passkey();
ALTER TABLE passkeys ENABLE ALWAYS TRIGGER note_passkey;

CREATE FUNCTION note_passkey_revoked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('passkey.revoked', (SELECT p.login FROM passkeys p WHERE p.id = NEW.passkey), json_build_object('passkey', NEW.passkey, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_passkey_revoked AFTER INSERT ON passkey_ends FOR EACH ROW EXECUTE FUNCTION note_passkey_revoked();
ALTER TABLE passkey_ends ENABLE ALWAYS TRIGGER note_passkey_revoked;

CREATE FUNCTION note_destination_rests() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF (NEW.rests_until IS NULL) <> (OLD.rests_until IS NULL) THEN PERFORM aval_journal(CASE WHEN NEW.rests_until IS NULL THEN 'destination.answers' ELSE 'destination.rests' END, NEW.name, json_build_object('failures', NEW.failures, 'cause', NEW.cause_code)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_destination_rests AFTER UPDATE ON destinations FOR EACH ROW EXECUTE FUNCTION note_destination_rests();
ALTER TABLE destinations ENABLE ALWAYS TRIGGER note_destination_rests;

CREATE FUNCTION note_pause() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('destination.' || NEW.action, NEW.destination, json_build_object('by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_pause AFTER INSERT ON pauses FOR EACH ROW EXECUTE FUNCTION note_pause();
ALTER TABLE pauses ENABLE ALWAYS TRIGGER note_pause;

CREATE FUNCTION note_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('stop.' || NEW.action, NEW.scope || ':' || NEW.target, json_build_object('by', NEW.by_whom, 'second', NEW.second)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_stop AFTER INSERT ON stops FOR EACH ROW EXECUTE FUNCTION note_stop();
ALTER TABLE stops ENABLE ALWAYS TRIGGER note_stop;

CREATE FUNCTION note_examination() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal(CASE WHEN NEW.failure = '' THEN 'examination.passed' ELSE 'examination.failed' END, NEW.model_id, json_build_object('by', NEW.by_whom, 'cases', NEW.cases)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_examination AFTER INSERT ON examinations FOR EACH ROW EXECUTE FUNCTION note_examination();
ALTER TABLE examinations ENABLE ALWAYS TRIGGER note_examination;

CREATE FUNCTION note_incident() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('incident.reported', NEW.result_id, json_build_object('incident', NEW.id, 'by', NEW.by_whom, 'caught', NEW.caught)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_incident AFTER INSERT ON incidents FOR EACH ROW EXECUTE FUNCTION note_incident();
ALTER TABLE incidents ENABLE ALWAYS TRIGGER note_incident;

CREATE FUNCTION note_incident_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('incident.' || NEW.kind, coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id), json_build_object('incident', NEW.incident_id, 'n', NEW.n, 'subject', NEW.subject, 'grade', CASE WHEN NEW.kind = 'grade' THEN NEW.word ELSE '' END, 'by', NEW.by_whom, 'second', NEW.second, 'note_sha256', aval_sha256(NEW.note))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_incident_line AFTER INSERT ON incident_lines FOR EACH ROW EXECUTE FUNCTION note_incident_line();
ALTER TABLE incident_lines ENABLE ALWAYS TRIGGER note_incident_line;

CREATE FUNCTION note_freeze() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('evidence.frozen', coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id), json_build_object('incident', NEW.incident_id, 'freeze', NEW.id, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_freeze AFTER INSERT ON freezes FOR EACH ROW EXECUTE FUNCTION note_freeze();
ALTER TABLE freezes ENABLE ALWAYS TRIGGER note_freeze;

CREATE FUNCTION note_freeze_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('evidence.released', coalesce((SELECT i.result_id FROM freezes f JOIN incidents i ON i.id = f.incident_id WHERE f.id = NEW.freeze_id), NEW.freeze_id), json_build_object('freeze', NEW.freeze_id, 'by', NEW.by_whom, 'second', NEW.second)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_freeze_end AFTER INSERT ON freeze_ends FOR EACH ROW EXECUTE FUNCTION note_freeze_end();
ALTER TABLE freeze_ends ENABLE ALWAYS TRIGGER note_freeze_end;

CREATE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('order.' || NEW.status, NEW.id, json_build_object('sender', NEW.sender, 'message', NEW.message)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_order AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_order();
ALTER TABLE orders ENABLE ALWAYS TRIGGER note_order;

CREATE FUNCTION note_objection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('objection.' || NEW.word, NEW.id, json_build_object('by', NEW.by_whom, 'source_sha256', aval_sha256(NEW.source))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_objection AFTER INSERT ON objections FOR EACH ROW EXECUTE FUNCTION note_objection();
ALTER TABLE objections ENABLE ALWAYS TRIGGER note_objection;

CREATE FUNCTION note_case_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('case.' || NEW.state, NEW.id, json_build_object('kind', NEW.kind, 'revision', NEW.revision, 'site', NEW.site)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_case_opened AFTER INSERT ON cases FOR EACH ROW EXECUTE FUNCTION note_case_opened();
ALTER TABLE cases ENABLE ALWAYS TRIGGER note_case_opened;

CREATE FUNCTION note_case_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF NEW.state <> OLD.state THEN PERFORM aval_journal('case.' || NEW.state, NEW.id, json_build_object('from', OLD.state, 'manifest', NEW.manifest, 'cause', NEW.cause)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_case_moved AFTER UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION note_case_moved();
ALTER TABLE cases ENABLE ALWAYS TRIGGER note_case_moved;

CREATE FUNCTION note_case_reidentified() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF NEW.identity_version <> OLD.identity_version THEN PERFORM aval_journal('case.identity-changed', NEW.id, json_build_object('identity_version', NEW.identity_version)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_case_reidentified AFTER UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION note_case_reidentified();
ALTER TABLE cases ENABLE ALWAYS TRIGGER note_case_reidentified;

CREATE FUNCTION note_admission() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('admission.' || NEW.verdict, NEW.case_id, json_build_object('by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_admission AFTER INSERT ON admissions FOR EACH ROW EXECUTE FUNCTION note_admission();
ALTER TABLE admissions ENABLE ALWAYS TRIGGER note_admission;

CREATE FUNCTION note_case_judged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('judgement.' || NEW.verdict, NEW.case_id, json_build_object('how', NEW.how, 'instances', NEW.instances)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_case_judged AFTER INSERT ON judgements FOR EACH ROW EXECUTE FUNCTION note_case_judged();
ALTER TABLE judgements ENABLE ALWAYS TRIGGER note_case_judged;

CREATE FUNCTION note_opening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal(CASE WHEN NEW.case_id IS NULL THEN 'launch.found-nothing' ELSE 'launch.opened' END, coalesce(NEW.case_id, NEW.id), json_build_object('by', NEW.login, 'from', NEW.launcher)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_opening AFTER INSERT ON openings FOR EACH ROW EXECUTE FUNCTION note_opening();
ALTER TABLE openings ENABLE ALWAYS TRIGGER note_opening;

CREATE FUNCTION note_result_queued() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('result.' || NEW.state, NEW.id, json_build_object('case', NEW.case_id, 'manifest', NEW.manifest, 'model', NEW.model_id, 'mode', NEW.mode, 'policy', NEW.policy)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_result_queued AFTER INSERT ON results FOR EACH ROW EXECUTE FUNCTION note_result_queued();
ALTER TABLE results ENABLE ALWAYS TRIGGER note_result_queued;

CREATE FUNCTION note_result_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF NEW.state <> OLD.state THEN PERFORM aval_journal('result.' || NEW.state, NEW.id, json_build_object('from', OLD.state, 'draft', NEW.draft, 'cause', NEW.cause_code)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_result_moved AFTER UPDATE ON results FOR EACH ROW EXECUTE FUNCTION note_result_moved();
ALTER TABLE results ENABLE ALWAYS TRIGGER note_result_moved;

CREATE FUNCTION note_draft_shown() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('draft.shown', NEW.result_id, json_build_object('reader', NEW.reader, 'shown', NEW.shown, 'from', NEW.opened_from)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_draft_shown AFTER INSERT ON questions FOR EACH ROW EXECUTE FUNCTION note_draft_shown();
ALTER TABLE questions ENABLE ALWAYS TRIGGER note_draft_shown;

CREATE FUNCTION note_first_read() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('first-read.opened', NEW.result_id, json_build_object('reader', NEW.reader)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_first_read AFTER INSERT ON first_reads FOR EACH ROW EXECUTE FUNCTION note_first_read();
ALTER TABLE first_reads ENABLE ALWAYS TRIGGER note_first_read;

CREATE FUNCTION note_impression() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('first-read.impression', NEW.result_id, json_build_object('impression', NEW.id, 'reader', NEW.reader, 'said_sha256', aval_sha256(NEW.id || ':' || NEW.word || ':' || NEW.at || ':' || NEW.note))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_impression AFTER INSERT ON impressions FOR EACH ROW EXECUTE FUNCTION note_impression();
ALTER TABLE impressions ENABLE ALWAYS TRIGGER note_impression;

CREATE FUNCTION note_exposure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('exposure.' || NEW.surface, NEW.result_id, json_build_object('exposure', NEW.id, 'reader', NEW.reader, 'shown', NEW.shown)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_exposure AFTER INSERT ON exposures FOR EACH ROW EXECUTE FUNCTION note_exposure();
ALTER TABLE exposures ENABLE ALWAYS TRIGGER note_exposure;

CREATE FUNCTION note_preparation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('preparation.' || NEW.verdict, NEW.result_id, json_build_object('preparation', NEW.id, 'reader', NEW.reader, 'right', NEW.grant_id, 'shown', NEW.shown, 'content', NEW.content, 'statement_sha256', aval_sha256(NEW.statement), 'key', NEW.seal_key, 'signature', NEW.signature)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_preparation AFTER INSERT ON preparations FOR EACH ROW EXECUTE FUNCTION note_preparation();
ALTER TABLE preparations ENABLE ALWAYS TRIGGER note_preparation;

CREATE FUNCTION note_opinion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('opinion.' || NEW.verdict, NEW.result_id, json_build_object('opinion', NEW.id, 'reader', NEW.reader, 'right', NEW.grant_id, 'shown', NEW.shown, 'content', NEW.content, 'first_read', NEW.first_read, 'prepared', NEW.prepared, 'statement_sha256', aval_sha256(NEW.statement), 'key', NEW.seal_key, 'signature', NEW.signature)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_opinion AFTER INSERT ON opinions FOR EACH ROW EXECUTE FUNCTION note_opinion();
ALTER TABLE opinions ENABLE ALWAYS TRIGGER note_opinion;

CREATE FUNCTION note_gesture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('gesture.made', (SELECT o.result_id FROM opinions o WHERE o.id = NEW.opinion_id), json_build_object('opinion', NEW.opinion_id, 'passkey', NEW.passkey, 'authenticator_data', NEW.authenticator_data, 'client_data', NEW.client_data, 'signature', NEW.signature)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_gesture AFTER INSERT ON gestures FOR EACH ROW EXECUTE FUNCTION note_gesture();
ALTER TABLE gestures ENABLE ALWAYS TRIGGER note_gesture;

CREATE FUNCTION note_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('decision.' || NEW.verdict, NEW.result_id, json_build_object('decision', NEW.id, 'opinion', NEW.opinion_id, 'policy', NEW.policy, 'content', NEW.content)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_decision AFTER INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION note_decision();
ALTER TABLE decisions ENABLE ALWAYS TRIGGER note_decision;

CREATE FUNCTION note_withdrawal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('withdrawal.' || NEW.reason, NEW.result_id, json_build_object('withdrawal', NEW.id, 'by', NEW.by_whom, 'notice', NEW.content)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_withdrawal AFTER INSERT ON withdrawals FOR EACH ROW EXECUTE FUNCTION note_withdrawal();
ALTER TABLE withdrawals ENABLE ALWAYS TRIGGER note_withdrawal;

CREATE FUNCTION note_export() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('export.' || NEW.profile, NEW.result_id, json_build_object('export', NEW.id, 'decision', NEW.decision_id, 'by', NEW.by_whom, 'objects', NEW.objects)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_export AFTER INSERT ON exports FOR EACH ROW EXECUTE FUNCTION note_export();
ALTER TABLE exports ENABLE ALWAYS TRIGGER note_export;

CREATE FUNCTION note_access() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('access.patient', NEW.id, json_build_object('by', NEW.by_whom, 'lines', NEW.lines, 'objects', NEW.objects)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_access AFTER INSERT ON accesses FOR EACH ROW EXECUTE FUNCTION note_access();
ALTER TABLE accesses ENABLE ALWAYS TRIGGER note_access;

CREATE FUNCTION note_release() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('release.' || NEW.kind, NEW.result_id, json_build_object('release', NEW.id, 'content', NEW.content, 'terms_sha256', aval_sha256(NEW.terms), 'key', NEW.seal_key, 'signature', NEW.signature)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_release AFTER INSERT ON releases FOR EACH ROW EXECUTE FUNCTION note_release();
ALTER TABLE releases ENABLE ALWAYS TRIGGER note_release;

CREATE FUNCTION note_delivery_attempted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('delivery.attempted', NEW.delivery_id, json_build_object('n', NEW.n, 'package', NEW.package)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_delivery_attempted AFTER INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION note_delivery_attempted();
ALTER TABLE attempts ENABLE ALWAYS TRIGGER note_delivery_attempted;

CREATE FUNCTION note_delivery_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  IF NEW.state <> OLD.state THEN PERFORM aval_journal('delivery.' || NEW.state, NEW.id, json_build_object('result', NEW.result_id, 'destination', NEW.destination, 'cause', NEW.cause_code)::text); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_delivery_moved AFTER UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION note_delivery_moved();
ALTER TABLE deliveries ENABLE ALWAYS TRIGGER note_delivery_moved;

CREATE FUNCTION note_receipt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('delivery.receipt', NEW.delivery_id, json_build_object('attempt', NEW.attempt, 'method', NEW.method, 'package', NEW.package)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_receipt AFTER INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION note_receipt();
ALTER TABLE receipts ENABLE ALWAYS TRIGGER note_receipt;

CREATE FUNCTION note_resend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('delivery.ordered-again', NEW.release_id, json_build_object('destination', NEW.destination, 'round', NEW.round, 'by', NEW.by_whom)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_resend AFTER INSERT ON resends FOR EACH ROW EXECUTE FUNCTION note_resend();
ALTER TABLE resends ENABLE ALWAYS TRIGGER note_resend;

CREATE FUNCTION note_recall() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('recall.' || NEW.reason, NEW.id, json_build_object('many', NEW.many, 'by', NEW.by_whom, 'second', NEW.second)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_recall AFTER INSERT ON recalls FOR EACH ROW EXECUTE FUNCTION note_recall();
ALTER TABLE recalls ENABLE ALWAYS TRIGGER note_recall;

CREATE FUNCTION note_recalled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('recall.item', NEW.result_id, json_build_object('recall', NEW.recall_id)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_recalled AFTER INSERT ON recall_items FOR EACH ROW EXECUTE FUNCTION note_recalled();
ALTER TABLE recall_items ENABLE ALWAYS TRIGGER note_recalled;

CREATE FUNCTION note_acknowledgement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN
  PERFORM aval_journal('withdrawal.acknowledged', NEW.result_id, json_build_object('by', NEW.login)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER note_acknowledgement AFTER INSERT ON acknowledgements FOR EACH ROW EXECUTE FUNCTION note_acknowledgement();
ALTER TABLE acknowledgements ENABLE ALWAYS TRIGGER note_acknowledgement;
