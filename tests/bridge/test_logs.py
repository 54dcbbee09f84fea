"""What a person reads of a log record: one line, with everything that was said about the event."""

import logging
from typing import Any

import pytest

from bridge.logs import Lines


def line(message: str, *values: object, **keys: Any) -> str:
    record = logging.makeLogRecord({"name": "aval.x", "levelname": "INFO", "msg": message, "args": values, **keys})
    return Lines().format(record).partition(" INFO ")[2]


def test_what_is_known_of_an_event_stands_behind_its_name() -> None:
    said = line("turned-away", sender="ct-1", code="uid-form")
    assert said == "aval.x turned-away sender=ct-1 code=uid-form"


@pytest.mark.parametrize(
    ("value", "written"),
    [("A B", "'A B'"), ("A\nforged line", "'A\\nforged line'"), ("É", "'\\xc9'"), (3, "3"), ("", "")],
)
def test_a_value_from_outside_cannot_end_the_line(value: object, written: str) -> None:
    assert line("sender.unknown", sender=value) == f"aval.x sender.unknown sender={written}"


def test_an_event_that_says_it_all_itself_is_left_as_it_is() -> None:
    assert line("bell.lost topic=%s", "x") == "aval.x bell.lost topic=x"
