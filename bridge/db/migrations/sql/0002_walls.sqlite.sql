-- Written from bridge/db/walls.py by `python -m bridge.db.ddl`; a test asserts that it is up to date.

-- SQLite has no SHA-256 and no session variables: each connection that writes brings the functions aval_now(),
-- aval_actor(), aval_role(), aval_sha256(text), aval_challenge(text) and aval_link(...), registered by
-- bridge/db/engine.py. A connection without them cannot move anything, because it cannot write the journal.

CREATE TRIGGER cases_start BEFORE INSERT ON cases FOR EACH ROW
WHEN (NEW.state = 'receiving' AND NEW.version = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_start: a case starts as receiving'); END;

CREATE TRIGGER cases_follow_life BEFORE UPDATE ON cases FOR EACH ROW
WHEN (NEW.state <> OLD.state) AND (EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'case' AND t.source = OLD.state AND t.target = NEW.state)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_follow_life: the life of a case has no such step'); END;

CREATE TRIGGER cases_one_step_at_a_time BEFORE UPDATE ON cases FOR EACH ROW
WHEN (NEW.version = OLD.version + (CASE WHEN NEW.state <> OLD.state THEN 1 ELSE 0 END)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_one_step_at_a_time: somebody else moved this case meanwhile'); END;

CREATE TRIGGER cases_frozen BEFORE UPDATE ON cases FOR EACH ROW
WHEN (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.kind IS NOT DISTINCT FROM OLD.kind AND NEW.uid IS NOT DISTINCT FROM OLD.uid AND NEW.revision IS NOT DISTINCT FROM OLD.revision AND NEW.site IS NOT DISTINCT FROM OLD.site AND NEW.admitted IS NOT DISTINCT FROM OLD.admitted) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_frozen: cases: what a row is about never changes'); END;

CREATE TRIGGER cases_identity_counts_its_versions BEFORE UPDATE ON cases FOR EACH ROW
WHEN (NEW.patient_identifier IS DISTINCT FROM OLD.patient_identifier OR NEW.patient_issuer IS DISTINCT FROM OLD.patient_issuer OR NEW.patient_name IS DISTINCT FROM OLD.patient_name OR NEW.patient_birth_date IS DISTINCT FROM OLD.patient_birth_date OR NEW.patient_sex IS DISTINCT FROM OLD.patient_sex OR NEW.patient_reference IS DISTINCT FROM OLD.patient_reference OR NEW.identity_version IS DISTINCT FROM OLD.identity_version) AND (NEW.identity_version = OLD.identity_version + 1) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_identity_counts_its_versions: another identity behind a case is another identity version: drafts made before it are stale'); END;

CREATE TRIGGER cases_manifest_written_once BEFORE UPDATE ON cases FOR EACH ROW
WHEN (OLD.manifest IS NOT NULL) AND (NEW.manifest = OLD.manifest) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_manifest_written_once: the inputs of a complete case never change: late inputs open a new revision'); END;

CREATE TRIGGER cases_complete_without_a_doubt BEFORE UPDATE ON cases FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'complete') AND (NOT EXISTS (SELECT 1 FROM doubts d JOIN cases c ON c.id = d.case_id WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND d.holds = 1 AND NOT EXISTS (SELECT 1 FROM admissions a JOIN cases b ON b.id = a.case_id WHERE b.kind = c.kind AND b.uid = c.uid AND b.revision >= c.revision AND a.verdict = 'admit'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_complete_without_a_doubt: a person must first say whether these inputs belong together: aval cases'); END;

CREATE TRIGGER cases_go_on_after_a_hold_by_admission BEFORE INSERT ON cases FOR EACH ROW
WHEN (NEW.revision > 1) AND (EXISTS (SELECT 1 FROM cases c WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND c.revision = NEW.revision - 1 AND (c.state = 'superseded' OR EXISTS (SELECT 1 FROM admissions a WHERE a.case_id = c.id AND a.verdict = 'admit')))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_go_on_after_a_hold_by_admission: a revision follows one that late inputs superseded, or that a person admitted'); END;

CREATE TRIGGER cases_admitted_by_somebody BEFORE INSERT ON cases FOR EACH ROW
WHEN (NEW.admitted <> '') AND (EXISTS (SELECT 1 FROM admissions a JOIN cases c ON c.id = a.case_id WHERE c.kind = NEW.kind AND c.uid = NEW.uid AND c.revision < NEW.revision AND a.verdict = 'admit')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_admitted_by_somebody: nobody admitted this case'); END;

CREATE TRIGGER admissions_of_held_cases BEFORE INSERT ON admissions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = 'quarantined')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall admissions_of_held_cases: only a held case is admitted, or kept apart'); END;

CREATE TRIGGER results_start BEFORE INSERT ON results FOR EACH ROW
WHEN (NEW.state = 'queued' AND NEW.version = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_start: a result starts as queued'); END;

CREATE TRIGGER results_follow_life BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state) AND (EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'result' AND t.source = OLD.state AND t.target = NEW.state)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_follow_life: the life of a result has no such step'); END;

CREATE TRIGGER results_one_step_at_a_time BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.version = OLD.version + (CASE WHEN NEW.state <> OLD.state THEN 1 ELSE 0 END)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_one_step_at_a_time: somebody else moved this result meanwhile'); END;

CREATE TRIGGER results_frozen BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.case_id IS NOT DISTINCT FROM OLD.case_id AND NEW.manifest IS NOT DISTINCT FROM OLD.manifest AND NEW.model_id IS NOT DISTINCT FROM OLD.model_id AND NEW.focus IS NOT DISTINCT FROM OLD.focus AND NEW.mode IS NOT DISTINCT FROM OLD.mode AND NEW.priority IS NOT DISTINCT FROM OLD.priority AND NEW.policy IS NOT DISTINCT FROM OLD.policy AND NEW.identity_version IS NOT DISTINCT FROM OLD.identity_version) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_frozen: results: what a row is about never changes'); END;

CREATE TRIGGER results_draft_written_once BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.draft IS NOT NULL OR OLD.draft IS NOT NULL) AND (NEW.draft = OLD.draft OR (OLD.draft IS NULL AND OLD.state = 'queued' AND NEW.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_draft_written_once: a draft is written once, when a model answers'); END;

CREATE TRIGGER results_drafted_by_versions_in_use BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'awaiting_review') AND (NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_drafted_by_versions_in_use: this model version is retired: it makes no more drafts'); END;

CREATE TRIGGER results_decided_by_a_decision BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state IN ('validated', 'amended', 'rejected')) AND (EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.id AND d.shown = NEW.draft AND d.verdict = CASE NEW.state WHEN 'validated' THEN 'accept' WHEN 'amended' THEN 'amend' ELSE 'reject' END)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_decided_by_a_decision: only a recorded decision decides'); END;

CREATE TRIGGER results_delivered_with_receipts BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'delivered') AND (EXISTS (SELECT 1 FROM releases r WHERE r.result_id = NEW.id AND r.kind = 'result') AND NOT EXISTS (SELECT 1 FROM releases r JOIN renderings g ON g.release_id = r.id WHERE r.result_id = NEW.id AND r.kind = 'result' AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = r.id AND d.destination = g.destination AND d.state = 'confirmed'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_delivered_with_receipts: delivered means confirmed by every destination of the release'); END;

CREATE TRIGGER results_overtaken_before_anything_left BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'stale') AND (NOT EXISTS (SELECT 1 FROM deliveries d JOIN attempts a ON a.delivery_id = d.id WHERE d.result_id = NEW.id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_overtaken_before_anything_left: a copy may already be outside: withdraw the result instead'); END;

CREATE TRIGGER results_retracted_by_a_withdrawal BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'retracted') AND (EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_retracted_by_a_withdrawal: only a recorded withdrawal retracts'); END;

CREATE TRIGGER cases_never_deleted BEFORE DELETE ON cases FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall cases_never_deleted: cases are never deleted'); END;

CREATE TRIGGER inputs_never_deleted BEFORE DELETE ON inputs FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall inputs_never_deleted: inputs are never deleted'); END;

CREATE TRIGGER results_never_deleted BEFORE DELETE ON results FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_never_deleted: results are never deleted'); END;

CREATE TRIGGER users_never_deleted BEFORE DELETE ON users FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall users_never_deleted: users are never deleted'); END;

CREATE TRIGGER deliveries_never_deleted BEFORE DELETE ON deliveries FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_never_deleted: deliveries are never deleted'); END;

CREATE TRIGGER recall_items_never_deleted BEFORE DELETE ON recall_items FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recall_items_never_deleted: recall_items are never deleted'); END;

CREATE TRIGGER inputs_never_updated BEFORE UPDATE ON inputs FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall inputs_never_updated: what was received is never edited'); END;

CREATE TRIGGER questions_on_open_drafts BEFORE INSERT ON questions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall questions_on_open_drafts: nobody is asked about a result that is not awaiting review'); END;

CREATE TRIGGER opinions_on_open_drafts BEFORE INSERT ON opinions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_on_open_drafts: the result is no longer awaiting review'); END;

CREATE TRIGGER opinions_in_an_unchanged_world BEFORE INSERT ON opinions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_in_an_unchanged_world: inputs or identity changed since the draft was made'); END;

CREATE TRIGGER opinions_not_while_held BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_not_while_held: the model is stopped: the result is held'); END;

CREATE TRIGGER opinions_in_time BEFORE INSERT ON opinions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_in_time: the question is out of date: open the draft again'); END;

CREATE TRIGGER opinions_by_active_people BEFORE INSERT ON opinions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_by_active_people: this person''s account is closed'); END;

CREATE TRIGGER decisions_on_open_drafts BEFORE INSERT ON decisions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_on_open_drafts: the result is no longer awaiting review'); END;

CREATE TRIGGER decisions_in_an_unchanged_world BEFORE INSERT ON decisions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_in_an_unchanged_world: inputs or identity changed since the opinions were given'); END;

CREATE TRIGGER decisions_not_while_held BEFORE INSERT ON decisions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_not_while_held: the model is stopped: the result is held'); END;

CREATE TRIGGER decisions_satisfy_the_policy BEFORE INSERT ON decisions FOR EACH ROW
WHEN (NEW.verdict <> 'reject') AND ((SELECT count(DISTINCT o.reader) FROM opinions o WHERE o.result_id = NEW.result_id AND o.content = NEW.content) >= (SELECT p.readers FROM policies p WHERE p.ref = NEW.policy)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_satisfy_the_policy: the policy asks for more readers of the same content'); END;

CREATE TRIGGER decisions_heed_every_refusal BEFORE INSERT ON decisions FOR EACH ROW
WHEN (NEW.verdict <> 'reject') AND (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.verdict = 'reject')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_heed_every_refusal: a reader said no'); END;

CREATE TRIGGER withdrawals_of_what_was_released BEFORE INSERT ON withdrawals FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM releases r WHERE r.decision_id = NEW.decision_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall withdrawals_of_what_was_released: what was never released cannot be withdrawn'); END;

CREATE TRIGGER renderings_as_sealed BEFORE INSERT ON renderings FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM releases r WHERE r.id = NEW.release_id AND r.terms <> replace(r.terms, '{"destination":"' || NEW.destination || '","package":"' || NEW.package || '"}', ''))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall renderings_as_sealed: the sealed terms of the release name no such package for no such destination'); END;

CREATE TRIGGER deliveries_frozen BEFORE UPDATE ON deliveries FOR EACH ROW
WHEN (NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.release_id IS NOT DISTINCT FROM OLD.release_id AND NEW.kind IS NOT DISTINCT FROM OLD.kind AND NEW.result_id IS NOT DISTINCT FROM OLD.result_id AND NEW.destination IS NOT DISTINCT FROM OLD.destination AND NEW.round IS NOT DISTINCT FROM OLD.round AND NEW.package IS NOT DISTINCT FROM OLD.package AND NEW.added_at IS NOT DISTINCT FROM OLD.added_at) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_frozen: deliveries: what a row is about never changes'); END;

CREATE TRIGGER deliveries_start BEFORE INSERT ON deliveries FOR EACH ROW
WHEN (NEW.state = 'due') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_start: a delivery starts as due'); END;

CREATE TRIGGER deliveries_confirmed_by_a_receipt BEFORE UPDATE ON deliveries FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'confirmed') AND (EXISTS (SELECT 1 FROM receipts r WHERE r.delivery_id = NEW.id AND r.package = NEW.package)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_confirmed_by_a_receipt: only a receipt confirms'); END;

CREATE TRIGGER deliveries_final BEFORE UPDATE ON deliveries FOR EACH ROW
WHEN (NEW.state <> OLD.state) AND (OLD.state = 'due') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_final: a delivery that ended is final: to send again is another delivery, which a person asks for'); END;

CREATE TRIGGER resends_of_ended_deliveries BEFORE INSERT ON resends FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = NEW.release_id AND d.destination = NEW.destination AND d.round = NEW.round - 1 AND d.state IN ('confirmed', 'declined'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall resends_of_ended_deliveries: only what was confirmed or declined there is sent again'); END;

CREATE TRIGGER deliveries_sent_again_by_order BEFORE INSERT ON deliveries FOR EACH ROW
WHEN (NEW.round <> 0) AND (EXISTS (SELECT 1 FROM resends o WHERE o.release_id = NEW.release_id AND o.destination = NEW.destination AND o.round = NEW.round)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall deliveries_sent_again_by_order: nobody asked for this to be sent again'); END;

CREATE TRIGGER attempts_on_due_deliveries BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND d.state = 'due')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_on_due_deliveries: this delivery is not due'); END;

CREATE TRIGGER attempts_on_decided_results BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d JOIN results r ON r.id = d.result_id WHERE d.id = NEW.delivery_id AND (d.kind = 'result' AND (r.state IN ('validated', 'amended') OR d.round > 0 AND r.state = 'delivered') OR d.kind = 'withdrawal' AND r.state = 'retracted'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_on_decided_results: the result is not decided, or no longer'); END;

CREATE TRIGGER attempts_in_an_unchanged_world BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = d.result_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_in_an_unchanged_world: inputs or identity changed since the decision: nothing more is sent'); END;

CREATE TRIGGER attempts_not_while_held BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = d.result_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_not_while_held: the model is stopped: nothing is sent'); END;

CREATE TRIGGER attempts_not_while_paused BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND NOT EXISTS (SELECT 1 FROM paused_destinations p WHERE p.destination = d.destination))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_not_while_paused: the destination is paused: nothing is sent there'); END;

CREATE TRIGGER appointments_follow BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NEW.seq > coalesce((SELECT max(a.seq) FROM appointments a), 0) AND CASE NEW.step WHEN 'first' THEN NEW.below IS NULL AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.name = NEW.name) WHEN 'promote' THEN EXISTS (SELECT 1 FROM routine_versions v WHERE v.name = NEW.name AND v.seq = NEW.below AND v.model_id <> NEW.model_id) WHEN 'rollback' THEN EXISTS (SELECT 1 FROM routine_versions v JOIN appointments b ON b.seq = v.below WHERE v.name = NEW.name AND b.model_id = NEW.model_id AND b.below IS NOT DISTINCT FROM NEW.below) ELSE 1 = 0 END) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_follow: this does not follow from the version in routine: somebody appointed another one meanwhile'); END;

CREATE TRIGGER appointments_of_versions_in_use BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_of_versions_in_use: this model version is retired'); END;

CREATE TRIGGER trials_against_the_version_in_routine BEFORE INSERT ON trials FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM routine_versions v WHERE v.seq = NEW.under AND v.name = NEW.name AND v.model_id <> NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_against_the_version_in_routine: a version is tried against the one in routine of its name'); END;

CREATE TRIGGER trials_of_versions_in_use BEFORE INSERT ON trials FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_of_versions_in_use: this model version is retired'); END;

CREATE TRIGGER trials_one_at_a_place BEFORE INSERT ON trials FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.name = NEW.name AND (t.site = NEW.site OR t.site = '' OR NEW.site = ''))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_one_at_a_place: another trial of this model covers the place: end it first'); END;

CREATE TRIGGER results_for_care_by_appointment BEFORE INSERT ON results FOR EACH ROW
WHEN (NEW.mode = 'care') AND (NOT EXISTS (SELECT 1 FROM appointments a JOIN models m ON m.name = a.name WHERE m.id = NEW.model_id) OR EXISTS (SELECT 1 FROM open_trials t JOIN cases c ON c.id = NEW.case_id WHERE (t.site = '' OR t.site = c.site) AND aval_sha256(t.seed || ':' || c.kind || ':' || c.uid) < t.drawn_below AND t.model_id = NEW.model_id) OR EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id AND NOT EXISTS (SELECT 1 FROM open_trials t JOIN cases c ON c.id = NEW.case_id WHERE (t.site = '' OR t.site = c.site) AND aval_sha256(t.seed || ':' || c.kind || ':' || c.uid) < t.drawn_below AND t.under = v.seq))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_for_care_by_appointment: care is given by the version in routine, or by the one that this case drew'); END;

CREATE TRIGGER stages_follow_life BEFORE INSERT ON stages FOR EACH ROW
WHEN (NEW.by_whom <> 'installer') AND (NEW.n = (SELECT coalesce(max(s.n), 0) + 1 FROM stages s WHERE s.model_id = NEW.model_id) AND EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'model' AND t.verb IN ('advance', 'return') AND t.source = coalesce((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1), 'idea') AND t.target = NEW.stage)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_follow_life: the life of a model version has no such step from where it stands'); END;

CREATE TRIGGER stages_begun_by_the_installer BEFORE INSERT ON stages FOR EACH ROW
WHEN (NEW.by_whom = 'installer') AND (NEW.n = 1 AND aval_role() <> 'aval_desk') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_begun_by_the_installer: an installer begins a life; people go on with it'); END;

CREATE TRIGGER stages_signed_by_who_may BEFORE INSERT ON stages FOR EACH ROW
WHEN (NEW.by_whom <> 'installer') AND (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner' AND (NEW.stage <> 'pilot' OR u.role IN ('radiologist', 'clinician')))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_signed_by_who_may: this person may not sign for this stage'); END;

CREATE TRIGGER stages_of_versions_in_use BEFORE INSERT ON stages FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_of_versions_in_use: this model version is retired: its life is over'); END;

CREATE TRIGGER stages_of_the_suspended_stay BEFORE INSERT ON stages FOR EACH ROW
WHEN (NEW.by_whom <> 'installer') AND (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_of_the_suspended_stay: this model version is suspended: two people resume it where it stood'); END;

CREATE TRIGGER stages_of_the_routine_stay BEFORE INSERT ON stages FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_of_the_routine_stay: this model version is in routine: it leaves it when another one is appointed'); END;

CREATE TRIGGER stages_of_the_tried_suffice BEFORE INSERT ON stages FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.model_id = NEW.model_id AND NEW.stage <> 'pilot' AND (NEW.stage <> 'shadow' OR t.drawn_below > '00000000'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_of_the_tried_suffice: this model version is being tried, which needs more than this stage: end the trial first'); END;

CREATE TRIGGER appointments_of_the_piloted BEFORE INSERT ON appointments FOR EACH ROW
WHEN ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_of_the_piloted: this model version does not stand at pilot'); END;

CREATE TRIGGER appointments_never_of_the_suspended BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NEW.step <> 'rollback') AND (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_never_of_the_suspended: this model version is suspended: two people resume it before it is promoted'); END;

CREATE TRIGGER appointments_by_the_installer BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NEW.by_whom = 'installer') AND (NEW.step = 'first' AND aval_role() <> 'aval_desk') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_by_the_installer: an installer appoints the first version of a model; people promote, or go back'); END;

CREATE TRIGGER appointments_signed_by_who_may BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NEW.step <> 'rollback' AND NEW.by_whom <> 'installer') AND (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner') AND EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.second AND u.active = 1 AND u.role IN ('radiologist', 'clinician'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_signed_by_who_may: these people may not put a version into routine'); END;

CREATE TRIGGER appointments_granted_by_no_author BEFORE INSERT ON appointments FOR EACH ROW
WHEN (NEW.step <> 'rollback') AND (NOT EXISTS (SELECT 1 FROM stages s WHERE s.model_id = NEW.model_id AND s.by_whom = NEW.second)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_granted_by_no_author: whoever asked for an earlier stage does not grant the routine'); END;

CREATE TRIGGER trials_from_their_stage_on BEFORE INSERT ON trials FOR EACH ROW
WHEN ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot' OR ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'shadow' AND NEW.share = 0 AND NEW.drawn_below = '00000000')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_from_their_stage_on: a version is tried in shadow mode from shadow on, and for care from pilot on'); END;

CREATE TRIGGER trials_never_of_the_suspended BEFORE INSERT ON trials FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_never_of_the_suspended: this model version is suspended: two people resume it before it is tried'); END;

CREATE TRIGGER results_for_care_by_granted_versions BEFORE INSERT ON results FOR EACH ROW
WHEN (NEW.mode = 'care') AND ((SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1) = 'pilot') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_for_care_by_granted_versions: this model version stands below pilot: its results are shadow results'); END;

CREATE TRIGGER habilitations_between_active_people BEFORE INSERT ON habilitations FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.person, NEW.by_whom) AND u.active = 0)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall habilitations_between_active_people: a closed account neither gives nor is given a right'); END;

CREATE TRIGGER opinions_under_a_right_in_force BEFORE INSERT ON opinions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'endorse' AND g.site = c.site AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') AND g.since <= NEW.signed_at AND NEW.signed_at < g.until AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_under_a_right_in_force: this person has no right in force to endorse this model at this site: aval rights'); END;

CREATE TRIGGER attempts_under_rights_that_stand BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM decisions e JOIN opinions o ON o.result_id = e.result_id AND o.content = e.content JOIN habilitations g ON g.id = o.grant_id JOIN revocations v ON v.grant_id = g.id AND v.holds = 1 WHERE e.result_id = d.result_id AND NOT EXISTS (SELECT 1 FROM habilitations a WHERE a.person = g.person AND a.model = g.model AND a.major = g.major AND a.site = g.site AND a.act = g.act AND a.at > v.at AND a.since <= NEW.at AND NEW.at < a.until AND NOT EXISTS (SELECT 1 FROM revocations w WHERE w.grant_id = a.id)))))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_under_rights_that_stand: a right that this was endorsed under was revoked: nothing is sent'); END;

