"""Signing in: a password and a one-time code, both of which work without any network.

Sessions are ours: an opaque 256-bit token in the browser, its digest in the database, idle and absolute limits. Whom an
identity provider vouches for (bridge/oidc) is found among the accounts by professional identifier, and gets the same
kind of session.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import pyotp
from cryptography.fernet import Fernet

from bridge.files import write_secret
from guarantee.errors import NotEntitled
from guarantee.opinion import Reader

IDLE: Final = timedelta(minutes=30)
"""A session that nobody used for so long is closed: a shared post must not stay open."""

SESSION_MAX: Final = timedelta(hours=10)
"""Longest session: one shift."""

HANDOVER: Final = timedelta(seconds=60)
"""How long a session may be taken over by another window of its browser; opening one takes a second."""

AUTH: Final = "password+totp"
"""How somebody who signs in here proved who they are; recorded with every opinion."""

AT_PROVIDER: Final = "oidc:"
"""How ``auth`` begins for somebody who signed in at the identity provider; its level follows, e.g. "oidc:eidas1"."""

_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1}
_SCRYPT_MEMORY_BYTES: Final = 64 * 1024 * 1024
_STEP_S: Final = 30
_REFUSED: Final = "login, password or one-time code is wrong"


class AccountLike(Protocol):
    """What is stored of a person."""

    @property
    def reader(self) -> Reader:
        """The person."""

    @property
    def password(self) -> str:
        """The scrypt text."""

    @property
    def second_factor(self) -> str:
        """The encrypted secret."""

    @property
    def active(self) -> bool:
        """Whether the account is open."""


class SittingLike(Protocol):
    """What is stored of a session."""

    @property
    def account(self) -> AccountLike:
        """Whose it is."""

    @property
    def auth(self) -> str:
        """How they proved it."""

    @property
    def created_at(self) -> datetime:
        """When it began."""

    @property
    def seen_at(self) -> datetime:
        """When it was last used."""

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, or None."""


class Accounts(Protocol):
    """Where people and sessions are stored."""

    def add(self, reader: Reader, password: str, second_factor: str, at: datetime) -> None:
        """Insert a person."""

    def find(self, login: str) -> AccountLike | None:
        """Return the person called ``login``, or None."""

    def find_professional(self, professional_id: str) -> Sequence[AccountLike]:
        """Return the open accounts with this professional identifier."""

    def use_step(self, login: str, step: int) -> bool:
        """Note that a code of this time step was used; return False when it already was."""

    def note_sign_in(self, login: str, outcome: str, at: datetime, *, auth: str = AUTH) -> None:
        """Record an attempt."""

    def open_session(self, token: str, login: str, auth: str, at: datetime, *, since: datetime | None = None) -> None:
        """Insert a session of somebody who signed in at ``since``, or else at ``at``."""

    def hand_over(self, ticket: str, session: str, at: datetime) -> None:
        """Let a session go on in another window."""

    def take_over(self, ticket: str, since: datetime, at: datetime) -> str | None:
        """Return the session that is handed on, once."""

    def session(self, token: str) -> SittingLike | None:
        """Return the session, or None."""

    def touch(self, token: str, at: datetime) -> None:
        """Note that the session was used."""

    def end(self, token: str, at: datetime) -> None:
        """End the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What signing in needs.

    Args:
        accounts: opens a transaction over the stored accounts, as the named actor.
        secrets: encrypts one-time secrets.
        codes_work_once: False in the demonstration only, where one person signs in from two places within 30 s.
    """

    accounts: Callable[[str], AbstractContextManager[Accounts]]
    secrets: Fernet
    now: Callable[[], datetime]
    codes_work_once: bool = True


def load_secrets(folder: Path) -> Fernet:
    """Return the cipher of one-time secrets, creating its key (mode 0600) when absent."""
    path = folder / "secrets.key"
    if not path.exists():
        write_secret(path, Fernet.generate_key())
    return Fernet(path.read_bytes())


