"""The journal: verified online, anchored outside, exported, and verified again by a file that trusts nobody."""

import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge import journal
from bridge.db.views import SqlJournal
from bridge.journal import Keeper
from bridge.seal import checking_ring, create_keys, public_keys, signing_ring
from guarantee.errors import JournalBroken
from tests.flows.fakes import arrival
from tests.flows.world import World

VERIFIER = Path(__file__).parents[2] / "deploy" / "verify_journal.py"


class Kept:
    """A world in which one study was endorsed, delivered and taken back; its journal, keys and two anchor files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        create_keys(self.keys)
        self.world = World(folder)
        self.world.ring = signing_ring(self.keys, "desk")
        self.keeper = self.keeper_of("site-1")
        result = self.world.drafted(arrival(self.world.vault))
        self.world.answer(result)
        journal.anchor_head(self.keeper)
        self.world.deliver_all()
        journal.anchor_head(self.keeper)

    def keeper_of(self, site: str) -> Keeper:
        @contextmanager
        def opened() -> Iterator[SqlJournal]:
            with self.world.sql.reading() as unit:
                yield unit.journal

        return Keeper(
            journal=opened,
            site=site,
            places=[self.folder / "one.jsonl", self.folder / "far" / "two.jsonl"],
            sealer=signing_ring(self.keys, "journal"),
            witness=checking_ring(self.keys),
            now=self.world.clock.now,
        )

    def export(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in journal.export_lines(self.keeper, public_keys(self.keys))]

    def judge(self, lines: list[dict[str, Any]], anchors: Path | None = None) -> tuple[int, str]:
        path = self.folder / "export.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return self.judge_file(path, anchors)

    def judge_file(self, path: Path, anchors: Path | None = None) -> tuple[int, str]:
        keys = [part for key in sorted(self.keys.glob("*.pub")) for part in ("--key", str(key))]
        command = [sys.executable, "-I", str(VERIFIER), str(path), *keys]
        command += ["--anchors", str(anchors)] if anchors else []
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = Kept(tmp_path_factory.mktemp("journal"))
    yield made
    made.world.engine.dispose()


def test_an_honest_journal_verifies_with_both_anchors(kept: Kept) -> None:
    found = journal.verify_online(kept.keeper)
    assert (found.anchors, found.anchored_to) == (2, found.seq)
    journal.require_anchors_hold(kept.keeper)
    assert journal.anchor_head(kept.keeper) is None, "an unchanged head is not anchored again"


@pytest.mark.parametrize("place", [0, 1])
def test_a_journal_that_lost_its_tail_or_came_from_an_old_backup_stops_the_start(kept: Kept, place: int) -> None:
    class Older:
        """The journal as it was some links ago."""

        def __init__(self, inner: SqlJournal, seq: int) -> None:
            self._inner, self._seq = inner, seq

        def head(self) -> tuple[int, Any]:
            return self._seq, self._inner.hash_at(self._seq)

        def hash_at(self, seq: int) -> Any:
            return self._inner.hash_at(seq) if seq <= self._seq else None

    @contextmanager
    def older() -> Iterator[Any]:
        with kept.keeper.journal() as real:
            yield Older(real, journal.verify_online(kept.keeper).seq - 1)  # type: ignore[arg-type]

    one_place = replace(kept.keeper, journal=older, places=[kept.keeper.places[place]])
    with pytest.raises(JournalBroken, match="cut off, or an old backup"):
        journal.require_anchors_hold(one_place)


def test_an_anchor_that_the_journal_contradicts_is_broken(kept: Kept, tmp_path: Path) -> None:
    (anchor, *_) = journal.read_anchors(kept.keeper)
    other = replace(anchor.head, hash="f" * 64)
    place = tmp_path / "other.jsonl"
    seal = kept.keeper.sealer.seal(other.to_bytes())
    place.write_text(json.dumps(journal._anchor_to_plain(journal.Anchor(head=other, seal=seal))) + "\n")
    with pytest.raises(JournalBroken, match="not the one that was anchored"):
        journal.verify_online(replace(kept.keeper, places=[place]))
    with pytest.raises(JournalBroken, match="not the one that was anchored"):
        journal.require_anchors_hold(replace(kept.keeper, places=[place]))


def test_another_sites_anchor_and_what_is_no_anchor_are_refused(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(JournalBroken, match="site"):
        journal.read_anchors(kept.keeper_of("site-2"))
    real = kept.keeper.places[0].read_text()
    for text in ("not json\n", "{}\n", "[]\n", "null\n", real.replace('"seq":', '"seq":1'), real.replace("a", "b", 3)):
        place = tmp_path / "bad.jsonl"
        place.write_text(text)
        with pytest.raises(JournalBroken):
            journal.read_anchors(replace(kept.keeper, places=[place]))


def test_an_anchor_that_a_power_cut_tore_does_not_stop_the_start(kept: Kept, tmp_path: Path) -> None:
    place = tmp_path / "torn.jsonl"
    place.write_text(kept.keeper.places[0].read_text() + '{"head": {"sch')
    torn = replace(kept.keeper, places=[place])
    assert len(journal.read_anchors(torn)) == 2
    journal.require_anchors_hold(torn)


# ------------------------------------------------------------------------------------------------- the other verifier


def test_the_stand_alone_verifier_says_holds(kept: Kept) -> None:
    status, said = kept.judge(kept.export())
    assert status == 0, said
    assert "HOLDS" in said


def test_the_export_names_no_patient(kept: Kept) -> None:
    text = json.dumps(kept.export(), ensure_ascii=False)
    for trait in ("ESSAI", "Anne", "1970-01-01", '"P1"', "1.2.3.1"):
        assert trait not in text


def _links(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["link"] for line in lines if "link" in line]


def _edit(field: str, value: object) -> Callable[[list[dict[str, Any]]], None]:
    def tamper(lines: list[dict[str, Any]]) -> None:
        _links(lines)[5][field] = value

    return tamper


def _first(lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(line for line in lines if key in line)


def _drop(key: str) -> Callable[[list[dict[str, Any]]], None]:
    def tamper(lines: list[dict[str, Any]]) -> None:
        lines.remove(_first(lines, key))

    return tamper


def _swap(lines: list[dict[str, Any]]) -> None:
    at = next(number for number, line in enumerate(lines) if "link" in line) + 3
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def _cut_tail(lines: list[dict[str, Any]]) -> None:
    last = max(number for number, line in enumerate(lines) if "link" in line)
    del lines[last]


def _edit_statement(lines: list[dict[str, Any]]) -> None:
    line = _first(lines, "sealed")
    line["payload"] = line["payload"].replace("accept", "reject")


def _edit_signature(lines: list[dict[str, Any]]) -> None:
    line = _first(lines, "sealed")
    line["signature"] = line["signature"][:-2] + ("00" if line["signature"][-2:] != "00" else "11")


def _resign_by_a_stranger(lines: list[dict[str, Any]]) -> None:
    line = _first(lines, "sealed")
    line["signature"] = Ed25519PrivateKey.generate().sign(line["payload"].encode()).hex()


def _foreign_key(lines: list[dict[str, Any]]) -> None:
    _first(lines, "sealed")["key"] = "0" * 16


def _edit_anchor(lines: list[dict[str, Any]]) -> None:
    _first(lines, "anchor")["anchor"]["head"]["hash"] = "0" * 64


def _statement_twice(lines: list[dict[str, Any]]) -> None:
    line = dict(_first(lines, "sealed"))
    lines.append(line | {"id": "made-up"})


TAMPERINGS = {
    "a link's actor": _edit("actor", "desk:somebody"),
    "a link's time": _edit("at", "2020-01-01T00:00:00.000000Z"),
    "a link's action": _edit("action", "case.other"),
    "a link's subject": _edit("subject", "other"),
    "a link's hash": _edit("hash", "0" * 64),
    "a link's number": _edit("seq", 60),
    "a link's predecessor": _edit("prev", "0" * 64),
    "a link's body": _edit("body", "{}"),
    "a link taken away": _drop("link"),
    "two links swapped": _swap,
    "the tail cut off": _cut_tail,
    "a statement edited": _edit_statement,
    "a statement taken away": _drop("sealed"),
    "a statement added": _statement_twice,
    "a signature edited": _edit_signature,
    "a signature by a stranger": _resign_by_a_stranger,
    "a key that is not trusted": _foreign_key,
    "an anchor edited": _edit_anchor,
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_each_tampering_is_a_fault(kept: Kept, tamper: Callable[[list[dict[str, Any]]], None]) -> None:
    lines = kept.export()
    tamper(lines)
    status, said = kept.judge(lines)
    assert status == 1, said
    assert "FAULT" in said
    assert "BROKEN" in said


def _cut_off(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an export whose end was cut off as whoever wants to hide it would: links, what they record, anchors."""
    head = next(number for number, line in enumerate(lines) if "link" in line) + 3
    return [line for line in lines[:head] if "link" in line or "key" in line or "export" in line]


