"""What a reader sends back, before it is signed."""

import inspect
from dataclasses import fields

from guarantee import amend
from guarantee.answer import Answer
from guarantee.opinion import Statement

FROM_THE_SERVER = {
    "result",
    "model",
    "manifest",
    "identity_version",
    "policy",
    "reader",
    "auth",
    "opened_at",
    "signed_at",
}


def test_a_browser_says_nothing_that_the_server_knows_better() -> None:
    """Who, when, on which inputs and under which policy come from the server; a browser never sends a whole content."""
    sent = {field.name for field in fields(Answer)}
    assert not sent & FROM_THE_SERVER
    assert "content" not in sent
    assert sent - {"edits", "cosigns"} <= {field.name for field in fields(Statement)}


def test_no_edit_carries_a_content() -> None:
    values = [kind for _, kind in inspect.getmembers(amend, inspect.isclass) if kind.__module__ == amend.__name__]
    named = {field.name for kind in values for field in fields(kind)}
    assert {"report", "findings", "added"} <= named
    assert not named & {"content", "mention", "segments", "mask", "digest", "result", "case", "model"}
