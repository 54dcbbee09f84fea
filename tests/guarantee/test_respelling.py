"""Text in fewer letters: what it becomes, what it never becomes, and when it stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.agreement import disagreement
from guarantee.ports import ReadBack
from guarantee.respelling import REPERTOIRES, TABLE, respelled
from tests.guarantee.samples import a_content


@pytest.mark.parametrize(
    ("text", "latin", "plain"),
    [
        ("Œdème ≥ 3 mm : l’encéphale", "OEdème >= 3 mm : l'encéphale", "OEdeme >= 3 mm : l'encephale"),
        ("« non » – fin…", "« non » - fin...", '" non " - fin...'),
        ("10⁹/L", "10^9/L", "10^9/L"),
        ("10²⁰", "10^20", "10^20"),
        ("mm²", "mm²", "mm^2"),
        ("10⁻³", "10^-3", "10^-3"),
        ("CO₂, log₁₀5", "CO_2, log_10 5", "CO_2, log_10 5"),
        ("2½ mL", "2½ mL", "2 1/2 mL"),
        ("2⅓ mL", "2 1/3 mL", "2 1/3 mL"),
        ("5 μg ± 1 µg", "5 µg ± 1 µg", "5 ug +/- 1 ug"),
        ("2·10", "2·10", "2*10"),
        ("38,5 °C", "38,5 °C", "38,5  degC"),
        ("e\u0301tat", "état", "etat"),
        ("Dvořák", "Dvorák", "Dvorak"),
        ("a\u202fb", "a\u00a0b", "a b"),
        ("", "", ""),
    ],
)
def test_the_table_is_this_and_no_other(text: str, latin: str, plain: str) -> None:
    assert (respelled(text, "latin-1"), respelled(text, "ascii")) == (latin, plain)


@pytest.mark.parametrize("text", ["α-blocage", "山田", "volume 😀", "ﬁn", "١٢"])
def test_what_the_table_cannot_respell_whole_is_not_respelled(text: str) -> None:
    for repertoire in REPERTOIRES:
        assert respelled(text, repertoire) is None


@given(st.text(), st.sampled_from(REPERTOIRES))
def test_what_comes_out_fits_and_stays(text: str, repertoire: str) -> None:
    once = respelled(text, repertoire)
    if once is not None:
        once.encode(repertoire)
        assert respelled(once, repertoire) == once


def test_every_sign_of_the_table_has_a_spelling_in_ascii() -> None:
    for sign, spelling in TABLE.items():
        assert respelled(sign, "ascii") == spelling
        assert "?" not in spelling


def test_what_was_respelled_by_the_table_says_what_was_endorsed_and_nothing_else_does() -> None:
    content = a_content(report="Œdème ≥ 3 mm")
    said = respelled(content.full_text, "latin-1")
    assert disagreement(ReadBack(content=content.digest, text=said, repertoire="latin-1"), content) is None
    for text, repertoire in ((said, ""), (said, "ascii"), (content.full_text, "latin-1"), (f"{said} ", "latin-1")):
        wrong = ReadBack(content=content.digest, text=text, repertoire=repertoire)
        assert disagreement(wrong, content) is not None
    greek = a_content(report="α")
    assert disagreement(ReadBack(content=greek.digest, text="?", repertoire="ascii"), greek) is not None