CREATE TRIGGER habilitations_never_updated BEFORE UPDATE ON habilitations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall habilitations_never_updated: habilitations is append-only: a row is never updated'); END;

CREATE TRIGGER habilitations_never_deleted BEFORE DELETE ON habilitations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall habilitations_never_deleted: habilitations is append-only: a row is never deleted'); END;

CREATE TRIGGER revocations_never_updated BEFORE UPDATE ON revocations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall revocations_never_updated: revocations is append-only: a row is never updated'); END;

CREATE TRIGGER revocations_never_deleted BEFORE DELETE ON revocations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall revocations_never_deleted: revocations is append-only: a row is never deleted'); END;

CREATE TRIGGER refusals_never_updated BEFORE UPDATE ON refusals FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall refusals_never_updated: refusals is append-only: a row is never updated'); END;

CREATE TRIGGER refusals_never_deleted BEFORE DELETE ON refusals FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall refusals_never_deleted: refusals is append-only: a row is never deleted'); END;

CREATE TRIGGER results_under_a_committed_draw BEFORE INSERT ON results FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.first_read > 0) OR EXISTS (SELECT 1 FROM draws d WHERE d.policy = NEW.policy)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_under_a_committed_draw: this policy draws who reads first, and no seed was committed for it'); END;

CREATE TRIGGER draws_before_the_first_result BEFORE INSERT ON draws FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM results r WHERE r.policy = NEW.policy)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall draws_before_the_first_result: a seed is committed before the first result under its policy'); END;

