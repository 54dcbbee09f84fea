"""Every way the guarantee says no.

    GuaranteeError
    ├── Malformed                a value that must not exist: empty name, bad digest, number without unit
    │   └── NotCanonical         bytes or values that have no canonical form
    ├── NotAllowed               a life has no such step
    ├── Refused                  the gate stays shut; the message says why and what to do
    │   ├── DraftChanged         the bytes that were shown are not the stored draft
    │   ├── NotEntitled          this person may not endorse this result
    │   │   └── NotHabilitated   nobody gave them the right to, for this model, here, now
    │   ├── PolicyUnmet          the opinions do not satisfy the frozen policy
    │   ├── WorldChanged         inputs, identity, model or policy changed since the draft was made
    │   ├── Held                 a stop covers this result
    │   ├── Objected             the patient of this result objects to AI
    │   ├── FirstReadDue         this reader says what they think first, and is shown what the model says afterwards
    │   ├── NotOpened            the desk has not shown this draft to this person: no viewer does
    │   ├── NotGreen             a golden case does not come out: what was stopped stays so
    │   ├── NonceRefused         the one-time number is unknown, used or out of date
    │   ├── GestureMissing       the policy asks for a gesture of the reader's authenticator
    │   ├── GestureRefused       what an authenticator signed does not count here
    │   └── Forged               a seal does not verify
    └── JournalBroken            a link of the journal does not follow from the one before

Adapters raise these, so that a flow can tell "try again" from "never" (ports.py):

    PortError
    ├── Unavailable              nobody answered, or not now: try again later
    │   └── NotProved            it answered and took what was sent, and has not proved yet that it holds it
    ├── Declined                 the other side understood and said no: a person must look
    ├── NotEligible              the inputs are outside what the model's card allows
    ├── ModelFailed              the model ran out of time or memory, crashed, or answered nonsense
    └── BlobMissing              the vault does not hold these bytes, or holds them damaged

And, apart from both, because it is neither a refusal nor a failure:

    Absent                       nothing has this identifier
"""


class GuaranteeError(Exception):
    """Root of what the guarantee refuses."""


class Malformed(GuaranteeError):
    """A value that must not exist."""


class NotCanonical(Malformed):
    """Bytes or values that have no canonical form."""


class NotAllowed(GuaranteeError):
    """A life has no such step."""


class Refused(GuaranteeError):
    """The gate stays shut."""


class DraftChanged(Refused):
    """The bytes that were shown are not the stored draft."""


class NotEntitled(Refused):
    """This person may not endorse this result."""


class NotHabilitated(NotEntitled):
    """Nobody gave this person the right to endorse this model, here, now.

    Args:
        lack: a short stable word for what is missing (habilitation.py).
    """

    def __init__(self, lack: str, message: str) -> None:
        super().__init__(message)
        self.lack = lack


class PolicyUnmet(Refused):
    """The opinions do not satisfy the frozen policy."""


class WorldChanged(Refused):
    """Inputs, identity, model or policy changed since the draft was made."""


class Held(Refused):
    """A stop covers this result."""


class Objected(Refused):
    """The patient of this result objects to AI."""


class FirstReadDue(Refused):
    """This reader says what they think first, and is shown what the model says afterwards."""


class NotOpened(Refused):
    """The desk has not shown this draft to this person, so no other viewer does."""


class NotGreen(Refused):
    """A golden case does not come out: what was stopped stays so."""


class NonceRefused(Refused):
    """The one-time number is unknown, used or out of date."""


class GestureMissing(Refused):
    """The policy asks for a gesture of the reader's authenticator."""


class GestureRefused(Refused):
    """What an authenticator signed does not count here."""


class Forged(Refused):
    """A seal does not verify."""


class JournalBroken(GuaranteeError):
    """A link of the journal does not follow from the one before."""


class PortError(Exception):
    """Root of what an adapter reports to a flow.

    Args:
        code: a short stable word for tables, metrics and translations, e.g. "timeout"; never patient data.
        detail: one sentence for a person; never patient data.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unavailable(PortError):
    """Nobody answered, or not now: try again later.

    Args:
        asked_s: how long the other side asked to be left alone, in seconds; 0 when it did not ask.
    """

    def __init__(self, code: str, detail: str, *, asked_s: float = 0.0) -> None:
        super().__init__(code, detail)
        self.asked_s = asked_s


class NotProved(Unavailable):
    """It answered and took what was sent, and has not proved yet that it holds it: ask again later."""


class Declined(PortError):
    """The other side understood and said no: a person must look."""


class NotEligible(PortError):
    """The inputs are outside what the model's card allows."""


class ModelFailed(PortError):
    """The model ran out of time or memory, crashed, or answered nonsense."""


class BlobMissing(PortError):
    """The vault does not hold these bytes, or holds them damaged."""


class Absent(Exception):
    """Nothing has this identifier. Not a LookupError: a KeyError is one too, and that is a fault of ours."""