def add_person(reader: Reader, password: str, desk: Desk, *, secret: str | None = None) -> str:
    """Add a person and return their one-time secret (base32), to be put into their authenticator.

    Args:
        password: "" for somebody who never signs in here: a random one that nobody knows.
    """
    password = password or secrets.token_urlsafe(32)
    secret = secret or pyotp.random_base32()
    with desk.accounts("operator") as accounts:
        accounts.add(reader, hash_password(password), desk.secrets.encrypt(secret.encode()).decode(), desk.now())
    return secret


def current_code(login: str, desk: Desk) -> str:
    """Return the one-time code that ``login``'s authenticator shows now: for the demonstration and for cut-off mode.

    Raises:
        NotEntitled: nobody has that login.
    """
    with desk.accounts("operator") as accounts:
        account = accounts.find(login)
    if account is None:
        raise NotEntitled(f"nobody is called {login}")
    return _totp(account, desk).at(desk.now())


def sign_in(login: str, password: str, code: str, desk: Desk) -> str:
    """Return a new session token.

    Raises:
        NotEntitled: wrong login, password or code, or a code that was used already; always the same message.
    """
    person = _verified(login, password, code, desk)
    token = secrets.token_urlsafe(32)
    with desk.accounts(f"desk:{person.login}") as accounts:
        accounts.note_sign_in(person.login, "opened", desk.now())
        accounts.open_session(token_digest(token), person.login, AUTH, desk.now())
    return token


def sign_in_vouched(professional_id: str, level: str, desk: Desk) -> str | None:
    """Return a new session token for the one open account with ``professional_id``; None when there is no such one.

    Accounts are never made by a sign-in: who may do what here is not the provider's to say.

    Args:
        level: how they proved who they are at the provider, e.g. "eidas1".
    """
    token = secrets.token_urlsafe(32)
    with desk.accounts("desk:sign-in") as accounts:
        found = accounts.find_professional(professional_id) if professional_id else ()
        login = found[0].reader.login if len(found) == 1 else ""
        if login:
            accounts.open_session(token_digest(token), login, AT_PROVIDER + level, desk.now())
        accounts.note_sign_in(login, "opened" if login else "refused-unknown", desk.now(), auth=AT_PROVIDER + level)
    return token if login else None


def login_of(professional_id: str, desk: Desk) -> str:
    """Return the login of the one open account with ``professional_id``; "" when there is no such one."""
    with desk.accounts("desk:sign-in") as accounts:
        found = accounts.find_professional(professional_id) if professional_id else ()
    return found[0].reader.login if len(found) == 1 else ""


def note_refused(outcome: str, desk: Desk) -> None:
    """Record that what a provider said opened nothing."""
    with desk.accounts("desk:sign-in") as accounts:
        accounts.note_sign_in("", outcome, desk.now(), auth=AT_PROVIDER)


def verify_code(login: str, code: str, desk: Desk) -> Reader:
    """Return the person behind a one-time code alone, for the second person of a resumption.

    Raises:
        NotEntitled: it is not their code, or it was used already.
    """
    with desk.accounts(f"desk:{login}") as accounts:
        account = accounts.find(login)
        if account is None or not account.active or not _use_code(account, code, accounts, desk):
            raise NotEntitled("one of the two people could not be verified: login or one-time code is wrong")
        return account.reader


def session(token: str, desk: Desk, *, active: bool = True) -> tuple[Reader, str, datetime] | None:
    """Return who holds ``token``, how they proved it and since when; None when it is unknown, ended or idle.

    Args:
        active: False for what a page does by itself: it is no sign of life.
    """
    return session_behind(token_digest(token), desk, active=active)


def session_behind(digest: str, desk: Desk, *, active: bool) -> tuple[Reader, str, datetime] | None:
    """Return the same for the digest of a token, which is all that is kept of one."""
    now = desk.now()
    with desk.accounts("desk:session") as accounts:
        sitting = accounts.session(digest)
        if sitting is None or sitting.ended_at is not None or not sitting.account.active:
            return None
        if _is_over(sitting, now):
            accounts.end(digest, now)
            return None
        if active and now - sitting.seen_at > timedelta(minutes=1):  # one write a minute, not one a click
            accounts.touch(digest, now)
        return sitting.account.reader, sitting.auth, sitting.created_at


