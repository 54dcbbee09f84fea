"""A world with a desk that takes passkeys."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyotp
from cryptography.fernet import Fernet
from sqlalchemy import text

from bridge import accounts, journal
from bridge.db.accounts import SqlAccounts
from bridge.db.views import SqlJournal
from bridge.flows import review
from bridge.journal import Keeper
from bridge.passkeys import Party
from bridge.seal import checking_ring, create_keys, public_keys, signing_ring
from bridge.wiring.signing import RealSigning, passkeys_over
from guarantee.answer import Answer
from guarantee.gesture import Gesture
from guarantee.opinion import Verdict
from guarantee.result import Result
from guarantee.states import ResultState
from tests.authenticator import Authenticator
from tests.flows.fakes import READER, arrival
from tests.flows.world import World

VERIFIER = Path(__file__).parents[2] / "deploy" / "verify_journal.py"
ORIGIN = "https://aval.chu.example"
L1 = "password+totp"


class Office:
    """A world with a desk that takes passkeys; dr. READER and SECOND have an authenticator with each algorithm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        create_keys(self.keys)
        self.world = World(folder)
        self.world.ring = signing_ring(self.keys, "desk")

        @contextmanager
        def people(actor: str) -> Iterator[SqlAccounts]:
            with self.world.sql.transaction(actor) as unit:
                yield unit.accounts

        cipher = Fernet(Fernet.generate_key())
        self.secret = pyotp.random_base32()
        with self.world.engine.begin() as connection:
            stored = cipher.encrypt(self.secret.encode()).decode()
            connection.execute(text("DROP TRIGGER note_user_changed"))  # the world's people have no second factor
            connection.execute(text("UPDATE users SET second_factor = :secret"), {"secret": stored})
        self.signing = RealSigning(
            store=self.world.sql,
            review=self.world.review,
            sign_ins=accounts.Desk(accounts=people, secrets=cipher, now=self.world.clock.now, codes_work_once=False),
            passkeys=passkeys_over(self.world.sql, Party(origin=ORIGIN, name="Aval"), self.world.clock),
        )

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.world.clock.time)

    def add(self, key: Authenticator, reader: Any = READER, token: str = "token") -> Authenticator:
        asked = self.signing.ask_for_another(reader, token, self.code())
        self.signing.add(reader, token, "clé", key.create(asked.challenge))
        return key

    def drafted(self, number: int) -> Result:
        self.world.drafted(arrival(self.world.vault, study=f"1.2.{number}"))
        return next(result for result in self.world.results() if result.state is ResultState.AWAITING_REVIEW)

    def answer(self, result: Result) -> Answer:
        question = review.ask(result.id, READER, self.world.review)
        return Answer(
            nonce=question.nonce,
            shown=question.shown,
            verdict=Verdict.ACCEPT,
            reason=None,
            comment="",
            patient_informed="to-do",
            edits=None,
        )

    def prepared(self, result: Result, answer: Answer) -> str:
        return self.signing.prepare(result.id, READER, L1, "token", answer).challenge

    def sign(
        self, result: Result, answer: Answer, gesture: Gesture, reader: Any = READER, token: str = "token"
    ) -> None:
        self.signing.answer(result.id, reader, L1, token, (answer, gesture))

    def signed(self, result: Result, key: Authenticator) -> None:
        answer = self.answer(result)
        self.sign(result, answer, key.sign(self.prepared(result, answer)))

    def opinions(self, result: Result) -> tuple[Any, ...]:
        with self.world.sql.reading() as unit:
            return unit.gate.opinions(result.id)

    # --------------------------------------------------------------------------------------------- the export

    def export(self) -> list[dict[str, Any]]:
        @contextmanager
        def links() -> Iterator[SqlJournal]:
            with self.world.sql.reading() as unit:
                yield unit.journal

        keeper = Keeper(
            journal=links,
            site="site-1",
            places=[],
            sealer=signing_ring(self.keys, "journal"),
            witness=checking_ring(self.keys),
            now=self.world.clock.now,
        )
        return [json.loads(line) for line in journal.export_lines(keeper, public_keys(self.keys))]

    def judge(self, lines: list[dict[str, Any]], *more: str) -> tuple[int, str]:
        path = self.folder / "export.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        keys = [part for key in sorted(self.keys.glob("*.pub")) for part in ("--key", str(key))]
        command = [sys.executable, "-I", str(VERIFIER), str(path), *keys, *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr
