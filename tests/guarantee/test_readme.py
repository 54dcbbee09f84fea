"""The READMEs say what the code says."""

import re

from tests.guarantee.state_tables import FIRST_PAGE, README, drawn, written


def test_the_lives_in_the_readme_are_those_of_the_tables() -> None:
    text = README.read_text()
    assert text == written(text), "run `python -m tests.guarantee.state_tables`"


def test_the_life_on_the_first_page_is_that_of_the_table() -> None:
    text = FIRST_PAGE.read_text()
    assert text == drawn(text), "run `python -m tests.guarantee.state_tables`"


def test_every_file_has_its_place_in_the_reading_order() -> None:
    named = set(re.findall(r"`(\w+\.py)`", README.read_text()))
    assert {path.name for path in README.parent.glob("*.py")} - {"__init__.py"} <= named
