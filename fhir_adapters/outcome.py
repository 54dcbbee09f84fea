"""OperationOutcome: how a FHIR endpoint says what happened (R4 OperationOutcome)."""

from fhir_adapters.errors import BadRequest
from fhir_adapters.wire import Resource, write_exact

MEDIA_TYPE = "application/fhir+json"


def operation_outcome(*, severity: str, code: str, diagnostics: str) -> bytes:
    """Return an OperationOutcome with one issue.

    Args:
        severity: "fatal", "error", "warning" or "information".
        code: R4 issue type, e.g. "structure", "informational".
        diagnostics: one sentence without patient data.
    """
    return write_exact(outcome(severity=severity, code=code, diagnostics=diagnostics))


def outcome(*, severity: str, code: str, diagnostics: str) -> Resource:
    """Return the same as a value."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": diagnostics}],
    }


def refusal(error: BadRequest) -> bytes:
    """Return the body that goes with ``error.status``."""
    return operation_outcome(severity="error", code=error.code, diagnostics=error.diagnostics)
