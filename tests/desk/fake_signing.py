"""The passkeys of a desk in memory: gestures are believed by the real code, and kept in dictionaries."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bridge.passkeys import ALGORITHMS, Party, Passkeys, auth_by
from bridge.web.services import Session
from bridge.web.signing import Asked, Means, Prepared
from guarantee.answer import Answer
from guarantee.errors import Forged, GestureRefused, NotEntitled
from guarantee.gesture import Gesture, Passkey, challenge_of
from guarantee.opinion import Reader


@dataclass(slots=True)
class _Kept:
    passkey: Passkey
    added_at: datetime
    ended_at: datetime | None = None


class Memory:
    """Keeps the contract of bridge/db/passkeys.py."""

    def __init__(self) -> None:
        self.keys: dict[str, _Kept] = {}
        self.challenges: dict[tuple[str, str, str], datetime] = {}
        self.counters: dict[str, int] = {}

    def add(self, passkey: Passkey, at: datetime) -> None:
        self.keys[passkey.id] = _Kept(passkey, at)

    def of(self, login: str) -> Sequence[_Kept]:
        return [kept for kept in self.keys.values() if kept.passkey.login == login]

    def find(self, passkey: str) -> _Kept | None:
        return self.keys.get(passkey)

    def revoke(self, passkey: str, *, by: str, reason: str, at: datetime) -> None:
        self.keys[passkey].ended_at = at

    def counted(self, passkey: str) -> int:
        return self.counters.get(passkey, 0)

    def issue(self, challenge: str, session: str, purpose: str, at: datetime) -> None:
        self.challenges[challenge, session, purpose] = at

    def take(self, challenge: str, session: str, purpose: str, *, since: datetime, at: datetime) -> datetime | None:
        issued = self.challenges.pop((challenge, session, purpose), None)
        return issued if issued is not None and issued > since else None


class FakeSigning:
    """Keeps the contract of bridge/web/signing.py over a FakeDesk."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.stored = Memory()
        self.passkeys = Passkeys(stored=self._opened, party=Party(origin="http://desk.test", name="Aval"), now=desk.now)

    def live_at(self, origin: str) -> None:
        self.passkeys = replace(self.passkeys, party=Party(origin=origin, name="Aval"))

    @contextmanager
    def _opened(self, _actor: str) -> Iterator[Memory]:
        with self.desk.lock:
            yield self.stored

    def means(self, login: str) -> Sequence[Means]:
        return [
            Means(
                id=kept.passkey.id,
                name=kept.passkey.name,
                algorithm=kept.passkey.algorithm,
                added_at=kept.added_at,
                ended_at=kept.ended_at,
            )
            for kept in self.stored.of(login)
        ]

    def gesture_of(self, result: str) -> str:
        self.desk._case(result)
        asked: str = self.desk.policy.gesture
        return asked

    def ask_for_another(self, reader: Reader, token: str, code: str) -> Asked:
        from tests.desk.people import code_of

        if code != code_of(reader.login):
            raise NotEntitled("wrong code")
        return Asked(
            challenge=self.passkeys.ask_for_another(reader.login, token),
            host=self.passkeys.party.id,
            desk="Aval",
            user="dXNlcg",
            known=self.passkeys.counting(reader.login),
            algorithms=tuple(ALGORITHMS),
            life_s=120,
        )

    def add(self, reader: Reader, token: str, name: str, said: tuple[str, str]) -> Means:
        added = self.passkeys.add(reader.login, token, name, said)
        return next(one for one in self.means(reader.login) if one.id == added.id)

    def revoke(self, reader: Reader, passkey: str) -> None:
        self.passkeys.revoke(passkey, by=reader.login, reason="", owner=reader.login)

    def prepare(self, result: str, reader: Reader, auth: str, token: str, answer: Answer) -> Prepared:
        at = self.desk.now()
        case = self.desk.cases[result]
        session = Session(reader=reader, auth=auth_by(auth), since=at)
        payload = self.desk.statement(case, session, answer, self.desk.endorsed(case, answer), at).to_bytes()
        challenge = challenge_of(payload)
        return Prepared(
            challenge=challenge,
            statement=hashlib.sha256(payload).hexdigest(),
            host=self.passkeys.party.id,
            passkeys=self.passkeys.issue(challenge, reader.login, token, at),
            life_s=120,
        )

    def answer(self, result: str, reader: Reader, auth: str, token: str, signed: tuple[Answer, Gesture]) -> None:
        answer, gesture = signed
        at = self.passkeys.take(gesture, reader.login, token)
        session = Session(reader=reader, auth=auth_by(auth), since=at)
        try:
            self.desk.answer(result, session, answer, (gesture, at))
        except Forged as error:
            raise GestureRefused(str(error)) from error
        self.stored.counters[gesture.passkey] = gesture.counter
