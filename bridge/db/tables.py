"""The tables as SQLAlchemy sees them, to write queries with.

Constraints live in the SQL (migrations/sql), where a database administrator reads them; a test asserts that names and
columns here are those of a migrated database, in both dialects.
"""

from typing import Final

from sqlalchemy import Column, Integer, MetaData, Table, Text

metadata = MetaData()

_INTEGERS: Final = frozenset(
    {
        "active",
        "answered",
        "attempt",
        "attempts",
        "below",
        "caught",
        "conflict",
        "first_read",
        "identity_version",
        "n",
        "readers",
        "revision",
        "seq",
        "version",
    }
    | {"fetch_ms", "start_ms", "preprocess_ms", "predict_ms", "postprocess_ms", "store_ms"}
    | {"broken_off", "failures", "holds", "instances", "many", "objects", "round", "second_factor_step", "trying"}
    | {"shadow", "share", "under", "who", "joined", "lines"}
)


def _table(name: str, keys: str, columns: str, *, text: frozenset[str] = frozenset()) -> Table:
    names = [*keys.split(), *columns.split()]
    return Table(
        name,
        metadata,
        *(
            Column(column, Integer if column in _INTEGERS - text else Text, primary_key=column in keys.split())
            for column in names
        ),
    )


transitions = _table("transitions", "machine source verb", "target")
users = _table(
    "users",
    "login",
    "name role professional_id organisation organisation_id password second_factor second_factor_step active added_at",
)
sessions = _table("sessions", "token", "login auth created_at seen_at ended_at")
sign_ins = _table("sign_ins", "id", "login outcome auth at")
authentication_requests = _table("authentication_requests", "state", "browser sealed at used_at")
local_openings = _table("local_openings", "seq", "until by_whom reason at")
handovers = _table("handovers", "ticket", "session at used_at")
viewings = _table("viewings", "ticket", "session study at used_at")
launches = _table("launches", "ticket", "launcher nonce expected wanted login at")
habilitations = _table("habilitations", "id", "person model major site act evidence by_whom by_role since until at")
revocations = _table("revocations", "grant_id holds", "by_whom reason at")
refusals = _table("refusals", "id", "result_id login cause at")
passkeys = _table("passkeys", "id", "login name algorithm public_key at")
passkey_ends = _table("passkey_ends", "passkey", "by_whom reason at")
challenges = _table("challenges", "challenge", "session purpose at used_at")
policies = _table("policies", "ref", "readers gesture objection body added_at first_read learners")
draws = _table("draws", "policy", "seed drawn_below at")
models = _table(
    "models",
    "id",
    "name version digest card added_at parts follows changed revalidation publisher signing_key",
    text=frozenset({"version"}),
)
stages = _table("stages", "model_id n", "stage by_whom reason at")
retirements = _table("retirements", "model_id", "by_whom reason at")
appointments = _table("appointments", "seq", "name model_id step below by_whom second reason at")
trials = _table("trials", "id", "name model_id under shadow share drawn_below site seed by_whom reason at")
trial_ends = _table("trial_ends", "trial_id", "by_whom reason at")
cases = _table(
    "cases",
    "id",
    "kind uid revision state version site patient_identifier patient_issuer patient_name patient_birth_date "
    "patient_sex patient_reference order_number identity_version modality description started encounter manifest "
    "cause admitted opened_at last_input_at moved_at",
)
openings = _table("openings", "id", "login launcher case_id at")
inputs = _table(
    "inputs", "kind case_uid uid digest", "group_uid class revision conflict modality facts sender received_at"
)
doubts = _table("doubts", "case_id cause subject", "holds at")
admissions = _table("admissions", "id", "case_id verdict by_whom reason at")
conversations = _table("conversations", "id kind case_uid", "heard_at ended_at broken_off")
expectations = _table("expectations", "kind case_uid source group_uid", "basis status instances listed at")
rejections = _table("rejections", "kind case_uid uid note", "title at")
judgements = _table("judgements", "case_id", "manifest verdict how shortages instances last_input_at at")
results = _table(
    "results",
    "id",
    "case_id manifest model_id focus mode priority policy identity_version state version draft cause_code "
    "cause_detail attempts queued_at drafted_at moved_at",
)
leases = _table("leases", "result_id", "holder until")
runs = _table(
    "runs",
    "result_id started_at",
    "ended_at holder outcome cause_code sender scanner fetch_ms start_ms preprocess_ms predict_ms postprocess_ms "
    "store_ms",
)
features = _table("features", "model_id mode kind case_uid", "result_id site sender scanner answered at body")
questions = _table("questions", "nonce", "result_id shown mode reader opened_from asked_at expires_at")
opinions = _table(
    "opinions",
    "id",
    "result_id nonce reader reader_role grant_id policy verdict shown content statement seal_key signature signed_at "
    "passkey first_read prepared",
    text=frozenset({"first_read"}),
)
preparations = _table(
    "preparations",
    "id",
    "result_id nonce reader reader_role grant_id policy verdict shown content statement seal_key signature signed_at",
)
first_reads = _table("first_reads", "result_id reader", "reader_role opened_at")
impressions = _table("impressions", "id", "result_id reader kind word note at")
exposures = _table("exposures", "id", "result_id reader surface shown nonce at")
gestures = _table("gestures", "opinion_id", "passkey authenticator_data client_data signature")
decisions = _table("decisions", "id", "result_id opinion_id policy verdict shown content at")
withdrawals = _table("withdrawals", "id", "decision_id result_id reason by_whom content notice seal_key signature at")
releases = _table(
    "releases", "id", "kind result_id decision_id withdrawal_id verdict content terms seal_key signature at"
)
renderings = _table("renderings", "release_id destination", "content package")
deliveries = _table(
    "deliveries",
    "id",
    "release_id kind result_id destination round package state cause_code cause_detail next_attempt_at added_at "
    "moved_at",
)
exports = _table("exports", "id", "decision_id result_id by_whom reason profile objects at")
resends = _table("resends", "release_id destination round", "by_whom reason at")
destinations = _table(
    "destinations", "name", "failures rests_until trying confirmed_at failed_at cause_code cause_detail"
)
pauses = _table("pauses", "seq", "destination action by_whom reason at")
attempts = _table("attempts", "delivery_id n", "package at")
receipts = _table("receipts", "delivery_id", "attempt package method reference at")
stops = _table("stops", "seq", "scope target action by_whom second reason at")
examinations = _table("examinations", "id", "model_id cases failure by_whom at")
recalls = _table("recalls", "id", "reason comment criteria copies many by_whom second at")
recall_items = _table("recall_items", "recall_id result_id", "cause_code cause_detail tried_at")
acknowledgements = _table("acknowledgements", "result_id login", "at")
incidents = _table("incidents", "id", "result_id by_whom caught at")
incident_lines = _table("incident_lines", "incident_id n", "kind subject word note by_whom by_role second at")
freezes = _table("freezes", "id", "incident_id kind case_uid by_whom at")
freeze_ends = _table("freeze_ends", "freeze_id", "by_whom second reason at")
fetches = _table("fetches", "id", "sender site what state attempts next_attempt_at cause_code added_at")
commitments = _table("commitments", "id", "sender aet transaction_uid listed state attempts next_attempt_at asked_at")
turned_away = _table("turned_away", "id", "door sender code detail at")
feed = _table("feed", "sender control digest", "kind outcome at")
orders = _table("orders", "id", "sender message placer filler accession study status body said_at at")
mentions = _table("mentions", "message who issuer value", "joined sender at")
objections = _table("objections", "seq", "id authority identifier word by_whom reason source at")
accesses = _table("accesses", "id", "issuer value by_whom by_role reason lines objects at")
outbox = _table("outbox", "id", "fact at rung_at")
inbox = _table("inbox", "consumer message_id", "at")
journal = _table("journal", "seq", "at actor role action subject body prev hash")

stops_in_force = Table(
    "stops_in_force", MetaData(), *(Column(name, Text) for name in ("scope", "target", "by_whom", "reason", "at"))
)
held_results = Table("held_results", MetaData(), Column("result_id", Text))
frozen_cases = Table("frozen_cases", MetaData(), *(Column(name, Text) for name in ("kind", "case_uid")))
objected_results = Table("objected_results", MetaData(), *(Column(name, Text) for name in ("result_id", "says")))
routine_versions = Table(
    "routine_versions",
    MetaData(),
    *(Column(name, Integer if name in _INTEGERS else Text) for name in ("seq", "name", "model_id", "below")),
)
open_trials = Table(
    "open_trials",
    MetaData(),
    *(
        Column(name, Integer if name in _INTEGERS else Text)
        for name in ("id", "name", "model_id", "under", "shadow", "drawn_below", "site", "seed")
    ),
)
