"""Names and digests."""

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guarantee.errors import Malformed
from guarantee.ids import NAMESPACE, derive, digest, parse_digest

PARTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=4)


def test_a_digest_is_sha_256_in_lower_case() -> None:
    assert digest(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert parse_digest(digest(b"abc")) == digest(b"abc")


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", " " + "a" * 63])
def test_another_text_is_no_digest(text: str) -> None:
    with pytest.raises(Malformed, match="SHA-256"):
        parse_digest(text)


@given(PARTS, PARTS)
def test_different_parts_give_different_names(one: list[str], other: list[str]) -> None:
    assume(one != other)
    assert derive("case", *one) != derive("case", *other)
    assert derive("case", *one) == derive("case", *one)


def test_the_root_of_all_names_is_fixed_for_ever() -> None:
    """If this fails, every identifier that was ever sent out would change: undo the change."""
    assert str(NAMESPACE) == "5a1d0c2e-6f7b-5c1e-9d53-0a7a1e000001"
    assert derive("result", "a", "bc") == "1eb35e15-fd7c-5ab3-81f3-d9274cabde29"