def hand_over(token: str, desk: Desk) -> str:
    """Return what lets another window of the same browser go on with the session of ``token``: once, for a minute.

    A frame of another site keeps its cookies apart, so the window that it opens is signed in by this alone.
    """
    ticket = secrets.token_urlsafe(32)
    with desk.accounts("desk:session") as accounts:
        accounts.hand_over(token_digest(ticket), token_digest(token), desk.now())
    return ticket


def take_over(ticket: str, desk: Desk) -> str | None:
    """Return a session token for the window that ``ticket`` was given to; None when it is used, too old or unknown.

    It is a session of its own, which began when the first one did: it lives no longer.
    """
    now, token = desk.now(), secrets.token_urlsafe(32)
    with desk.accounts("desk:session") as accounts:
        session = accounts.take_over(token_digest(ticket), now - HANDOVER, now)
        sitting = accounts.session(session) if session else None
        if sitting is None or sitting.ended_at is not None or not sitting.account.active or _is_over(sitting, now):
            return None
        login = sitting.account.reader.login
        accounts.note_sign_in(login, "handed-on", now, auth=sitting.auth)
        accounts.open_session(token_digest(token), login, sitting.auth, now, since=sitting.created_at)
    return token


def sign_out(token: str, desk: Desk) -> None:
    """End the session of ``token``."""
    with desk.accounts("desk:session") as accounts:
        accounts.end(token_digest(token), desk.now())


def token_digest(token: str) -> str:
    """Return what the database keeps of a token: a copy of the table opens no session."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return ``scrypt$n$r$p$salt$hash``."""
    salt = secrets.token_bytes(16)
    made = _scrypt(password, salt, **_SCRYPT)
    return f"scrypt${_SCRYPT['n']}${_SCRYPT['r']}${_SCRYPT['p']}${salt.hex()}${made.hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Return whether ``password`` is the one that was hashed."""
    _, n, r, p, salt, made = stored.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), n=int(n), r=int(r), p=int(p)).hex(), made)


def _is_over(sitting: SittingLike, now: datetime) -> bool:
    return now - sitting.seen_at > IDLE or now - sitting.created_at > SESSION_MAX


def _verified(login: str, password: str, code: str, desk: Desk) -> Reader:
    with desk.accounts("desk:sign-in") as accounts:
        account = accounts.find(login)
    # Somebody who does not exist costs as much time as somebody who does.
    matches = password_matches(password, account.password if account else _NOBODY)
    with desk.accounts("desk:sign-in") as accounts:
        if account is None or not account.active or not matches or not _use_code(account, code, accounts, desk):
            accounts.note_sign_in(login if account else "", "refused", desk.now())
            refused = True
        else:
            refused = False
    if refused or account is None:
        raise NotEntitled(_REFUSED)
    return account.reader


def _use_code(account: AccountLike, code: str, accounts: Accounts, desk: Desk) -> bool:
    totp = _totp(account, desk)
    now = int(desk.now().timestamp())
    given = code.strip().replace(" ", "").encode(errors="replace")  # as bytes: other letters than ASCII's are no code
    for step in (now // _STEP_S, now // _STEP_S - 1, now // _STEP_S + 1):
        if hmac.compare_digest(totp.at(step * _STEP_S).encode(), given):
            return accounts.use_step(account.reader.login, step) or not desk.codes_work_once
    return False


def _totp(account: AccountLike, desk: Desk) -> pyotp.TOTP:
    return pyotp.TOTP(desk.secrets.decrypt(account.second_factor.encode()).decode())


def _scrypt(password: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY_BYTES, dklen=32
    )


_NOBODY: Final = f"scrypt${_SCRYPT['n']}${_SCRYPT['r']}${_SCRYPT['p']}${'00' * 16}${'00' * 32}"
