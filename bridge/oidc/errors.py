"""What keeps a sign-in at an identity provider from succeeding.

OidcError
├── ProviderUnavailable   it does not answer, or not as OpenID Connect says
├── ProviderRefused       it said no, or the person did
├── Astray                the answer belongs to no sign-in that this browser began
└── IdentityRefused       the provider said who it is, and that opens nothing here
    ├── TokenRefused      what it sent does not prove it
    ├── LevelTooLow       the person proved it in a weaker way than this site asks for
    └── UnknownHere       nobody here, or more than one account, has this professional identifier

None carries a token, a claim, or anything that came with a request.
"""

from typing import ClassVar


class OidcError(Exception):
    """Root of what keeps a sign-in at a provider from succeeding."""


class ProviderUnavailable(OidcError):
    """The provider does not answer, or not as OpenID Connect says.

    Args:
        why: for the log and `aval check`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the provider cannot be used: {why}")
        self.why = why


class ProviderRefused(OidcError):
    """The provider said no, or the person did.

    Args:
        denied: whether access was denied, or the person broke it off; False when the provider wants another gesture.
    """

    def __init__(self, *, denied: bool) -> None:
        super().__init__("access was denied" if denied else "the provider asks for another gesture first")
        self.denied = denied


class Astray(OidcError):
    """The answer belongs to no sign-in that this browser began: unknown, too old, used, or another browser's."""


class IdentityRefused(OidcError):
    """The provider said who it is, and that opens nothing here."""

    outcome: ClassVar[str] = "refused-identity"
    """How the journal calls it: ``session.`` and this."""


class TokenRefused(IdentityRefused):
    """What the provider sent does not prove who it is.

    Args:
        why: which check failed, for the log.
    """

    outcome = "refused-token"

    def __init__(self, why: str) -> None:
        super().__init__(f"the identity token is refused: {why}")
        self.why = why


class LevelTooLow(IdentityRefused):
    """The person proved it in a weaker way than this site asks for."""

    outcome = "refused-level"


class UnknownHere(IdentityRefused):
    """Nobody here, or more than one account, has this professional identifier."""

    outcome = "refused-unknown"