CREATE TRIGGER first_reads_where_drawn BEFORE INSERT ON first_reads FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall first_reads_where_drawn: this reader was not drawn to read this result first'); END;

CREATE TRIGGER first_reads_on_open_drafts BEFORE INSERT ON first_reads FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall first_reads_on_open_drafts: a result that is not awaiting review is read first by nobody'); END;

CREATE TRIGGER first_reads_by_who_may_endorse BEFORE INSERT ON first_reads FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r JOIN policies p ON p.ref = r.policy WHERE r.id = NEW.result_id AND (p.body <> replace(p.body, '"' || NEW.reader_role || '"', '') OR (p.learners = 'cosign' AND NEW.reader_role = 'learner')))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall first_reads_by_who_may_endorse: who may not endorse under the policy gives no first impression'); END;

CREATE TRIGGER impressions_on_open_drafts BEFORE INSERT ON impressions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_on_open_drafts: an impression of a result that is not awaiting review comes too late'); END;

CREATE TRIGGER impressions_after_their_opening BEFORE INSERT ON impressions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM first_reads f WHERE f.result_id = NEW.result_id AND f.reader = NEW.reader AND f.opened_at > NEW.at)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_after_their_opening: an impression follows the look at the images'); END;

CREATE TRIGGER impressions_of_the_kind_of_case BEFORE INSERT ON impressions FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r JOIN cases c ON c.id = r.case_id WHERE r.id = NEW.result_id AND c.kind = NEW.kind)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_of_the_kind_of_case: these are not the words for this kind of case'); END;

CREATE TRIGGER impressions_before_any_exposure BEFORE INSERT ON impressions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM exposures e WHERE e.result_id = NEW.result_id AND e.reader = NEW.reader)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_before_any_exposure: this reader has been shown what the model says: an impression now is not a first one'); END;

CREATE TRIGGER exposures_after_the_impression BEFORE INSERT ON exposures FOR EACH ROW
WHEN (NEW.surface = 'reveal') AND (NOT EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below) OR EXISTS (SELECT 1 FROM impressions i WHERE i.result_id = NEW.result_id AND i.reader = NEW.reader AND i.at <= NEW.at)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exposures_after_the_impression: this reader says what they think first'); END;

CREATE TRIGGER exposures_of_what_was_decided BEFORE INSERT ON exposures FOR EACH ROW
WHEN (NEW.surface = 'result') AND (EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id AND NEW.shown IN (d.shown, d.content))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exposures_of_what_was_decided: nothing was decided that could have been shown'); END;

