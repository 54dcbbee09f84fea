"""A change that writes a link of the journal, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A change writes one link of the journal, in its own transaction.

    Args:
        action, subject: SQL text over NEW.
        body: JSON key to SQL; identifiers and digests only, never patient data.
    """

    name: str
    on: str
    event: str
    action: str
    subject: str
    body: dict[str, str]
    when: str = ""
