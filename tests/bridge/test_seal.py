"""Seals and key files."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.seal import KeyRing, checking_ring, create_keys, key_id, public_keys, signing_ring
from guarantee.errors import Forged
from guarantee.opinion import Seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys")
    return tmp_path / "keys"


def test_a_seal_of_the_desk_verifies_for_whoever_only_checks(folder: Path) -> None:
    seal = signing_ring(folder, "desk").seal(b"payload")
    checking_ring(folder).verify(b"payload", seal)


def test_another_payload_another_key_and_a_damaged_signature_are_forged(folder: Path) -> None:
    desk, check = signing_ring(folder, "desk"), checking_ring(folder)
    seal = desk.seal(b"payload")
    stranger = Ed25519PrivateKey.generate()
    foreign = KeyRing(stranger, {key_id(stranger.public_key()): stranger.public_key()}).seal(b"payload")
    other = signing_ring(folder, "journal").seal(b"payload")
    for payload, wrong in (
        (b"payloae", seal),
        (b"payload", foreign),
        (b"payload", Seal(key=seal.key, signature=foreign.signature)),
        (b"payload", Seal(key=other.key, signature=seal.signature)),
        (b"payload", Seal(key=seal.key, signature=seal.signature[:-2])),
        (b"payload", Seal(key=seal.key, signature="not hexadecimal")),
        (b"payload", Seal(key="", signature="")),
    ):
        with pytest.raises(Forged):
            check.verify(payload, wrong)


def test_who_only_checks_cannot_seal(folder: Path) -> None:
    with pytest.raises(Forged, match="not make them"):
        checking_ring(folder).seal(b"payload")


def test_private_keys_are_for_their_owner_alone_and_are_kept(folder: Path) -> None:
    for path in folder.glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    create_keys(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(before) == ["desk.key", "desk.pub", "journal.key", "journal.pub"]


def test_a_lost_public_key_is_written_again(folder: Path) -> None:
    before = public_keys(folder)
    (folder / "desk.pub").unlink()
    create_keys(folder)
    assert public_keys(folder) == before


def test_processes_that_create_keys_at_once_end_with_the_same_ones(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        seen = pool.map(_create_and_seal, [tmp_path / "keys"] * 6)
    check = checking_ring(tmp_path / "keys")
    for seal in seen:
        check.verify(b"payload", seal)
    assert len({seal.key for seal in seen}) == 1


def _create_and_seal(folder: Path) -> Seal:
    create_keys(folder)
    checking_ring(folder)
    return signing_ring(folder, "desk").seal(b"payload")
