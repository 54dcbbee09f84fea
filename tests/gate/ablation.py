"""What each wall is for: take it down and see what gets through. ``python -m tests.gate.ablation`` prints it."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.db.databases import PostgreSQLTemplate, SQLiteTemplate
from tests.gate.attacks import Attack
from tests.gate.attacks_on_cases import CASES, IDENTITIES, REST
from tests.gate.attacks_on_decisions import DECISIONS, OPINIONS
from tests.gate.attacks_on_first_reads import FIRST_READS
from tests.gate.attacks_on_gestures import GESTURES
from tests.gate.attacks_on_history import FOREVER, LINKS
from tests.gate.attacks_on_incidents import INCIDENTS
from tests.gate.attacks_on_lives import LIVES
from tests.gate.attacks_on_objections import OBJECTIONS
from tests.gate.attacks_on_preparations import PREPARATIONS
from tests.gate.attacks_on_recalls import RECALLS
from tests.gate.attacks_on_rights import RIGHTS
from tests.gate.attacks_on_sending import RELEASES, SENDING
from tests.gate.attacks_on_sign_ins import SIGN_INS
from tests.gate.attacks_on_versions import VERSIONS
from tests.gate.constraints import CONSTRAINTS, TARGETS
from tests.gate.grants import NEVER_EMPTIED, PLATFORM, ROLE_ATTACKS
from tests.gate.places import TRIGGERS, Place, PostgreSQLPlace, SQLitePlace
from tests.gate.world import Builder
from tests.peers.base import PeerMissing
from tests.peers.postgresql import PostgreSQL

ALL: Final = (
    *OPINIONS,
    *DECISIONS,
    *RELEASES,
    *SENDING,
    *CASES,
    *IDENTITIES,
    *REST,
    *VERSIONS,
    *LIVES,
    *RIGHTS,
    *FIRST_READS,
    *GESTURES,
    *PREPARATIONS,
    *RECALLS,
    *SIGN_INS,
    *INCIDENTS,
    *OBJECTIONS,
    *LINKS,
    *FOREVER,
    *ROLE_ATTACKS,
)

CARRIERS: Final = {name: keys for name, keys in TARGETS.items() if keys}
"""Each UNIQUE that exists so that a foreign key can point at it; without it there is no schema to attack."""

_LEAVES: Final = {
    *("transitions", "inputs", "doubts", "admissions", "rejections", "judgements", "stops", "pauses", "resends"),
    *("retirements", "stages", "appointments", "trial_ends", "revocations", "refusals", "passkey_ends", "gestures"),
    *("examinations", "recall_items", "acknowledgements"),
    *("runs", "features", "exports", "sign_ins", "openings", "orders", "objections", "mentions", "accesses"),
    *("journal", "receipts", "draws", "exposures", "preparations", "local_openings"),
    *("incident_lines", "freeze_ends", "conversations"),
}

REDUNDANT: Final = {
    "opinion_answers_once": "doubled by opinion_one_per_person, because a one-time number is issued to one reader for "
    "one result; kept because it says what a one-time number is, whatever becomes of the other",
    "recall_item_of_a_recall": "doubled by recall_items_as_many_as_ordered, because nobody signed for any result of an "
    "order that does not exist; kept because it says what an item is",
    "recall_item_of_a_result": "doubled by recall_items_were_released; kept because it says what an item is",
    "freeze_for_an_incident": "doubled by freezes_of_the_incidents_case; kept because it says what a freeze is",
    "decision_rejects_everything": "doubled by decision_content_is_its_opinions and decisions_satisfy_the_policy; kept "
    "because a decision must not contradict itself even when those change",
    "appointment_of_a_known_version": "doubled by appointments_of_the_piloted, because a stage is of a known version; "
    "kept because a foreign key says it without a trigger",
    "trial_of_a_known_version": "doubled by trials_from_their_stage_on, for the same reason and kept for the same",
    "release_never_of_a_rejection": "doubled by release_of_exactly_what_was_decided, because a rejection has no "
    "content; kept because it is the promise itself, in one line",
    "impressions_before_any_exposure": "doubled by impression_one_per_reader, because nothing is revealed to a drawn "
    "reader without an impression; kept because it says what a first impression is, whatever becomes of the other",
} | {
    f"{table}_never_truncated": "doubled by the same wall on the tables that refer to it, which TRUNCATE … CASCADE "
    "empties too; kept because its message names the table"
    for table in NEVER_EMPTIED
    if table not in _LEAVES
}
"""Walls that no attack needs alone, and why they stand."""

WALLS_BY_NAME: Final = (*CONSTRAINTS, *TRIGGERS)


def ablatable(attack: Any, dialect: str) -> bool:
    """Return whether the walls that stop ``attack`` can be taken down in ``dialect``."""
    if dialect not in attack.on or PLATFORM in attack.by:
        return False
    return dialect == "postgresql" or not set(attack.by) & CARRIERS.keys()


def only_walls(attacks: Iterable[Attack] = ALL) -> dict[str, list[Attack]]:
    """Return, for each wall or withheld grant, the attacks that say they are stopped by it alone."""
    found: dict[str, list[Attack]] = {}
    for attack in attacks:
        if len(attack.by) == 1 and PLATFORM not in attack.by:
            found.setdefault(attack.by[0], []).append(attack)
    return found


def got_through(place: Place, attack: Attack) -> bool:
    """Return whether ``attack`` is refused as things stand, and gets through once its walls are gone."""
    return place.attempt(attack) is not None and place.attempt(attack, frozenset(attack.by)) is None


def report(places: list[Place]) -> int:
    """Print the table; return how many walls could not be shown to be needed."""
    missing = 0
    alone = only_walls()
    names = [*WALLS_BY_NAME, *sorted(alone.keys() - set(WALLS_BY_NAME))]
    print(f"{'wall':<52} {'only it stops'}")
    for name in names:
        shown = [
            attack.name
            for attack in alone.get(name, [])
            if any(ablatable(attack, place.dialect) and got_through(place, attack) for place in places)
        ]
        if shown:
            more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
            print(f"{name:<52} {shown[0]}{more}")
        elif name in CARRIERS:
            print(f"{name:<52} — carries {', '.join(CARRIERS[name])}")
        elif name in REDUNDANT:
            print(f"{name:<52} — {REDUNDANT[name]}")
        else:
            missing += 1
            print(f"{name:<52} — NOT SHOWN in {', '.join(place.dialect for place in places)}")
    print(
        f"\n{len(ALL)} attacks, {len(names)} walls and withheld grants, {len(REDUNDANT)} redundant, {missing} not shown"
    )
    return missing


def main() -> int:
    """Build both worlds, as far as both databases can be had, and report."""
    with tempfile.TemporaryDirectory() as folder:
        file = SQLiteTemplate(Path(folder)).copy(Path(folder) / "world.sqlite")
        places: list[Place] = [SQLitePlace(file, Builder(file).build())]
        try:
            cluster = PostgreSQL()
        except PeerMissing as reason:
            print(f"without PostgreSQL: {reason}", file=sys.stderr)
            return report(places)
        try:
            database = PostgreSQLTemplate(cluster).copy()
            places.append(PostgreSQLPlace(database, Builder(database).build()))
            return report(places)
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
