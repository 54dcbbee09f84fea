"""What the desk itself refuses, before anything reaches the rest.

    WebError
    ├── NotSignedIn          no session, or it ended
    ├── SignInRefused        wrong login, password or code; never says which
    ├── LocalClosed          people sign in at the identity provider, and not here
    ├── SecondRefused        the second person could not be verified, or is the first
    ├── CodeRefused          the one-time code that a new passkey needs is wrong
    ├── TooManyAttempts      somebody is guessing
    ├── RoleRefused          this role does not do this
    ├── CrossSite            an unsafe request that our own pages did not make
    ├── TooLarge             a body larger than any page sends
    ├── TooMuch              more objects than are handed out at once
    ├── NotAcceptable        no media type that is asked for can be given
    └── NotHere              no such page, result, image or segment

Each has one answer for the caller, in the table of problems.py. None carries a value from the request.
"""


class WebError(Exception):
    """Root of what the desk refuses."""


class NotSignedIn(WebError):
    """No session, or it ended."""


class SignInRefused(WebError):
    """Wrong login, password or code."""


class LocalClosed(WebError):
    """People sign in at the identity provider, and not here."""


class SecondRefused(WebError):
    """The second person could not be verified, or is the first."""


class CodeRefused(WebError):
    """The one-time code that a new passkey needs is wrong, or was used."""


class TooManyAttempts(WebError):
    """Somebody is guessing.

    Args:
        retry_after_s: when an attempt is looked at again, in seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many attempts; the next one is looked at in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class RoleRefused(WebError):
    """This role does not do this."""


class CrossSite(WebError):
    """An unsafe request that our own pages did not make."""


class TooLarge(WebError):
    """A body larger than any page sends."""


class TooMuch(WebError):
    """More objects than are handed out at once."""


class NotAcceptable(WebError):
    """No media type that is asked for can be given."""


class NotHere(WebError):
    """No such page, result, image or segment."""