def test_an_end_that_was_cut_off_shows_against_anchors_that_were_kept_elsewhere(kept: Kept) -> None:
    lines = _cut_off(kept.export())
    status, said = kept.judge(lines)
    assert status == 0, said
    assert "nothing shows that no links were cut off after link 0" in said
    status, said = kept.judge(lines, anchors=kept.keeper.places[0])
    assert status == 1, said
    assert "or it was cut off" in said


def test_a_whole_export_agrees_with_the_anchors_that_were_kept_elsewhere(kept: Kept, tmp_path: Path) -> None:
    torn = tmp_path / "torn.jsonl"
    torn.write_text(kept.keeper.places[0].read_text() + '{"head": {"sch')
    status, said = kept.judge(kept.export(), anchors=torn)
    assert status == 0, said
    assert "4 anchors" in said


def test_anchors_of_another_site_and_lines_that_are_none_are_faults(kept: Kept, tmp_path: Path) -> None:
    place = tmp_path / "anchors.jsonl"
    for text, fault in (
        (kept.keeper.places[0].read_text().replace('"site":"', '"site":"not-'), "is of site not-"),
        ("not json\n", "line 1 is not JSON"),
    ):
        place.write_text(text)
        status, said = kept.judge(kept.export(), anchors=place)
        assert status == 1, said
        assert fault in said