CREATE TRIGGER opinions_after_the_first_read BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below) OR EXISTS (SELECT 1 FROM impressions i WHERE i.result_id = NEW.result_id AND i.reader = NEW.reader AND i.id = NEW.first_read AND EXISTS (SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce AND i.at <= e.at))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_after_the_first_read: this reader says what they think first, and signs after the draft was revealed'); END;

CREATE TRIGGER opinions_say_their_first_read BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.first_read IS NOT NULL) AND (NEW.statement <> replace(NEW.statement, '"first_read":"' || NEW.first_read || '"', '')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_say_their_first_read: what was signed names another first impression, or none'); END;

CREATE TRIGGER opinions_by_passkeys_in_use BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.passkey IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM passkey_ends e WHERE e.passkey = NEW.passkey)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_by_passkeys_in_use: this passkey was revoked'); END;

CREATE TRIGGER opinions_with_the_gesture_asked_for BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.passkey IS NULL) AND (EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.gesture = '')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_with_the_gesture_asked_for: the policy asks for a signature by passkey'); END;

CREATE TRIGGER gestures_over_their_statement BEFORE INSERT ON gestures FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM opinions o WHERE o.id = NEW.opinion_id AND NEW.client_data <> replace(NEW.client_data, '"challenge":"' || aval_challenge(o.statement) || '"', ''))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall gestures_over_their_statement: the authenticator signed other bytes than this statement'); END;

CREATE TRIGGER gestures_count_up BEFORE INSERT ON gestures FOR EACH ROW
WHEN ((SELECT max(substr(g.authenticator_data, 67, 8)) FROM gestures g WHERE g.passkey = NEW.passkey) > '00000000') AND (substr(NEW.authenticator_data, 67, 8) > (SELECT max(substr(g.authenticator_data, 67, 8)) FROM gestures g WHERE g.passkey = NEW.passkey)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall gestures_count_up: the authenticator counted less than before: there may be two of it'); END;

CREATE TRIGGER decisions_with_their_gestures BEFORE INSERT ON decisions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.passkey IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gestures g WHERE g.opinion_id = o.id))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_with_their_gestures: an opinion names a passkey, and what it signed is not here'); END;

CREATE TRIGGER passkeys_never_updated BEFORE UPDATE ON passkeys FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall passkeys_never_updated: passkeys is append-only: a row is never updated'); END;

CREATE TRIGGER passkeys_never_deleted BEFORE DELETE ON passkeys FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall passkeys_never_deleted: passkeys is append-only: a row is never deleted'); END;

CREATE TRIGGER passkey_ends_never_updated BEFORE UPDATE ON passkey_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall passkey_ends_never_updated: passkey_ends is append-only: a row is never updated'); END;

CREATE TRIGGER passkey_ends_never_deleted BEFORE DELETE ON passkey_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall passkey_ends_never_deleted: passkey_ends is append-only: a row is never deleted'); END;

CREATE TRIGGER gestures_never_updated BEFORE UPDATE ON gestures FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall gestures_never_updated: gestures is append-only: a row is never updated'); END;

CREATE TRIGGER gestures_never_deleted BEFORE DELETE ON gestures FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall gestures_never_deleted: gestures is append-only: a row is never deleted'); END;

CREATE TRIGGER preparations_of_what_may_be_decided BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review') AND EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id) AND NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_of_what_may_be_decided: this result may not be decided now: it is held, out of date, or awaits no review'); END;

CREATE TRIGGER preparations_in_time BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_in_time: the question is out of date: open the draft again'); END;

CREATE TRIGGER preparations_by_active_people BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_by_active_people: this person''s account is closed'); END;

CREATE TRIGGER preparations_of_what_was_revealed BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_of_what_was_revealed: nobody prepares what was not shown to them'); END;

CREATE TRIGGER preparations_under_a_right_in_force BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'prepare' AND g.site = c.site AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') AND g.since <= NEW.signed_at AND NEW.signed_at < g.until AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_under_a_right_in_force: this person has no right in force to prepare this model at this site: aval rights'); END;

CREATE TRIGGER preparations_where_the_policy_lets BEFORE INSERT ON preparations FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.learners = 'cosign')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_where_the_policy_lets: the policy of this result lets nobody prepare'); END;

CREATE TRIGGER preparations_before_any_opinion BEFORE INSERT ON preparations FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_before_any_opinion: somebody has signed already: there is nothing left to prepare'); END;

CREATE TRIGGER opinions_with_what_was_prepared BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.prepared IS NOT DISTINCT FROM (SELECT p.id FROM preparations p WHERE p.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_with_what_was_prepared: a learner prepared this result: open it again and look at what they say'); END;

CREATE TRIGGER opinions_by_another_than_who_prepared BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.prepared IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM preparations p WHERE p.id = NEW.prepared AND p.reader = NEW.reader)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_by_another_than_who_prepared: nobody answers for what they prepared themselves'); END;

