"""What the desk asks of whoever knows the identity provider, as one protocol with plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Somebody whom the provider vouched for.

    Args:
        token: of their new session.
        target: where they were going, as it was given on departure.
    """

    token: str
    target: str


class Entrance(Protocol):
    """The ways in. Every method but ``local`` and ``leave`` raises bridge.oidc errors."""

    def local(self) -> bool:
        """Return whether people may sign in here with login, password and code."""

    def depart(self, target: str, browser: str, language: str) -> str:
        """Return the address of the provider's page for somebody on the way to ``target``.

        Args:
            browser: what the browser's cookie holds, 256 bits in base64url; the answer is taken from it alone.
            language: of the person.

        Raises:
            ProviderUnavailable: there is no provider, or it does not answer.
        """

    def arrive(self, answer: Mapping[str, str], browser: str) -> Arrived:
        """Take what a browser brought back from the provider, once.

        Raises:
            Astray, ProviderRefused, ProviderUnavailable, TokenRefused, LevelTooLow, UnknownHere.
        """

    def begin_launch(self, issuer: str, launch: str, browser: str, language: str) -> str:
        """Return where the browser of a record's SMART launch goes on.

        Args:
            issuer, launch: as the record gave them.

        Raises:
            UntrustedLink: no record of ours launches as ``issuer``.
            ProviderUnavailable: it does not answer.
        """

    def end_launch(self, answer: Mapping[str, str], browser: str) -> str:
        """Return the ticket of a launch that came back; the account of who launched may open it, and no other.

        Raises:
            BadLink, and what ``arrive`` raises.
        """

    def leave(self) -> str:
        """Return the address where people sign out at the provider; "" when there is none."""