def test_half_a_line_of_an_export_is_a_fault(kept: Kept) -> None:
    path = kept.folder / "export.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in kept.export())[:-40])
    status, said = kept.judge_file(path)
    assert status == 1, said
    assert "is not JSON: it was cut or edited" in said


def test_keys_must_be_given_from_outside_the_export(kept: Kept) -> None:
    path = kept.folder / "export.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in kept.export()))
    done = subprocess.run([sys.executable, str(VERIFIER), str(path)], capture_output=True, check=False, timeout=60)
    assert done.returncode == 2


# --------------------------------------------------------------------------------------------- its Ed25519 (RFC 8032)


def _verifier() -> Any:
    spec = importlib.util.spec_from_file_location("verify_journal", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RFC_8032 = (  # section 7.1, tests 1 to 3: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_its_ed25519_agrees_with_the_rfc(public: str, message: str, signature: str) -> None:
    holds = _verifier().signature_holds
    key, text, made = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert holds(key, text, made)
    assert not holds(key, text + b"x", made)
    assert not holds(key, text, made[:-1] + b"\xff")
    assert not holds(key, text, made[:-1])


def test_its_ed25519_agrees_with_the_library_on_random_messages() -> None:
    draw, holds = random.Random(8032), _verifier().signature_holds
    for length in (0, 1, 31, 64, 300, 5_000):
        private, text = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32)), draw.randbytes(length)
        public, made = private.public_key().public_bytes_raw(), private.sign(text)
        assert holds(public, text, made)
        bit = draw.randrange(512)
        wrong = bytearray(made)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not holds(public, text, bytes(wrong))
        assert not holds(draw.randbytes(32), text, made)