CREATE TRIGGER opinions_say_what_was_prepared BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NEW.prepared IS NOT NULL) AND (NEW.statement <> replace(NEW.statement, '"prepared":"' || NEW.prepared || '"', '')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_say_what_was_prepared: what was signed names another preparation, or none'); END;

CREATE TRIGGER preparations_never_updated BEFORE UPDATE ON preparations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_never_updated: preparations is append-only: a row is never updated'); END;

CREATE TRIGGER preparations_never_deleted BEFORE DELETE ON preparations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall preparations_never_deleted: preparations is append-only: a row is never deleted'); END;

CREATE TRIGGER stops_resume_after_golden_cases BEFORE INSERT ON stops FOR EACH ROW
WHEN (NEW.action = 'resume') AND (NOT EXISTS (SELECT 1 FROM models m WHERE NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = m.id) AND (NEW.scope = 'version' AND m.id = NEW.target OR NEW.scope <> 'version' AND (NEW.scope <> 'model' OR m.name = NEW.target) AND (EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = m.id) OR EXISTS (SELECT 1 FROM open_trials o WHERE o.model_id = m.id))) AND NOT EXISTS (SELECT 1 FROM examinations e WHERE e.model_id = m.id AND e.failure = '' AND NOT EXISTS (SELECT 1 FROM examinations later WHERE later.model_id = m.id AND later.at > e.at) AND NOT EXISTS (SELECT 1 FROM stops s WHERE s.scope = NEW.scope AND s.target = NEW.target AND s.action = 'stop' AND s.at > e.at)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stops_resume_after_golden_cases: the golden cases of a version that would resume did not come out, or were not asked since the stop'); END;

CREATE TRIGGER stops_resumed_by_who_may BEFORE INSERT ON stops FOR EACH ROW
WHEN (NEW.action = 'resume') AND (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.role IN ('radiologist', 'clinician', 'committee', 'engineer') AND u.login = NEW.by_whom) AND (NEW.second = '' OR EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.role IN ('radiologist', 'clinician', 'committee', 'engineer') AND u.login = NEW.second)) AND EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.by_whom, NEW.second) AND u.role IN ('radiologist', 'clinician', 'committee'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stops_resumed_by_who_may: radiologists, clinicians, the committee and engineers resume, two of them, and not engineers alone'); END;

CREATE TRIGGER examinations_by_a_worker_in_its_own_name BEFORE INSERT ON examinations FOR EACH ROW
WHEN (aval_role() = 'aval_infer') AND (NEW.by_whom = 'infer') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall examinations_by_a_worker_in_its_own_name: a worker says in its own name what it examined'); END;

CREATE TRIGGER recall_items_as_many_as_ordered BEFORE INSERT ON recall_items FOR EACH ROW
WHEN ((SELECT count(*) FROM recall_items i WHERE i.recall_id = NEW.recall_id) < (SELECT r.many FROM recalls r WHERE r.id = NEW.recall_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recall_items_as_many_as_ordered: somebody signed for fewer results than this'); END;

CREATE TRIGGER recall_items_were_released BEFORE INSERT ON recall_items FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM decisions d JOIN releases r ON r.decision_id = d.id WHERE d.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recall_items_were_released: what was never released cannot be taken back'); END;

CREATE TRIGGER recall_items_frozen BEFORE UPDATE ON recall_items FOR EACH ROW
WHEN (NEW.recall_id IS NOT DISTINCT FROM OLD.recall_id AND NEW.result_id IS NOT DISTINCT FROM OLD.result_id) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recall_items_frozen: recall_items: what a row is about never changes'); END;

CREATE TRIGGER acknowledgements_of_withdrawals BEFORE INSERT ON acknowledgements FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall acknowledgements_of_withdrawals: nobody reads that a result was taken back before it was'); END;

CREATE TRIGGER authentication_requests_used_once BEFORE UPDATE ON authentication_requests FOR EACH ROW
WHEN (OLD.used_at IS NULL) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall authentication_requests_used_once: this sign-in at the identity provider was finished already'); END;

CREATE TRIGGER local_openings_never_updated BEFORE UPDATE ON local_openings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall local_openings_never_updated: local_openings is append-only: a row is never updated'); END;

CREATE TRIGGER local_openings_never_deleted BEFORE DELETE ON local_openings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall local_openings_never_deleted: local_openings is append-only: a row is never deleted'); END;

CREATE TRIGGER incidents_say_what_left BEFORE INSERT ON incidents FOR EACH ROW
WHEN (NEW.caught = (CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id AND d.verdict = 'accept') THEN 0 ELSE 1 END)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incidents_say_what_left: whether the gate caught it follows from the decision, and is nobody''s to say'); END;

CREATE TRIGGER incident_lines_follow BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN (NEW.n = (SELECT coalesce(max(l.n), 0) + 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id) AND (NEW.n > 1 OR NEW.kind = 'grade')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_follow: this is not the next line of the incident; the first is its grade'); END;

CREATE TRIGGER incident_lines_by_active_people BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.by_whom) AND (NEW.second = '' OR EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.second AND u.role NOT IN ('learner', 'secretary')))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_by_active_people: this person says nothing of incidents here'); END;

CREATE TRIGGER incident_lines_regraded_by_who_may BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN (NEW.kind = 'grade' AND NEW.n > 1) AND (NEW.by_role IN ('radiologist', 'clinician', 'committee')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_regraded_by_who_may: a radiologist, a clinician or the committee grades again'); END;

CREATE TRIGGER incident_lines_while_open BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN ((coalesce((SELECT l.kind FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind IN ('closed', 'reopened') ORDER BY l.n DESC LIMIT 1), '') = 'closed') = (NEW.kind = 'reopened')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_while_open: a closed incident is opened again before anything is said of it, and only a closed one is'); END;

CREATE TRIGGER incident_lines_done_of_an_action BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN (NEW.kind = 'done') AND (EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action' AND l.subject = NEW.subject)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_done_of_an_action: nobody asked for this action'); END;

CREATE TRIGGER incident_lines_closed_once_done BEFORE INSERT ON incident_lines FOR EACH ROW
WHEN (NEW.kind = 'closed') AND (NOT EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action' AND NOT EXISTS (SELECT 1 FROM incident_lines d WHERE d.incident_id = NEW.incident_id AND d.kind = 'done' AND d.subject = l.subject)) AND ((SELECT l.word FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'grade' ORDER BY l.n DESC LIMIT 1) NOT IN ('D3', 'D4') OR (NEW.second <> '' AND EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'action') AND EXISTS (SELECT 1 FROM incident_lines l WHERE l.incident_id = NEW.incident_id AND l.kind = 'answers')))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_closed_once_done: an action is not done; or a serious incident lacks its form, an action, or a second person'); END;

CREATE TRIGGER freezes_of_the_incidents_case BEFORE INSERT ON freezes FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM incidents i JOIN results r ON r.id = i.result_id JOIN cases c ON c.id = r.case_id WHERE i.id = NEW.incident_id AND c.kind = NEW.kind AND c.uid = NEW.case_uid)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freezes_of_the_incidents_case: a freeze is of the case of its incident'); END;

CREATE TRIGGER freeze_ends_by_overseers BEFORE INSERT ON freeze_ends FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.by_whom AND u.role IN ('committee', 'dpo', 'security')) AND EXISTS (SELECT 1 FROM users u WHERE u.active = 1 AND u.login = NEW.second AND u.role IN ('committee', 'dpo', 'security'))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freeze_ends_by_overseers: two of the committee, the data protection and the security officers lift a freeze'); END;

CREATE TRIGGER conversations_of_frozen_cases_stay BEFORE DELETE ON conversations FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM frozen_cases f WHERE f.kind = OLD.kind AND f.case_uid = OLD.case_uid)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall conversations_of_frozen_cases_stay: this case is frozen for an incident: nothing of it is deleted'); END;

CREATE TRIGGER incidents_never_updated BEFORE UPDATE ON incidents FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incidents_never_updated: incidents is append-only: a row is never updated'); END;

CREATE TRIGGER incidents_never_deleted BEFORE DELETE ON incidents FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incidents_never_deleted: incidents is append-only: a row is never deleted'); END;

CREATE TRIGGER incident_lines_never_updated BEFORE UPDATE ON incident_lines FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_never_updated: incident_lines is append-only: a row is never updated'); END;

CREATE TRIGGER incident_lines_never_deleted BEFORE DELETE ON incident_lines FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall incident_lines_never_deleted: incident_lines is append-only: a row is never deleted'); END;

CREATE TRIGGER freezes_never_updated BEFORE UPDATE ON freezes FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freezes_never_updated: freezes is append-only: a row is never updated'); END;

CREATE TRIGGER freezes_never_deleted BEFORE DELETE ON freezes FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freezes_never_deleted: freezes is append-only: a row is never deleted'); END;

CREATE TRIGGER freeze_ends_never_updated BEFORE UPDATE ON freeze_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freeze_ends_never_updated: freeze_ends is append-only: a row is never updated'); END;

CREATE TRIGGER freeze_ends_never_deleted BEFORE DELETE ON freeze_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall freeze_ends_never_deleted: freeze_ends is append-only: a row is never deleted'); END;

CREATE TRIGGER objections_lifted_where_they_stand BEFORE INSERT ON objections FOR EACH ROW
WHEN (NEW.word = 'lift') AND (EXISTS (SELECT 1 FROM objections_standing o WHERE o.identifier = NEW.identifier AND o.authority = NEW.authority)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall objections_lifted_where_they_stand: no objection stands under this number'); END;

CREATE TRIGGER objections_lifted_by_people BEFORE INSERT ON objections FOR EACH ROW
WHEN (aval_role() = 'aval_intake') AND (NEW.word = 'record' AND NEW.source <> '') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall objections_lifted_by_people: what the record says may record an objection; a person lifts it'); END;

CREATE TRIGGER results_drafted_without_an_objection BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NEW.state = 'awaiting_review') AND (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.id AND x.says = 'stop')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_drafted_without_an_objection: the patient objects to AI: no model looks at their exams'); END;

CREATE TRIGGER results_queued_again_when_nobody_objects BEFORE UPDATE ON results FOR EACH ROW
WHEN (NEW.state <> OLD.state AND OLD.state = 'excluded') AND (OLD.cause_code = 'objection' AND NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.id AND x.says = 'stop')) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall results_queued_again_when_nobody_objects: only what an objection kept from running is queued again, once it is lifted'); END;

CREATE TRIGGER questions_not_while_objected BEFORE INSERT ON questions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall questions_not_while_objected: the patient objects to AI: nothing of it is shown or decided'); END;

CREATE TRIGGER opinions_not_while_objected BEFORE INSERT ON opinions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_not_while_objected: the patient objects to AI: nothing of it is shown or decided'); END;

CREATE TRIGGER decisions_not_while_objected BEFORE INSERT ON decisions FOR EACH ROW
WHEN (NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = NEW.result_id)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_not_while_objected: the patient objects to AI: nothing of it is shown or decided'); END;

CREATE TRIGGER attempts_not_while_objected BEFORE INSERT ON attempts FOR EACH ROW
WHEN (EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' OR NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = d.result_id)))) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_not_while_objected: the patient objects to AI: nothing is sent'); END;

CREATE TRIGGER objections_never_updated BEFORE UPDATE ON objections FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall objections_never_updated: objections is append-only: a row is never updated'); END;

CREATE TRIGGER objections_never_deleted BEFORE DELETE ON objections FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall objections_never_deleted: objections is append-only: a row is never deleted'); END;

CREATE TRIGGER stops_by_a_worker_suspend_one_version BEFORE INSERT ON stops FOR EACH ROW
WHEN (aval_role() = 'aval_infer') AND (NEW.action = 'stop' AND NEW.scope = 'version' AND NEW.by_whom = 'infer') IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stops_by_a_worker_suspend_one_version: a worker suspends one version in its own name; people resume'); END;

