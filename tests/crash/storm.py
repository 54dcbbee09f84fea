"""Work that never pauses, and somebody who kills: what both tests of crashes share."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from bridge.db.views import Row
from tests.crash.ledger import Account, Outside, account, figures, missing_of, require_chain
from tests.crash.people import Modality, Reader
from tests.e2e.inputs import PHANTOM
from tests.installation import Installation

STAGES = ("reception", "inference", "decision", "delivery")

IN_FLIGHT = {
    "reception": "SELECT count(*) FROM cases WHERE state = 'receiving'",
    "inference": "SELECT count(*) FROM results WHERE state = 'queued'",
    "decision": "SELECT count(*) FROM questions q WHERE NOT EXISTS (SELECT 1 FROM opinions o WHERE o.nonce = q.nonce)"
    " AND EXISTS (SELECT 1 FROM results r WHERE r.id = q.result_id AND r.state = 'awaiting_review')",
    "delivery": "SELECT count(*) FROM deliveries WHERE state = 'due'",
}
"""How many cases stand at each stage."""

ENDS = {"delivered", "stale"}
"""How a signed result ends here; stale when the rest of a study that was cut off came between signature and send."""

LATEST_S = {"reception": 0.5, "inference": 0.8, "decision": 0.25, "delivery": 0.6}
"""How long a stage lasts: the kill comes at a random moment of it."""


@dataclass(slots=True)
class Storm:
    """Everybody at work on one installation.

    Args:
        hit: how often a kill met work at each stage; one kill may meet several.
    """

    installation: Installation
    outside: Outside
    modality: Modality
    reader: Reader
    luck: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)

    def wait_for(self, stage: str) -> None:
        """Wait for a random moment of the next time that some study is at ``stage``."""
        signals = {
            "reception": self.modality.sending,
            "decision": self.reader.signing,
            "delivery": self.reader.released,
        }
        if stage in signals:
            signals[stage].clear()
            assert signals[stage].wait(120), f"no {stage} within two minutes\n{self.installation.tail()}"
        else:
            self.installation.eventually(lambda: self.in_flight()[stage], f"some {stage}")
        time.sleep(self.luck.uniform(0, LATEST_S[stage]))

    def in_flight(self) -> dict[str, int]:
        """Return how much stands at each stage."""
        with self.installation.reading() as unit:
            return {stage: int(unit.connection.scalar(text(sql)) or 0) for stage, sql in IN_FLIGHT.items()}

    def require_nothing_lost(self) -> None:
        """Fail unless everything that was acknowledged is kept, and the journal holds; nobody needs to be alive."""
        told = {uid: set(taken) for uid, taken in self.modality.acknowledged.items()}
        missing = [
            name
            for uid, taken in told.items()
            for name in missing_of(self.installation, self.modality.sent[uid], taken)
        ]
        assert not missing, f"acknowledged and lost: {missing}"
        require_chain(self.installation)
        self.hit.update(stage for stage, many in self.in_flight().items() if many)

    def results(self) -> list[Row]:
        """Return the phantom's results with their cases, the newest revision of a study last."""
        with self.installation.reading() as unit:
            rows = unit.views.results((), limit=1000)
        return sorted((row for row in rows if row.result.model.name == PHANTOM), key=lambda row: row.case.revision)

    def states(self) -> dict[str, str]:
        """Return where the newest result of each study stands."""
        return {row.case.uid: row.result.state for row in self.results()}

    def finished(self) -> bool:
        """Return whether every study that was sent has been delivered."""
        states = self.states()
        return all(states.get(study) == "delivered" for study in self.modality.sent)

    def settle(self) -> Account:
        """Let everybody finish, and return the account."""
        self.modality.finish()
        self.installation.eventually(
            self.finished, f"every study to be delivered; now {Counter(self.states().values())}"
        )
        self.reader.finish()
        assert not self.reader.surprises, self.reader.surprises
        self.require_nothing_lost()
        ends = {row.result.id: row for row in self.results()}
        stuck = {
            name[:8]: str(ends[name].result.state) for name in self.reader.signed if ends[name].result.state not in ENDS
        }
        assert not stuck, f"somebody was told that it is signed: {stuck}"
        return account(self.outside, {name: r.case.uid for name, r in ends.items() if r.result.state == "delivered"})

    def close(self, suite: str, seed: int, found: Account) -> None:
        """Print the figures of a run that was settled, verify its journal, and stop its installation."""
        print(
            figures(
                suite,
                seed=seed,
                kills=self.kills,
                met=self.hit,
                studies=len(self.modality.sent),
                sends=self.modality.tries,
                resent=found.resent,
                lost=len(found.lost),
                doubled=len(found.doubled),
            )
        )
        verified = self.installation.aval("journal", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        self.installation.stop()


@contextmanager
def storm(installation: Installation, outside: Outside, folder: Path, seed: int) -> Iterator[Storm]:
    """Yield everybody at work; stop them whatever happens."""

    def unfinished() -> int:
        try:
            states = made.states()
        except Exception:  # noqa: BLE001 - the database may be the one that was killed: wait
            return 99
        return sum(states.get(study) != "delivered" for study in list(made.modality.sent))

    reader = Reader(installation)
    modality = Modality(installation, folder, unfinished=unfinished)
    made = Storm(installation, outside, modality, reader, random.Random(seed))
    reader.start()
    modality.start()
    try:
        yield made
    finally:
        modality.abandon()
        reader.finish()
