"""What the desk's pages and API ask of whoever keeps passkeys, as one protocol with plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guarantee.answer import Answer
from guarantee.gesture import Gesture
from guarantee.opinion import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """One passkey of a person.

    Args:
        ended_at: when it was revoked; None while it counts.
    """

    id: str
    name: str
    algorithm: str
    added_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an authenticator is asked for a new key.

    Args:
        host: to which browsers bind it.
        user: an opaque number of the person, base64url.
        known: passkeys that this person has already.
        algorithms: COSE numbers, the preferred one first.
        life_s: how long the answer may take, in seconds.
    """

    challenge: str
    host: str
    desk: str
    user: str
    known: tuple[str, ...]
    algorithms: tuple[int, ...]
    life_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What an authenticator is asked to sign.

    Args:
        challenge: the digest of the statement, base64url.
        statement: the same, hexadecimal, for people to compare.
        passkeys: those that may sign it.
    """

    challenge: str
    statement: str
    host: str
    passkeys: tuple[str, ...]
    life_s: int


class Signing(Protocol):
    """Passkeys at the desk. ``token`` is that of the session; every method may raise what guarantee/errors.py says."""

    def means(self, login: str) -> Sequence[Means]:
        """Return the passkeys of a person, oldest first, those that were revoked too."""

    def gesture_of(self, result: str) -> str:
        """Return what the policy of a result asks of each opinion: "passkey" or "".

        Raises:
            Absent: there is no such result, or it is in shadow mode.
        """

    def ask_for_another(self, reader: Reader, token: str, code: str) -> Asked:
        """Return what a new passkey is asked for.

        Raises:
            NotEntitled: the one-time code is wrong or was used: an open session alone adds no passkey.
        """

    def add(self, reader: Reader, token: str, name: str, said: tuple[str, str]) -> Means:
        """Keep a new passkey, given client data and attestation.

        Raises:
            GestureRefused: it is not what was asked for.
        """

    def revoke(self, reader: Reader, passkey: str) -> None:
        """Let one's own passkey sign nothing from now on.

        Raises:
            NotEntitled: it is none of theirs.
        """

    def prepare(self, result: str, reader: Reader, auth: str, token: str, answer: Answer) -> Prepared:
        """Fix the statement that an answer makes, for two minutes.

        Raises:
            GestureMissing: this person has no passkey. And as ``Desk.answer``.
        """

    def answer(self, result: str, reader: Reader, auth: str, token: str, signed: tuple[Answer, Gesture]) -> None:
        """Take an opinion that was prepared and signed.

        Raises:
            GestureRefused: the gesture does not count, or is over another statement. And as ``Desk.answer``.
        """