CREATE TRIGGER journal_follows BEFORE INSERT ON journal FOR EACH ROW
WHEN (NEW.seq = (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AND NEW.prev = coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AND NEW.hash = aval_link(NEW.seq, NEW.at, NEW.actor, NEW.role, NEW.action, NEW.subject, NEW.body, NEW.prev)) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall journal_follows: this is not the next link of the journal'); END;

CREATE TRIGGER transitions_never_inserted BEFORE INSERT ON transitions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall transitions_never_inserted: the lives of cases and results change with a migration only'); END;

CREATE TRIGGER rejections_never_updated BEFORE UPDATE ON rejections FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall rejections_never_updated: rejections is append-only: a row is never updated'); END;

CREATE TRIGGER rejections_never_deleted BEFORE DELETE ON rejections FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall rejections_never_deleted: rejections is append-only: a row is never deleted'); END;

CREATE TRIGGER judgements_never_updated BEFORE UPDATE ON judgements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall judgements_never_updated: judgements is append-only: a row is never updated'); END;

CREATE TRIGGER judgements_never_deleted BEFORE DELETE ON judgements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall judgements_never_deleted: judgements is append-only: a row is never deleted'); END;

CREATE TRIGGER runs_never_updated BEFORE UPDATE ON runs FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall runs_never_updated: runs is append-only: a row is never updated'); END;

CREATE TRIGGER runs_never_deleted BEFORE DELETE ON runs FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall runs_never_deleted: runs is append-only: a row is never deleted'); END;

CREATE TRIGGER features_never_updated BEFORE UPDATE ON features FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall features_never_updated: features is append-only: a row is never updated'); END;

CREATE TRIGGER features_never_deleted BEFORE DELETE ON features FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall features_never_deleted: features is append-only: a row is never deleted'); END;

CREATE TRIGGER transitions_never_updated BEFORE UPDATE ON transitions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall transitions_never_updated: transitions is append-only: a row is never updated'); END;

CREATE TRIGGER transitions_never_deleted BEFORE DELETE ON transitions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall transitions_never_deleted: transitions is append-only: a row is never deleted'); END;

CREATE TRIGGER policies_never_updated BEFORE UPDATE ON policies FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall policies_never_updated: policies is append-only: a row is never updated'); END;

CREATE TRIGGER policies_never_deleted BEFORE DELETE ON policies FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall policies_never_deleted: policies is append-only: a row is never deleted'); END;

CREATE TRIGGER models_never_updated BEFORE UPDATE ON models FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall models_never_updated: models is append-only: a row is never updated'); END;

CREATE TRIGGER models_never_deleted BEFORE DELETE ON models FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall models_never_deleted: models is append-only: a row is never deleted'); END;

CREATE TRIGGER retirements_never_updated BEFORE UPDATE ON retirements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall retirements_never_updated: retirements is append-only: a row is never updated'); END;

CREATE TRIGGER retirements_never_deleted BEFORE DELETE ON retirements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall retirements_never_deleted: retirements is append-only: a row is never deleted'); END;

CREATE TRIGGER appointments_never_updated BEFORE UPDATE ON appointments FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_never_updated: appointments is append-only: a row is never updated'); END;

CREATE TRIGGER appointments_never_deleted BEFORE DELETE ON appointments FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall appointments_never_deleted: appointments is append-only: a row is never deleted'); END;

CREATE TRIGGER trials_never_updated BEFORE UPDATE ON trials FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_never_updated: trials is append-only: a row is never updated'); END;

CREATE TRIGGER trials_never_deleted BEFORE DELETE ON trials FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trials_never_deleted: trials is append-only: a row is never deleted'); END;

CREATE TRIGGER trial_ends_never_updated BEFORE UPDATE ON trial_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trial_ends_never_updated: trial_ends is append-only: a row is never updated'); END;

CREATE TRIGGER trial_ends_never_deleted BEFORE DELETE ON trial_ends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall trial_ends_never_deleted: trial_ends is append-only: a row is never deleted'); END;

CREATE TRIGGER stages_never_updated BEFORE UPDATE ON stages FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_never_updated: stages is append-only: a row is never updated'); END;

CREATE TRIGGER stages_never_deleted BEFORE DELETE ON stages FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stages_never_deleted: stages is append-only: a row is never deleted'); END;

CREATE TRIGGER doubts_never_updated BEFORE UPDATE ON doubts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall doubts_never_updated: doubts is append-only: a row is never updated'); END;

CREATE TRIGGER doubts_never_deleted BEFORE DELETE ON doubts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall doubts_never_deleted: doubts is append-only: a row is never deleted'); END;

CREATE TRIGGER admissions_never_updated BEFORE UPDATE ON admissions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall admissions_never_updated: admissions is append-only: a row is never updated'); END;

CREATE TRIGGER admissions_never_deleted BEFORE DELETE ON admissions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall admissions_never_deleted: admissions is append-only: a row is never deleted'); END;

CREATE TRIGGER draws_never_updated BEFORE UPDATE ON draws FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall draws_never_updated: draws is append-only: a row is never updated'); END;

CREATE TRIGGER draws_never_deleted BEFORE DELETE ON draws FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall draws_never_deleted: draws is append-only: a row is never deleted'); END;

CREATE TRIGGER first_reads_never_updated BEFORE UPDATE ON first_reads FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall first_reads_never_updated: first_reads is append-only: a row is never updated'); END;

CREATE TRIGGER first_reads_never_deleted BEFORE DELETE ON first_reads FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall first_reads_never_deleted: first_reads is append-only: a row is never deleted'); END;

CREATE TRIGGER impressions_never_updated BEFORE UPDATE ON impressions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_never_updated: impressions is append-only: a row is never updated'); END;

CREATE TRIGGER impressions_never_deleted BEFORE DELETE ON impressions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall impressions_never_deleted: impressions is append-only: a row is never deleted'); END;

CREATE TRIGGER exposures_never_updated BEFORE UPDATE ON exposures FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exposures_never_updated: exposures is append-only: a row is never updated'); END;

CREATE TRIGGER exposures_never_deleted BEFORE DELETE ON exposures FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exposures_never_deleted: exposures is append-only: a row is never deleted'); END;

CREATE TRIGGER questions_never_updated BEFORE UPDATE ON questions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall questions_never_updated: questions is append-only: a row is never updated'); END;

CREATE TRIGGER questions_never_deleted BEFORE DELETE ON questions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall questions_never_deleted: questions is append-only: a row is never deleted'); END;

CREATE TRIGGER opinions_never_updated BEFORE UPDATE ON opinions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_never_updated: opinions is append-only: a row is never updated'); END;

CREATE TRIGGER opinions_never_deleted BEFORE DELETE ON opinions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall opinions_never_deleted: opinions is append-only: a row is never deleted'); END;

CREATE TRIGGER decisions_never_updated BEFORE UPDATE ON decisions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_never_updated: decisions is append-only: a row is never updated'); END;

CREATE TRIGGER decisions_never_deleted BEFORE DELETE ON decisions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall decisions_never_deleted: decisions is append-only: a row is never deleted'); END;

CREATE TRIGGER withdrawals_never_updated BEFORE UPDATE ON withdrawals FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall withdrawals_never_updated: withdrawals is append-only: a row is never updated'); END;

CREATE TRIGGER withdrawals_never_deleted BEFORE DELETE ON withdrawals FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall withdrawals_never_deleted: withdrawals is append-only: a row is never deleted'); END;

CREATE TRIGGER releases_never_updated BEFORE UPDATE ON releases FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall releases_never_updated: releases is append-only: a row is never updated'); END;

CREATE TRIGGER releases_never_deleted BEFORE DELETE ON releases FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall releases_never_deleted: releases is append-only: a row is never deleted'); END;

CREATE TRIGGER renderings_never_updated BEFORE UPDATE ON renderings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall renderings_never_updated: renderings is append-only: a row is never updated'); END;

CREATE TRIGGER renderings_never_deleted BEFORE DELETE ON renderings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall renderings_never_deleted: renderings is append-only: a row is never deleted'); END;

CREATE TRIGGER attempts_never_updated BEFORE UPDATE ON attempts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_never_updated: attempts is append-only: a row is never updated'); END;

CREATE TRIGGER attempts_never_deleted BEFORE DELETE ON attempts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall attempts_never_deleted: attempts is append-only: a row is never deleted'); END;

CREATE TRIGGER receipts_never_updated BEFORE UPDATE ON receipts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall receipts_never_updated: receipts is append-only: a row is never updated'); END;

CREATE TRIGGER receipts_never_deleted BEFORE DELETE ON receipts FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall receipts_never_deleted: receipts is append-only: a row is never deleted'); END;

CREATE TRIGGER resends_never_updated BEFORE UPDATE ON resends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall resends_never_updated: resends is append-only: a row is never updated'); END;

CREATE TRIGGER resends_never_deleted BEFORE DELETE ON resends FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall resends_never_deleted: resends is append-only: a row is never deleted'); END;

CREATE TRIGGER exports_never_updated BEFORE UPDATE ON exports FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exports_never_updated: exports is append-only: a row is never updated'); END;

CREATE TRIGGER exports_never_deleted BEFORE DELETE ON exports FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall exports_never_deleted: exports is append-only: a row is never deleted'); END;

CREATE TRIGGER pauses_never_updated BEFORE UPDATE ON pauses FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall pauses_never_updated: pauses is append-only: a row is never updated'); END;

CREATE TRIGGER pauses_never_deleted BEFORE DELETE ON pauses FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall pauses_never_deleted: pauses is append-only: a row is never deleted'); END;

CREATE TRIGGER stops_never_updated BEFORE UPDATE ON stops FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stops_never_updated: stops is append-only: a row is never updated'); END;

CREATE TRIGGER stops_never_deleted BEFORE DELETE ON stops FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall stops_never_deleted: stops is append-only: a row is never deleted'); END;

CREATE TRIGGER examinations_never_updated BEFORE UPDATE ON examinations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall examinations_never_updated: examinations is append-only: a row is never updated'); END;

CREATE TRIGGER examinations_never_deleted BEFORE DELETE ON examinations FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall examinations_never_deleted: examinations is append-only: a row is never deleted'); END;

CREATE TRIGGER recalls_never_updated BEFORE UPDATE ON recalls FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recalls_never_updated: recalls is append-only: a row is never updated'); END;

CREATE TRIGGER recalls_never_deleted BEFORE DELETE ON recalls FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall recalls_never_deleted: recalls is append-only: a row is never deleted'); END;

CREATE TRIGGER acknowledgements_never_updated BEFORE UPDATE ON acknowledgements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall acknowledgements_never_updated: acknowledgements is append-only: a row is never updated'); END;

CREATE TRIGGER acknowledgements_never_deleted BEFORE DELETE ON acknowledgements FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall acknowledgements_never_deleted: acknowledgements is append-only: a row is never deleted'); END;

CREATE TRIGGER sign_ins_never_updated BEFORE UPDATE ON sign_ins FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall sign_ins_never_updated: sign_ins is append-only: a row is never updated'); END;

CREATE TRIGGER sign_ins_never_deleted BEFORE DELETE ON sign_ins FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall sign_ins_never_deleted: sign_ins is append-only: a row is never deleted'); END;

CREATE TRIGGER openings_never_updated BEFORE UPDATE ON openings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall openings_never_updated: openings is append-only: a row is never updated'); END;

CREATE TRIGGER openings_never_deleted BEFORE DELETE ON openings FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall openings_never_deleted: openings is append-only: a row is never deleted'); END;

CREATE TRIGGER orders_never_updated BEFORE UPDATE ON orders FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall orders_never_updated: orders is append-only: a row is never updated'); END;

CREATE TRIGGER orders_never_deleted BEFORE DELETE ON orders FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall orders_never_deleted: orders is append-only: a row is never deleted'); END;

CREATE TRIGGER mentions_never_updated BEFORE UPDATE ON mentions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall mentions_never_updated: mentions is append-only: a row is never updated'); END;

CREATE TRIGGER mentions_never_deleted BEFORE DELETE ON mentions FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall mentions_never_deleted: mentions is append-only: a row is never deleted'); END;

CREATE TRIGGER accesses_never_updated BEFORE UPDATE ON accesses FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall accesses_never_updated: accesses is append-only: a row is never updated'); END;

CREATE TRIGGER accesses_never_deleted BEFORE DELETE ON accesses FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall accesses_never_deleted: accesses is append-only: a row is never deleted'); END;

CREATE TRIGGER journal_never_updated BEFORE UPDATE ON journal FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall journal_never_updated: journal is append-only: a row is never updated'); END;

CREATE TRIGGER journal_never_deleted BEFORE DELETE ON journal FOR EACH ROW
WHEN (1 = 0) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'wall journal_never_deleted: journal is append-only: a row is never deleted'); END;

