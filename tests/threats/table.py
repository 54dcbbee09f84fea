"""The threats of the threat model, and the tests that each of them meets: ``python -m tests.threats.table`` prints it.

A test is named by file and function; test_threats.py holds the names against the files. What a threat lacks is said
here, so that nobody takes a row for more than it is.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One threat.

    Args:
        tests: each fails without the wall that stops it; "folder/file.py::function" under tests/.
        lacks: what no test shows, in a sentence; "" for nothing that we know of.
    """

    id: str
    name: str
    tests: tuple[str, ...]
    lacks: str = ""


def _t(number: int, name: str, *tests: str, lacks: str = "") -> Threat:
    return Threat(id=f"T-{number:02}", name=name, tests=tests, lacks=lacks)


THREATS: Final[tuple[Threat, ...]] = (
    _t(
        1,
        "bypass of the gate",
        "gate/test_attacks.py::test_the_attack_is_refused_for_its_reason",
        "gate/test_ablation.py::test_without_its_walls_the_attack_gets_through_and_each_wall_alone_is_enough",
        "e2e/test_forgeries_broker.py::test_nothing_that_is_rung_on_the_broker_releases_anything",
        "e2e/test_forgeries_sql.py::test_no_role_but_the_desk_writes_a_row_of_the_chain",
        lacks="objects in a PACS that came by another way are not looked for",
    ),
    _t(
        2,
        "forged approval",
        "gate/test_evidence.py::test_an_opinion_with_a_strangers_seal_opens_nothing",
        "gate/test_evidence.py::test_a_release_that_nobody_stands_behind_opens_nothing",
        "e2e/test_forgeries_sql.py::test_a_whole_chain_with_made_up_seals_ends_declined",
        "e2e/test_forgeries_api.py::test_no_answer_but_the_readers_own_decides",
    ),
    _t(
        3,
        "replay",
        "gate/test_attacks.py::test_the_attack_is_refused_for_its_reason",
        "e2e/test_forgeries_api.py::test_a_button_that_is_pressed_twice_signs_once",
        "db/test_people.py::test_a_code_used_twice_at_the_same_moment_works_once",
        "db/test_launches.py::test_a_link_used_by_many_at_the_same_moment_works_once",
    ),
    _t(
        4,
        "approving by fatigue or macro",
        "threats/test_threats.py::test_t04_no_operation_takes_opinions_on_two_results",
        "desk/test_desk_kept.py::test_two_clicks_on_sign_are_one_opinion",
        lacks="the load of one reader has no cap, and nothing signals rubber-stamping",
    ),
    _t(
        5,
        "tampered audit log",
        "gate/test_evidence.py::test_an_owner_who_touches_the_journal_is_found",
        "gate/test_evidence.py::test_an_owner_who_cuts_the_journals_end_is_found_by_the_anchor",
        "bridge/test_journal_keeping.py::test_each_tampering_is_a_fault",
        "bridge/test_journal_keeping.py::test_an_end_that_was_cut_off_shows_against_anchors_that_were_kept_elsewhere",
        "bridge/test_stamps.py::test_anchors_that_were_cut_off_behind_a_stamp_are_found",
    ),
    _t(
        6,
        "wrong-patient mix-up",
        "flows/test_identity.py::test_a_number_that_is_somebody_elses_holds_the_study",
        "flows/test_story.py::test_somebody_elses_late_image_quarantines_the_study_instead_of_taking_it_over",
        "e2e/test_main_job.py::test_images_of_two_people_in_one_study_are_set_aside_with_the_reason",
    ),
    _t(
        7,
        "stale draft after new images",
        "db/test_races.py::test_a_send_that_meets_late_images_does_not_begin",
        "e2e/test_main_job.py::test_a_late_image_makes_the_draft_stale_and_opens_a_new_revision",
    ),
    _t(
        8,
        "content changed after approval",
        "e2e/test_forgeries_sql.py::test_other_bytes_under_a_real_release_never_leave",
        "e2e/test_forgeries_sql.py::test_bytes_that_changed_in_the_vault_after_the_signature_never_leave",
        "gate/test_evidence.py::test_an_owner_who_edits_what_was_endorsed_is_found_before_anything_is_sent",
    ),
    _t(
        9,
        "malicious DICOM",
        "museum/test_museum_listener.py::test_an_exhibit_is_kept_or_refused_by_name",
        "museum/test_museum_doors.py::test_an_exhibit_is_stored_or_refused_by_name",
        "dicom/test_structure.py::test_a_preamble_that_is_a_program_is_refused",
        "dicom/test_structure.py::test_a_deflate_bomb_stops_at_the_limit",
    ),
    _t(
        10,
        "malicious FHIR or HL7",
        "fhir/test_fhir_wire.py::test_a_hostile_or_broken_body_is_refused_with_an_outcome",
        "fhir/test_fhir_fuzz.py::test_the_door_lets_no_other_error_escape",
        "hl7v2/test_hl7_door.py::test_bad_input_is_refused_with_its_reason_and_the_next_message_is_taken",
    ),
    _t(
        11,
        "unauthorised AE title",
        "dicom/test_admission.py::test_a_stranger_is_rejected_and_recorded",
        "dicom/test_admission.py::test_a_sender_is_rejected_from_another_network",
        "dicom/test_tls.py::test_the_certificate_of_another_sender_of_the_house_is_not_enough",
    ),
    _t(
        12,
        "patient data in logs, queues, metrics, file names, traces",
        "canary/test_no_patient_data_leaks.py::test_nothing_says_who_the_patient_is",
        "canary/test_no_patient_data_leaks.py::test_the_search_finds_what_is_planted_in_every_sink",
    ),
    _t(
        13,
        "model tampering or hostile model",
        "inference/test_model_graph.py::test_data_in_another_file_is_refused_wherever_it_is_asked_for",
        "inference/test_model_graph.py::test_operators_that_are_not_onnx_own_are_refused_wherever_they_are_named",
        "e2e/test_models.py::test_a_hostile_model_ends_visibly_and_the_next_study_goes_on",
    ),
    _t(
        14,
        "insider with database access",
        "gate/test_evidence.py::test_an_owner_who_edits_what_was_endorsed_is_found_before_anything_is_sent",
        "gate/test_evidence.py::test_an_old_backup_that_was_put_back_is_found_by_the_anchor",
        "e2e/test_forgeries_sql.py::test_afterwards_the_export_shows_every_forged_seal",
        lacks="changes of the schema are not journaled; the owner alone can make them",
    ),
    _t(
        15,
        "rights stale or borrowed",
        "gate/test_attacks.py::test_the_attack_is_refused_for_its_reason",
        "flows/test_rights.py::test_a_right_that_is_lost_between_question_and_signature_signs_nothing",
        "desk/test_desk_rights.py::test_the_api_refuses_what_the_page_does_not_offer",
    ),
    _t(
        16,
        "race of a stop and a release",
        "db/test_races.py::test_a_send_that_meets_a_stop_waits_for_it_and_does_not_begin",
        "db/test_races.py::test_a_signature_that_meets_a_stop_waits_for_it_and_is_refused",
    ),
    _t(
        17,
        "shadow results seen",
        "flows/test_rollout.py::test_the_desk_knows_no_shadow_result_by_any_of_its_doors",
        "flows/test_rollout.py::test_a_shadow_looks_at_every_case_and_no_reader_and_no_destination_ever_sees_it",
    ),
    _t(
        18,
        "blind read broken",
        "desk/test_desk_first_read.py::test_no_address_says_a_word_of_the_draft",
        "gate/test_attacks.py::test_the_attack_is_refused_for_its_reason",
    ),
    _t(
        19,
        "prompt injection",
        lacks="no generative model runs here, so nothing reads text as an instruction; one that did would need tests",
    ),
    _t(
        20,
        "gaming the numbers",
        "bridge/test_figures.py::test_nothing_is_printed_below_its_minimum",
        "bridge/test_figures.py::test_only_what_the_model_could_have_answered_counts_for_its_failures",
        lacks="no report carries a digest of its data, and no truth is collected",
    ),
    _t(
        21,
        "ransomware",
        "bridge/test_journal_keeping.py::test_the_stand_alone_verifier_says_holds",
        lacks="a restore is not rehearsed by a test, and there is no cut-off mode",
    ),
    _t(
        22,
        "curious access",
        "desk/test_desk_access.py::test_each_role_does_what_the_table_says_and_no_more",
        "desk/test_desk_access.py::test_who_decides_nothing_never_sees_a_draft",
        lacks="a reader sees every case of the site: no care team is checked, and there is no break-glass",
    ),
    _t(
        23,
        "leak between hospitals",
        "flows/test_rights.py::test_a_right_of_another_major_version_or_site_shows_nothing",
        lacks="one installation is one hospital: rows of several sites share tables without row-level security",
    ),
    _t(
        24,
        "clock manipulation",
        "bridge/test_stamps.py::test_t24_a_head_that_says_it_is_younger_than_its_stamp_is_found",
        "gate/test_attacks.py::test_the_attack_is_refused_for_its_reason",
        "guarantee/test_runs.py::test_a_clock_that_is_set_back_makes_no_time_below_zero",
        lacks="a clock that is behind looks like an authority that was away",
    ),
    _t(
        25,
        "lost retraction",
        "flows/test_recall.py::test_what_cannot_be_taken_back_keeps_its_cause_and_is_tried_again",
        "flows/test_outward.py::test_word_of_a_withdrawal_is_sent_again_too",
        "flows/test_recall.py::test_who_was_shown_a_result_is_told_until_they_have_read_of_it",
    ),
)
"""Every threat, in the order of the model."""


def printed() -> str:
    """Return the table."""
    rows = ["| threat | | met by | lacks |", "| --- | --- | --- | --- |"]
    rows += [f"| {one.id} | {one.name} | {'<br>'.join(one.tests)} | {one.lacks or '–'} |" for one in THREATS]
    return "\n".join(rows)


if __name__ == "__main__":
    print(printed())
