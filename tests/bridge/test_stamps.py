"""Signed heads are stamped by OpenSSL's authority, checked here, and by OpenSSL alone from what is written out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.config import ConfigError, load
from bridge.flows.stop import stop
from bridge.journal import anchor_head
from bridge.stamps import LATE, Authority, late, require_stamps_hold, stamp_head
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from bridge.wiring.stamps import authorities, check_stamps, place_of, post
from guarantee.errors import Declined, JournalBroken, Unavailable
from guarantee.stops import Scope
from tests.peers.base import PeerMissing, free_port
from tests.peers.tsa import TimeStampAuthority


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeStampAuthority]:
    try:
        made = TimeStampAuthority(tmp_path_factory.mktemp("tsa"))
    except PeerMissing as reason:
        pytest.skip(str(reason))
    yield made
    made.stop()


@pytest.fixture
def parts(tmp_path: Path, tsa: TimeStampAuthority) -> Iterator[Parts]:
    tsa.spoil = None
    install(tmp_path / "data")
    with (tmp_path / "data" / "aval.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[journal.authorities.tsa]\nurl = "{tsa.url}"\nroots = "{tsa.root}"\n')
    opened = Parts(load(tmp_path / "data", {}))
    yield opened
    opened.close()


def happens(parts: Parts) -> None:
    """One more link, signed and anchored."""
    stop(Scope.SITE, "x", by="dr.martin", reason="essai", store=parts.store("desk"), clock=parts.clock)
    assert anchor_head(parts.keeper()) is not None


def stamp(parts: Parts) -> bool:
    (authority,) = authorities(parts)
    return stamp_head(parts.keeper(), authority, place_of(parts)) is not None


def said(parts: Parts, *words: str) -> Result:
    return CliRunner().invoke(main, ["journal", *words, "--dir", str(parts.settings.folder)])


def test_the_newest_head_is_stamped_once_and_openssl_alone_finds_it_good(
    parts: Parts, tsa: TimeStampAuthority, tmp_path: Path
) -> None:
    assert not stamp(parts), "nothing is anchored yet"
    happens(parts)
    assert [stamp(parts), stamp(parts)] == [True, False]
    happens(parts)
    assert stamp(parts)
    assert "2 stamps hold" in said(parts, "stamps", str(tmp_path / "out")).output
    heads = sorted((tmp_path / "out").glob("*.head"))
    assert len(heads) == 2
    for head in heads:
        assert tsa.verify(head, head.with_suffix(".tsr"))
    heads[0].write_bytes(heads[0].read_bytes().replace(b"aval.anchor/1", b"aval.anchor/2"))
    assert not tsa.verify(heads[0], heads[0].with_suffix(".tsr"))
    assert check_stamps(parts).startswith("2 by tsa")


def test_an_anchor_by_hand_is_stamped_too(parts: Parts) -> None:
    stop(Scope.SITE, "x", by="dr.martin", reason="essai", store=parts.store("desk"), clock=parts.clock)
    assert said(parts, "anchor").exit_code == 0
    assert check_stamps(parts).startswith("1 by tsa")


@pytest.mark.parametrize("answer", [b"", b"no stamp", b"\x30\x03\x02\x01\x00", b"x" * 70_000])
def test_what_is_no_stamp_is_refused_and_not_kept(parts: Parts, tsa: TimeStampAuthority, answer: bytes) -> None:
    happens(parts)
    tsa.spoil = answer
    with pytest.raises(Declined):
        stamp(parts)
    assert not place_of(parts).exists()


def test_the_stamp_of_another_head_is_refused(parts: Parts, tsa: TimeStampAuthority) -> None:
    happens(parts)
    assert stamp(parts)
    happens(parts)
    tsa.spoil = (tsa.folder / "answer.tsr").read_bytes()
    with pytest.raises(Declined, match="no stamp of this head"):
        stamp(parts)


def test_an_authority_that_nobody_trusts_stamps_nothing(
    parts: Parts, tsa: TimeStampAuthority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = TimeStampAuthority(tmp_path_factory.mktemp("stranger"))
    try:
        happens(parts)
        (trusted,) = authorities(parts)
        posing = Authority(name="tsa", roots=trusted.roots, post=stranger.reply)
        with pytest.raises(Declined):
            stamp_head(parts.keeper(), posing, place_of(parts))
    finally:
        stranger.stop()


def test_one_that_does_not_answer_is_asked_again_and_said_after_an_hour(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (authority,) = authorities(parts)
    nobody = replace(authority, post=partial(post, f"http://127.0.0.1:{free_port()}/"))
    happens(parts)
    with pytest.raises(Unavailable):
        stamp_head(parts.keeper(), nobody, place_of(parts))
    assert late(parts.keeper(), authority, place_of(parts)) is None
    later = parts.clock.now() + LATE + timedelta(minutes=1)
    monkeypatch.setattr("bridge.wiring.clock.SystemClock.now", lambda _: later)
    with pytest.raises(Unavailable, match="waited 1 h for a stamp by tsa"):
        check_stamps(parts)


def test_anchors_that_were_cut_off_behind_a_stamp_are_found(parts: Parts) -> None:
    happens(parts)
    happens(parts)
    assert stamp(parts)
    for anchors in parts.keeper().places:
        lines = anchors.read_text().splitlines(keepends=True)
        anchors.write_text("".join(lines[:-1]))
    with pytest.raises(JournalBroken, match="cut off"):
        require_stamps_hold(parts.keeper(), authorities(parts), place_of(parts))
    assert said(parts, "stamps", "out").exit_code == 1


@pytest.mark.parametrize("line", ["nonsense\n", "{}\n", json.dumps({"authority": "tsa", "seq": 1}) + "\n"])
def test_a_line_that_is_no_stamp_is_said(parts: Parts, line: str) -> None:
    happens(parts)
    place_of(parts).write_text(line)
    with pytest.raises(JournalBroken, match="no stamp"):
        require_stamps_hold(parts.keeper(), authorities(parts), place_of(parts))


def test_roots_that_are_none_are_a_setting_to_correct(parts: Parts, tsa: TimeStampAuthority) -> None:
    root = tsa.root.read_bytes()
    try:
        tsa.root.write_bytes(b"nothing")
        with pytest.raises(ConfigError, match=r"journal\.authorities\.tsa\.roots"):
            authorities(parts)
    finally:
        tsa.root.write_bytes(root)


def test_t24_a_head_that_says_it_is_younger_than_its_stamp_is_found(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody moved our clock a year ahead; the authority's stayed."""
    ahead = parts.clock.now() + timedelta(days=365)
    monkeypatch.setattr("bridge.wiring.clock.SystemClock.now", lambda _: ahead)
    happens(parts)
    assert stamp(parts)
    with pytest.raises(JournalBroken, match="the clock here was ahead"):
        check_stamps(parts)