CREATE TRIGGER note_user_added AFTER INSERT ON users FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'user.added' AS action, NEW.login AS subject, json_object('role', NEW.role) AS body) n;
END;

CREATE TRIGGER note_user_changed AFTER UPDATE ON users FOR EACH ROW
WHEN NEW.role <> OLD.role OR NEW.active <> OLD.active OR NEW.password <> OLD.password OR NEW.second_factor <> OLD.second_factor
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'user.changed' AS action, NEW.login AS subject, json_object('role', NEW.role, 'active', NEW.active) AS body) n;
END;

CREATE TRIGGER note_sign_in AFTER INSERT ON sign_ins FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'session.' || NEW.outcome AS action, NEW.id AS subject, json_object('login', NEW.login, 'auth', NEW.auth) AS body) n;
END;

CREATE TRIGGER note_local_opening AFTER INSERT ON local_openings FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    CASE WHEN NEW.until > NEW.at THEN 'local-accounts.opened' ELSE 'local-accounts.closed' END AS action, CAST(NEW.seq AS TEXT) AS subject, json_object('until', NEW.until, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_right_given AFTER INSERT ON habilitations FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'right.given' AS action, NEW.id AS subject, json_object('person', NEW.person, 'model', NEW.model, 'major', NEW.major, 'site', NEW.site, 'act', NEW.act, 'evidence_sha256', aval_sha256(NEW.evidence), 'by', NEW.by_whom, 'since', NEW.since, 'until', NEW.until) AS body) n;
END;

CREATE TRIGGER note_right_revoked AFTER INSERT ON revocations FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'right.revoked' AS action, NEW.grant_id AS subject, json_object('holds', NEW.holds, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_refusal AFTER INSERT ON refusals FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'refusal.' || NEW.cause AS action, NEW.result_id AS subject, json_object('reader', NEW.login) AS body) n;
END;

CREATE TRIGGER note_policy AFTER INSERT ON policies FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'policy.added' AS action, NEW.ref AS subject, json_object('sha256', aval_sha256(NEW.body)) AS body) n;
END;

CREATE TRIGGER note_draw AFTER INSERT ON draws FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'draw.committed' AS action, NEW.policy AS subject, json_object('seed_sha256', aval_sha256(NEW.seed), 'drawn_below', NEW.drawn_below) AS body) n;
END;

CREATE TRIGGER note_model AFTER INSERT ON models FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'model.added' AS action, NEW.id AS subject, json_object('digest', NEW.digest, 'card', NEW.card, 'follows', NEW.follows, 'changed', NEW.changed, 'revalidation', NEW.revalidation, 'publisher', NEW.publisher, 'key', NEW.signing_key) AS body) n;
END;

CREATE TRIGGER note_stage AFTER INSERT ON stages FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'model.' || NEW.stage AS action, NEW.model_id AS subject, json_object('n', NEW.n, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_model_retired AFTER INSERT ON retirements FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'model.retired' AS action, NEW.model_id AS subject, json_object('by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_appointment AFTER INSERT ON appointments FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'appointment.' || NEW.step AS action, NEW.name AS subject, json_object('model', NEW.model_id, 'line', NEW.seq, 'by', NEW.by_whom, 'second', NEW.second) AS body) n;
END;

CREATE TRIGGER note_trial AFTER INSERT ON trials FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'trial.begun' AS action, NEW.id AS subject, json_object('model', NEW.model_id, 'under', NEW.under, 'shadow', NEW.shadow, 'share', NEW.share, 'site', NEW.site, 'seed', NEW.seed, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_trial_ended AFTER INSERT ON trial_ends FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'trial.ended' AS action, NEW.trial_id AS subject, json_object('by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_passkey AFTER INSERT ON passkeys FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'passkey.added' AS action, NEW.login AS subject, json_object('passkey', NEW.id, 'algorithm', NEW.algorithm, 'public_key', NEW.public_key) AS body) n;
END;

CREATE TRIGGER note_passkey_revoked AFTER INSERT ON passkey_ends FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'passkey.revoked' AS action, (SELECT p.login FROM passkeys p WHERE p.id = NEW.passkey) AS subject, json_object('passkey', NEW.passkey, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_destination_rests AFTER UPDATE ON destinations FOR EACH ROW
WHEN (NEW.rests_until IS NULL) <> (OLD.rests_until IS NULL)
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    CASE WHEN NEW.rests_until IS NULL THEN 'destination.answers' ELSE 'destination.rests' END AS action, NEW.name AS subject, json_object('failures', NEW.failures, 'cause', NEW.cause_code) AS body) n;
END;

CREATE TRIGGER note_pause AFTER INSERT ON pauses FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'destination.' || NEW.action AS action, NEW.destination AS subject, json_object('by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_stop AFTER INSERT ON stops FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'stop.' || NEW.action AS action, NEW.scope || ':' || NEW.target AS subject, json_object('by', NEW.by_whom, 'second', NEW.second) AS body) n;
END;

CREATE TRIGGER note_examination AFTER INSERT ON examinations FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    CASE WHEN NEW.failure = '' THEN 'examination.passed' ELSE 'examination.failed' END AS action, NEW.model_id AS subject, json_object('by', NEW.by_whom, 'cases', NEW.cases) AS body) n;
END;

CREATE TRIGGER note_incident AFTER INSERT ON incidents FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'incident.reported' AS action, NEW.result_id AS subject, json_object('incident', NEW.id, 'by', NEW.by_whom, 'caught', NEW.caught) AS body) n;
END;

CREATE TRIGGER note_incident_line AFTER INSERT ON incident_lines FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'incident.' || NEW.kind AS action, coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id) AS subject, json_object('incident', NEW.incident_id, 'n', NEW.n, 'subject', NEW.subject, 'grade', CASE WHEN NEW.kind = 'grade' THEN NEW.word ELSE '' END, 'by', NEW.by_whom, 'second', NEW.second, 'note_sha256', aval_sha256(NEW.note)) AS body) n;
END;

CREATE TRIGGER note_freeze AFTER INSERT ON freezes FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'evidence.frozen' AS action, coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id) AS subject, json_object('incident', NEW.incident_id, 'freeze', NEW.id, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_freeze_end AFTER INSERT ON freeze_ends FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'evidence.released' AS action, coalesce((SELECT i.result_id FROM freezes f JOIN incidents i ON i.id = f.incident_id WHERE f.id = NEW.freeze_id), NEW.freeze_id) AS subject, json_object('freeze', NEW.freeze_id, 'by', NEW.by_whom, 'second', NEW.second) AS body) n;
END;

