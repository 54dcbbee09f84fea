"""One refusal, as a person reads it; the table of all of them is in problems.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One way to be refused.

    Args:
        code: stable word; clients and tests rely on it.
        status: HTTP status code.
        title: what happened.
        kept: what was kept, or what did not happen.
        todo: what to do.
    """

    code: str
    status: int
    title: str
    kept: str
    todo: str
