"""One sign-in that a browser began: what is asked of the provider, and what the browser alone can finish.

Nothing of it is kept where it could be used: the database has digests of the state and of the browser's cookie, and the
rest enciphered with a key that only the cookie gives.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from cryptography.fernet import Fernet, InvalidToken

from bridge.oidc.errors import Astray, ProviderUnavailable
from bridge.oidc.jose import encoded

LIFE: Final = timedelta(minutes=5)
"""How long a sign-in may take at the provider: finding the card or the telephone, once."""

REQUESTS_MAX: Final = 10_000
"""Sign-ins that are kept at a time, three a second all hour long: anybody may begin one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the provider; 256 bits each.

    Args:
        verifier: of PKCE (RFC 7636).
        target: own page to go to afterwards.
    """

    state: str
    nonce: str
    verifier: str
    target: str


class Requests(Protocol):
    """Where sign-ins that have begun are kept."""

    def holds(self, many: int) -> bool:
        """Return whether ``many`` are kept, or more."""

    def add(self, state: str, browser: str, sealed: str, at: datetime) -> None:
        """Keep one; ``state`` and ``browser`` are digests."""

    def take(self, state: str, browser: str, *, since: datetime, at: datetime) -> str | None:
        """Return what was sealed, once; None when there is none, it is older than ``since``, or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Begins sign-ins and recognises their ends."""

    requests: Callable[[], AbstractContextManager[Requests]]
    now: Callable[[], datetime]

    def begin(self, target: str, browser: str) -> Asked:
        """Return a new sign-in of the browser that holds ``browser``, for somebody on the way to ``target``.

        Raises:
            ProviderUnavailable: too many have begun.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = Asked(state=state, nonce=nonce, verifier=verifier, target=target)
        sealed = _cipher(browser).encrypt(json.dumps(asdict(asked)).encode()).decode()
        with self.requests() as requests:
            if requests.holds(REQUESTS_MAX):
                raise ProviderUnavailable("too many sign-ins were begun")
            requests.add(digest(state), digest(browser), sealed, self.now())
        return asked

    def recognise(self, state: str, browser: str) -> Asked:
        """Return the sign-in that ``state`` belongs to. From now on it is used.

        Raises:
            Astray: this browser began none, it took too long, or it is used.
        """
        now = self.now()
        with self.requests() as requests:
            sealed = requests.take(digest(state), digest(browser), since=now - LIFE, at=now)
        if sealed is None:
            raise Astray("no such sign-in of this browser")
        try:
            return Asked(**json.loads(_cipher(browser).decrypt(sealed.encode())))
        except InvalidToken:
            raise Astray("another browser's sign-in") from None


def new_browser() -> str:
    """Return what a browser is recognised by between leaving and coming back: 256 bits."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """Return what the database keeps."""
    return hashlib.sha256(text.encode()).hexdigest()


def s256(verifier: str) -> str:
    """Return the code challenge of a verifier (RFC 7636, 4.2)."""
    return encoded(hashlib.sha256(verifier.encode()).digest())


def _cipher(browser: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"aval sign-in " + browser.encode()).digest()))