CREATE TRIGGER note_order AFTER INSERT ON orders FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'order.' || NEW.status AS action, NEW.id AS subject, json_object('sender', NEW.sender, 'message', NEW.message) AS body) n;
END;

CREATE TRIGGER note_objection AFTER INSERT ON objections FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'objection.' || NEW.word AS action, NEW.id AS subject, json_object('by', NEW.by_whom, 'source_sha256', aval_sha256(NEW.source)) AS body) n;
END;

CREATE TRIGGER note_case_opened AFTER INSERT ON cases FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'case.' || NEW.state AS action, NEW.id AS subject, json_object('kind', NEW.kind, 'revision', NEW.revision, 'site', NEW.site) AS body) n;
END;

CREATE TRIGGER note_case_moved AFTER UPDATE ON cases FOR EACH ROW
WHEN NEW.state <> OLD.state
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'case.' || NEW.state AS action, NEW.id AS subject, json_object('from', OLD.state, 'manifest', NEW.manifest, 'cause', NEW.cause) AS body) n;
END;

CREATE TRIGGER note_case_reidentified AFTER UPDATE ON cases FOR EACH ROW
WHEN NEW.identity_version <> OLD.identity_version
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'case.identity-changed' AS action, NEW.id AS subject, json_object('identity_version', NEW.identity_version) AS body) n;
END;

CREATE TRIGGER note_admission AFTER INSERT ON admissions FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'admission.' || NEW.verdict AS action, NEW.case_id AS subject, json_object('by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_case_judged AFTER INSERT ON judgements FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'judgement.' || NEW.verdict AS action, NEW.case_id AS subject, json_object('how', NEW.how, 'instances', NEW.instances) AS body) n;
END;

CREATE TRIGGER note_opening AFTER INSERT ON openings FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    CASE WHEN NEW.case_id IS NULL THEN 'launch.found-nothing' ELSE 'launch.opened' END AS action, coalesce(NEW.case_id, NEW.id) AS subject, json_object('by', NEW.login, 'from', NEW.launcher) AS body) n;
END;

CREATE TRIGGER note_result_queued AFTER INSERT ON results FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'result.' || NEW.state AS action, NEW.id AS subject, json_object('case', NEW.case_id, 'manifest', NEW.manifest, 'model', NEW.model_id, 'mode', NEW.mode, 'policy', NEW.policy) AS body) n;
END;

CREATE TRIGGER note_result_moved AFTER UPDATE ON results FOR EACH ROW
WHEN NEW.state <> OLD.state
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'result.' || NEW.state AS action, NEW.id AS subject, json_object('from', OLD.state, 'draft', NEW.draft, 'cause', NEW.cause_code) AS body) n;
END;

CREATE TRIGGER note_draft_shown AFTER INSERT ON questions FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'draft.shown' AS action, NEW.result_id AS subject, json_object('reader', NEW.reader, 'shown', NEW.shown, 'from', NEW.opened_from) AS body) n;
END;

CREATE TRIGGER note_first_read AFTER INSERT ON first_reads FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'first-read.opened' AS action, NEW.result_id AS subject, json_object('reader', NEW.reader) AS body) n;
END;

CREATE TRIGGER note_impression AFTER INSERT ON impressions FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'first-read.impression' AS action, NEW.result_id AS subject, json_object('impression', NEW.id, 'reader', NEW.reader, 'said_sha256', aval_sha256(NEW.id || ':' || NEW.word || ':' || NEW.at || ':' || NEW.note)) AS body) n;
END;

CREATE TRIGGER note_exposure AFTER INSERT ON exposures FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'exposure.' || NEW.surface AS action, NEW.result_id AS subject, json_object('exposure', NEW.id, 'reader', NEW.reader, 'shown', NEW.shown) AS body) n;
END;

CREATE TRIGGER note_preparation AFTER INSERT ON preparations FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'preparation.' || NEW.verdict AS action, NEW.result_id AS subject, json_object('preparation', NEW.id, 'reader', NEW.reader, 'right', NEW.grant_id, 'shown', NEW.shown, 'content', NEW.content, 'statement_sha256', aval_sha256(NEW.statement), 'key', NEW.seal_key, 'signature', NEW.signature) AS body) n;
END;

CREATE TRIGGER note_opinion AFTER INSERT ON opinions FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'opinion.' || NEW.verdict AS action, NEW.result_id AS subject, json_object('opinion', NEW.id, 'reader', NEW.reader, 'right', NEW.grant_id, 'shown', NEW.shown, 'content', NEW.content, 'first_read', NEW.first_read, 'prepared', NEW.prepared, 'statement_sha256', aval_sha256(NEW.statement), 'key', NEW.seal_key, 'signature', NEW.signature) AS body) n;
END;

CREATE TRIGGER note_gesture AFTER INSERT ON gestures FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'gesture.made' AS action, (SELECT o.result_id FROM opinions o WHERE o.id = NEW.opinion_id) AS subject, json_object('opinion', NEW.opinion_id, 'passkey', NEW.passkey, 'authenticator_data', NEW.authenticator_data, 'client_data', NEW.client_data, 'signature', NEW.signature) AS body) n;
END;

CREATE TRIGGER note_decision AFTER INSERT ON decisions FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'decision.' || NEW.verdict AS action, NEW.result_id AS subject, json_object('decision', NEW.id, 'opinion', NEW.opinion_id, 'policy', NEW.policy, 'content', NEW.content) AS body) n;
END;

CREATE TRIGGER note_withdrawal AFTER INSERT ON withdrawals FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'withdrawal.' || NEW.reason AS action, NEW.result_id AS subject, json_object('withdrawal', NEW.id, 'by', NEW.by_whom, 'notice', NEW.content) AS body) n;
END;

CREATE TRIGGER note_export AFTER INSERT ON exports FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'export.' || NEW.profile AS action, NEW.result_id AS subject, json_object('export', NEW.id, 'decision', NEW.decision_id, 'by', NEW.by_whom, 'objects', NEW.objects) AS body) n;
END;

CREATE TRIGGER note_access AFTER INSERT ON accesses FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'access.patient' AS action, NEW.id AS subject, json_object('by', NEW.by_whom, 'lines', NEW.lines, 'objects', NEW.objects) AS body) n;
END;

CREATE TRIGGER note_release AFTER INSERT ON releases FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'release.' || NEW.kind AS action, NEW.result_id AS subject, json_object('release', NEW.id, 'content', NEW.content, 'terms_sha256', aval_sha256(NEW.terms), 'key', NEW.seal_key, 'signature', NEW.signature) AS body) n;
END;

CREATE TRIGGER note_delivery_attempted AFTER INSERT ON attempts FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'delivery.attempted' AS action, NEW.delivery_id AS subject, json_object('n', NEW.n, 'package', NEW.package) AS body) n;
END;

CREATE TRIGGER note_delivery_moved AFTER UPDATE ON deliveries FOR EACH ROW
WHEN NEW.state <> OLD.state
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'delivery.' || NEW.state AS action, NEW.id AS subject, json_object('result', NEW.result_id, 'destination', NEW.destination, 'cause', NEW.cause_code) AS body) n;
END;

CREATE TRIGGER note_receipt AFTER INSERT ON receipts FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'delivery.receipt' AS action, NEW.delivery_id AS subject, json_object('attempt', NEW.attempt, 'method', NEW.method, 'package', NEW.package) AS body) n;
END;

CREATE TRIGGER note_resend AFTER INSERT ON resends FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'delivery.ordered-again' AS action, NEW.release_id AS subject, json_object('destination', NEW.destination, 'round', NEW.round, 'by', NEW.by_whom) AS body) n;
END;

CREATE TRIGGER note_recall AFTER INSERT ON recalls FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'recall.' || NEW.reason AS action, NEW.id AS subject, json_object('many', NEW.many, 'by', NEW.by_whom, 'second', NEW.second) AS body) n;
END;

CREATE TRIGGER note_recalled AFTER INSERT ON recall_items FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'recall.item' AS action, NEW.result_id AS subject, json_object('recall', NEW.recall_id) AS body) n;
END;

CREATE TRIGGER note_acknowledgement AFTER INSERT ON acknowledgements FOR EACH ROW
BEGIN
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)
  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,
    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)
  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,
    coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') AS prev,
    'withdrawal.acknowledged' AS action, NEW.result_id AS subject, json_object('by', NEW.login) AS body) n;
END;
