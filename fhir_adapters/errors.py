"""What a FHIR door answers when it cannot take what was sent.

    BadRequest          becomes an HTTP status and an OperationOutcome; never leaves this package's callers as a crash

Everything that happens between us and a FHIR server is a PortError (guarantee/errors.py).
"""


class BadRequest(Exception):
    """What was sent cannot be taken.

    Args:
        status: HTTP status to answer: 400, 404, 405, 413, 415 or 422.
        code: R4 issue type, e.g. "structure" (http://hl7.org/fhir/R4/valueset-issue-type.html).
        diagnostics: one sentence: where in the message, what is wrong, what to do. Never a value that was sent.
    """

    def __init__(self, status: int, code: str, diagnostics: str) -> None:
        super().__init__(f"{status} {code}: {diagnostics}")
        self.status = status
        self.code = code
        self.diagnostics = diagnostics


class TokenRefused(Exception):
    """A token, or a key for tokens, is not what it must be.

    Args:
        code: what is wrong with it: "key", "form", "algorithm", "signature", "client", "place", "claims", "time" or
            "again".
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"token refused: {code}")
        self.code = code
