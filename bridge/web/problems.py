"""Every refusal as one answer that a person can act on: what happened, what was kept, what to do.

The table below is the whole list. The API answers with it as problem details (RFC 9457), pages as an error page. The
text of an exception never reaches the caller: it is written for the log, and a browser is outside.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bridge.links import errors as links
from bridge.oidc import errors as oidc
from bridge.web import errors as web
from bridge.web.i18n import N_, Language
from bridge.web.problem import Problem as Problem  # noqa: PLC0414 - who imports the table imports its type with it
from bridge.web.sign_in_problems import SIGN_IN_PROBLEMS
from bridge.web.viewing_problems import VIEWING_PROBLEMS
from guarantee import errors as said

MEDIA_TYPE: Final = "application/problem+json"

TRY_AGAIN_S: Final = 5
"""What Retry-After says when a part of the system does not answer: a restart takes about that long."""


_NOTHING_LEFT = N_("Nothing was signed and nothing was sent.")
_NOTHING_RECORDED = N_("Nothing was recorded.")

_TABLE = (
    Problem(
        code="not-signed-in",
        status=401,
        title=N_("You are not signed in, or your session has ended"),
        kept=_NOTHING_LEFT,
        todo=N_("Sign in, in another tab if you have typed something here, then try again."),
    ),
    Problem(
        code="sign-in-refused",
        status=401,
        title=N_("Wrong login, password or code"),
        kept=_NOTHING_RECORDED,
        todo=N_("Check all three. The code changes every 30 seconds."),
    ),
    *SIGN_IN_PROBLEMS,
    *VIEWING_PROBLEMS,
    Problem(
        code="second-refused",
        status=403,
        title=N_("The second person could not be verified"),
        kept=N_("The stop is still in force."),
        todo=N_("Two different people resume: the other one types their own login and one-time code."),
    ),
    Problem(
        code="code-refused",
        status=403,
        title=N_("This one-time code is wrong, or was used already"),
        kept=N_("No passkey was added."),
        todo=N_("Wait for the next code: they change every 30 seconds."),
    ),
    Problem(
        code="too-many-attempts",
        status=429,
        title=N_("Too many attempts"),
        kept=_NOTHING_RECORDED,
        todo=N_("Wait a few minutes, then try again; or ask the person who manages accounts."),
    ),
    Problem(
        code="role-refused",
        status=403,
        title=N_("Your role does not allow this"),
        kept=_NOTHING_RECORDED,
        todo=N_("A radiologist or a clinician can do it."),
    ),
    Problem(
        code="not-entitled",
        status=403,
        title=N_("You may not endorse this result"),
        kept=_NOTHING_LEFT,
        todo=N_("Ask a person whom the review policy of this system names."),
    ),
    Problem(
        code="not-habilitated",
        status=403,
        title=N_("You have no right to endorse this system here"),
        kept=_NOTHING_LEFT,
        todo=N_("Ask a member of the AI committee; the page of the result names them."),
    ),
    Problem(
        code="first-read-due",
        status=403,
        title=N_("You read this exam first, before you see what the AI system says"),
        kept=N_("Nothing of the AI result was shown."),
        todo=N_("Open the exam, look at it, keep your first impression, then reveal the draft."),
    ),
    Problem(
        code="cross-site",
        status=403,
        title=N_("This request did not come from a page of the desk"),
        kept=_NOTHING_RECORDED,
        todo=N_("Open the desk at its usual address and try again. A program must send the Origin header."),
    ),
    Problem(
        code="launch-malformed",
        status=400,
        title=N_("The link does not say which exam, or not in a form that can be read"),
        kept=N_("Nothing was opened. Read the exam as usual."),
        todo=N_("Open it from the worklist. The person who set up the button can check it with: aval launch check"),
    ),
    Problem(
        code="launch-refused",
        status=403,
        title=N_("This link is not valid, or no longer"),
        kept=N_("Nothing was opened. Read the exam as usual."),
        todo=N_("Press the button again: a link works once, for two minutes. If it never works, call the engineer."),
    ),
    Problem(
        code="not-found",
        status=404,
        title=N_("There is nothing here"),
        kept=N_("Nothing was lost."),
        todo=N_("Go back to the worklist and open it from there."),
    ),
    Problem(
        code="wrong-method",
        status=405,
        title=N_("This address does not take that kind of request"),
        kept=_NOTHING_RECORDED,
        todo=N_("Go back to the worklist."),
    ),
    Problem(
        code="draft-changed",
        status=409,
        title=N_("The draft is no longer the one you were shown"),
        kept=_NOTHING_LEFT,
        todo=N_("Open the draft again, look at it, then decide."),
    ),
    Problem(
        code="nonce-refused",
        status=409,
        title=N_("This draft was opened too long ago, or was already answered"),
        kept=N_("Nothing was recorded twice."),
        todo=N_("Open the draft again, then sign."),
    ),
    Problem(
        code="world-changed",
        status=409,
        title=N_("The case has changed since this draft was made"),
        kept=_NOTHING_LEFT,
        todo=N_("New images or a corrected identity call for a new computation. Read the exam as usual."),
    ),
    Problem(
        code="held",
        status=409,
        title=N_("A stop is in force for this system"),
        kept=_NOTHING_LEFT,
        todo=N_("Read the exam as usual. The result stays here until two people resume the system."),
    ),
    Problem(
        code="objected",
        status=409,
        title=N_("The patient objects to AI"),
        kept=_NOTHING_LEFT,
        todo=N_("Read the exam as usual. The result stays here until somebody lifts the objection."),
    ),
    Problem(
        code="not-allowed",
        status=409,
        title=N_("This result can no longer be changed in this way"),
        kept=_NOTHING_LEFT,
        todo=N_("Reload the page to see where it stands."),
    ),
    Problem(
        code="refused",
        status=409,
        title=N_("The gate stayed shut"),
        kept=_NOTHING_LEFT,
        todo=N_("Reload the page, look again, then sign. If it happens again, call the biomedical engineer."),
    ),
    Problem(
        code="gesture-missing",
        status=409,
        title=N_("The review policy of this system asks for a signature by passkey"),
        kept=_NOTHING_LEFT,
        todo=N_("Sign with a passkey. You add one under “My means of signature”."),
    ),
    Problem(
        code="gesture-refused",
        status=409,
        title=N_("What the passkey signed does not count here"),
        kept=_NOTHING_LEFT,
        todo=N_("Try again with a passkey of your own, on this page. If it happens again, revoke it and add another."),
    ),
    Problem(
        code="policy-unmet",
        status=409,
        title=N_("The opinions do not satisfy the review policy yet"),
        kept=_NOTHING_LEFT,
        todo=N_("Another reader must look at it."),
    ),
    Problem(
        code="too-large",
        status=413,
        title=N_("This request is too large"),
        kept=_NOTHING_LEFT,
        todo=N_("Shorten the text."),
    ),
    Problem(
        code="malformed",
        status=422,
        title=N_("Something in the request is missing or out of range"),
        kept=_NOTHING_LEFT,
        todo=N_("Correct what is marked, then try again."),
    ),
    Problem(
        code="image-unreadable",
        status=422,
        title=N_("This image cannot be decoded here"),
        kept=N_("The image is kept as it was received."),
        todo=N_("Look at it in the PACS."),
    ),
    Problem(
        code="forged",
        status=500,
        title=N_("A signature does not verify"),
        kept=N_("Nothing was sent. Everything is kept for inquiry."),
        todo=N_("Call the security officer and the biomedical engineer now."),
    ),
    Problem(
        code="journal-broken",
        status=500,
        title=N_("The journal has a broken link"),
        kept=N_("Everything is kept for inquiry."),
        todo=N_("Call the security officer and the biomedical engineer now."),
    ),
    Problem(
        code="bytes-missing",
        status=500,
        title=N_("Stored bytes are missing or damaged"),
        kept=_NOTHING_LEFT,
        todo=N_("Read the exam in the PACS and call the biomedical engineer."),
    ),
    Problem(
        code="internal",
        status=500,
        title=N_("The desk met an error of its own"),
        kept=_NOTHING_LEFT,
        todo=N_("Try again. If it happens again, give the biomedical engineer the reference below."),
    ),
    Problem(
        code="declined",
        status=502,
        title=N_("Another system refused"),
        kept=_NOTHING_LEFT,
        todo=N_("Call the biomedical engineer."),
    ),
    Problem(
        code="not-green",
        status=409,
        title=N_("A golden case of this system does not come out: it stays stopped"),
        kept=_NOTHING_LEFT,
        todo=N_("Call the biomedical engineer: the journal keeps what was asked and what came out."),
    ),
    Problem(
        code="unavailable",
        status=503,
        title=N_("A part of the system does not answer right now"),
        kept=_NOTHING_LEFT,
        todo=N_("Try again in a few seconds. The ordinary reading of exams does not depend on this page."),
    ),
)

PROBLEMS: Final[Mapping[str, Problem]] = {problem.code: problem for problem in _TABLE}
"""Every problem by its code."""

ANSWERS: Final[Mapping[type[Exception], str]] = {
    web.NotSignedIn: "not-signed-in",
    web.SignInRefused: "sign-in-refused",
    web.LocalClosed: "local-accounts-closed",
    web.SecondRefused: "second-refused",
    web.CodeRefused: "code-refused",
    web.TooManyAttempts: "too-many-attempts",
    web.RoleRefused: "role-refused",
    web.CrossSite: "cross-site",
    web.TooLarge: "too-large",
    web.NotHere: "not-found",
    oidc.ProviderUnavailable: "provider-unavailable",
    oidc.ProviderRefused: "provider-refused",
    oidc.Astray: "sign-in-astray",
    oidc.TokenRefused: "identity-refused",
    oidc.LevelTooLow: "identity-level",
    oidc.UnknownHere: "identity-unknown",
    web.NotAcceptable: "not-acceptable",
    web.TooMuch: "too-much",
    links.BadLink: "launch-malformed",
    links.UntrustedLink: "launch-refused",
    said.Absent: "not-found",
    said.Malformed: "malformed",
    said.NotAllowed: "not-allowed",
    said.DraftChanged: "draft-changed",
    said.NotHabilitated: "not-habilitated",
    said.NotEntitled: "not-entitled",
    said.PolicyUnmet: "policy-unmet",
    said.FirstReadDue: "first-read-due",
    said.NotOpened: "draft-unopened",
    said.WorldChanged: "world-changed",
    said.Held: "held",
    said.Objected: "objected",
    said.NotGreen: "not-green",
    said.NonceRefused: "nonce-refused",
    said.GestureMissing: "gesture-missing",
    said.GestureRefused: "gesture-refused",
    said.Forged: "forged",
    said.Refused: "refused",
    said.JournalBroken: "journal-broken",
    said.Unavailable: "unavailable",
    said.NotProved: "unavailable",
    said.Declined: "declined",
    said.NotEligible: "image-unreadable",
    said.ModelFailed: "declined",
    said.BlobMissing: "bytes-missing",
}
"""Which exception gives which problem; a subclass without a row gives its parent's. Tested for completeness."""


