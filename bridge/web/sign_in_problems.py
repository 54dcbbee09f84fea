"""What a person reads when a sign-in at the identity provider does not succeed, or one here is not taken."""

from typing import Final

from bridge.web.i18n import N_
from bridge.web.problem import Problem

_NOBODY = N_("Nobody was signed in.")
_NOBODY_NOTED = N_("Nobody was signed in. The journal says that somebody tried.")

SIGN_IN_PROBLEMS: Final = (
    Problem(
        code="local-accounts-closed",
        status=403,
        title=N_("People sign in at the identity provider here, not with a password"),
        kept=_NOBODY,
        todo=N_(
            "Use the button of the identity provider. If it is down, the operator can open local accounts for a time."
        ),
    ),
    Problem(
        code="provider-unavailable",
        status=503,
        title=N_("The identity provider does not answer as it should"),
        kept=_NOBODY,
        todo=N_("Try again in a moment. If it lasts, the operator can open local accounts for a time."),
    ),
    Problem(
        code="provider-refused",
        status=403,
        title=N_("The sign-in was not finished at the identity provider"),
        kept=_NOBODY,
        todo=N_("Sign in again, and confirm with your card or your telephone when you are asked to."),
    ),
    Problem(
        code="sign-in-astray",
        status=400,
        title=N_("This answer belongs to no sign-in that was begun in this browser"),
        kept=_NOBODY,
        todo=N_("Sign in again from this window. A sign-in takes five minutes at most, and works once."),
    ),
    Problem(
        code="identity-refused",
        status=403,
        title=N_("What the identity provider sent does not prove who you are"),
        kept=_NOBODY_NOTED,
        todo=N_("Sign in again. If it happens twice, call the security officer: the log says which check failed."),
    ),
    Problem(
        code="identity-level",
        status=403,
        title=N_("You signed in at a level that is too low for this desk"),
        kept=_NOBODY_NOTED,
        todo=N_("Sign out there, then sign in again with your card or its application."),
    ),
    Problem(
        code="identity-unknown",
        status=403,
        title=N_("You have no account here, or your account is closed"),
        kept=_NOBODY_NOTED,
        todo=N_(
            "Ask the person who manages accounts for one with your professional identifier; sign out there meanwhile."
        ),
    ),
)
