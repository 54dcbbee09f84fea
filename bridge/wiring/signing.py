"""The desk's signing over passkeys, accounts and the review flow."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bridge import accounts
from bridge.db.passkeys import SqlPasskeys
from bridge.db.store import SqlStore
from bridge.flows import review
from bridge.passkeys import ALGORITHMS, CHALLENGE_LIFE, Party, Passkeys, StoredLike, auth_by, encoded
from bridge.web.signing import Asked, Means, Prepared
from guarantee.answer import Answer
from guarantee.errors import Absent, NotEntitled
from guarantee.gesture import Gesture, challenge_of
from guarantee.ids import ResultId
from guarantee.opinion import Reader
from guarantee.ports import Clock
from guarantee.result import Mode

_log = logging.getLogger("aval.desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealSigning:
    """Implements bridge.web.signing.Signing."""

    store: SqlStore
    review: review.Review
    sign_ins: accounts.Desk
    passkeys: Passkeys

    def means(self, login: str) -> Sequence[Means]:
        """Return the passkeys of a person."""
        return tuple(_means(one) for one in self.passkeys.of(login))

    def gesture_of(self, result: str) -> str:
        """Return what the policy of a result asks of each opinion."""
        with self.store.reading() as unit:
            row = unit.views.result(result)
            if row is None or row.result.mode is not Mode.CARE:
                raise Absent(result)
            return unit.gate.policy(row.result.policy).gesture

    def ask_for_another(self, reader: Reader, token: str, code: str) -> Asked:
        """Return what a new passkey is asked for."""
        if accounts.verify_code(reader.login, code, self.sign_ins).login != reader.login:
            raise NotEntitled("another person's code")
        party = self.passkeys.party
        return Asked(
            challenge=self.passkeys.ask_for_another(reader.login, accounts.token_digest(token)),
            host=party.id,
            desk=party.name,
            user=encoded(hashlib.sha256(f"{party.origin} {reader.login}".encode()).digest()),
            known=self.passkeys.counting(reader.login),
            algorithms=tuple(ALGORITHMS),
            life_s=int(CHALLENGE_LIFE.total_seconds()),
        )

    def add(self, reader: Reader, token: str, name: str, said: tuple[str, str]) -> Means:
        """Keep a new passkey."""
        added = self.passkeys.add(reader.login, accounts.token_digest(token), name, said)
        return next(one for one in self.means(reader.login) if one.id == added.id)

    def revoke(self, reader: Reader, passkey: str) -> None:
        """Let one's own passkey sign nothing from now on."""
        self.passkeys.revoke(passkey, by=reader.login, reason="by its owner", owner=reader.login)

    def prepare(self, result: str, reader: Reader, auth: str, token: str, answer: Answer) -> Prepared:
        """Fix the statement that an answer makes."""
        statement = review.prepare(ResultId(result), reader, auth_by(auth), answer, self.review)
        payload = statement.to_bytes()
        challenge = challenge_of(payload)
        session = accounts.token_digest(token)
        return Prepared(
            challenge=challenge,
            statement=hashlib.sha256(payload).hexdigest(),
            host=self.passkeys.party.id,
            passkeys=self.passkeys.issue(challenge, reader.login, session, statement.signed_at),
            life_s=int(CHALLENGE_LIFE.total_seconds()),
        )

    def answer(self, result: str, reader: Reader, auth: str, token: str, signed: tuple[Answer, Gesture]) -> None:
        """Take an opinion that was prepared and signed."""
        answer, gesture = signed
        at = self.passkeys.take(gesture, reader.login, accounts.token_digest(token))
        signing = review.Signing(gesture=gesture, at=at)
        decision = review.answer(ResultId(result), reader, auth_by(auth), answer, self.review, signing=signing)
        _log.info("opinion.taken result=%s decided=%s level=L2", result, decision is not None)


def passkeys_over(store: SqlStore, party: Party, clock: Clock) -> Passkeys:
    """Return what keeps passkeys in ``store``."""

    @contextmanager
    def stored(actor: str) -> Iterator[SqlPasskeys]:
        with store.transaction(actor) as unit:
            yield unit.passkeys

    return Passkeys(stored=stored, party=party, now=clock.now)


def _means(one: StoredLike) -> Means:
    key = one.passkey
    return Means(id=key.id, name=key.name, algorithm=key.algorithm, added_at=one.added_at, ended_at=one.ended_at)