def problem_of(error: Exception) -> Problem:
    """Return the answer to ``error``; "internal" for what nobody foresaw."""
    for kind in type(error).__mro__:
        if kind in ANSWERS:
            return PROBLEMS[ANSWERS[kind]]
    return PROBLEMS["internal"]


class ProblemOut(BaseModel):
    """Problem details (RFC 9457) with three members of our own."""

    type: str = Field(description="urn:aval:problem:<code>")
    code: str = Field(description="stable word for programs", examples=["draft-changed"])
    status: int
    title: str = Field(description="what happened, in the reader's language")
    kept: str = Field(description="what was kept, or what did not happen")
    todo: str = Field(description="what to do")
    fields: list[str] = Field(default=[], description="what in the request is wrong; names only, never values")
    reference: str = Field(default="", description="of an internal error, to find it in the log")


def as_json(
    problem: Problem,
    language: Language,
    *,
    fields: tuple[str, ...] = (),
    reference: str = "",
    retry_after_s: int | None = None,
) -> JSONResponse:
    """Return the answer of the API."""
    body = {
        "type": f"urn:aval:problem:{problem.code}",
        "code": problem.code,
        "status": problem.status,
        "title": language.text(problem.title),
        "kept": language.text(problem.kept),
        "todo": language.text(problem.todo),
        "fields": list(fields),
        "reference": reference,
    }
    headers = {"Content-Language": language.code, **retry_after(problem, retry_after_s)}
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def retry_after(problem: Problem, seconds: int | None) -> dict[str, str]:
    """Return the Retry-After header where waiting helps (RFC 9110, 10.2.3)."""
    if seconds is None and problem.status == 503:
        seconds = TRY_AGAIN_S
    return {} if seconds is None else {"Retry-After": str(seconds)}


_ALWAYS = ("internal", "unavailable")
_UNSAFE = ("cross-site", "too-large")


def documented(*codes: str, unsafe: bool = False, signed_in: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for an operation that can meet ``codes``, and those that any operation can."""
    every = dict.fromkeys((*codes, *(("not-signed-in",) if signed_in else ()), *(_UNSAFE if unsafe else ()), *_ALWAYS))
    by_status: dict[int | str, list[Problem]] = {}
    for code in every:
        by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
    return {
        status: {
            "description": "; ".join(f"`{problem.code}`: {problem.title}" for problem in found),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
        for status, found in by_status.items()
    }
