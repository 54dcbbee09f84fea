"""What somebody else can prove of them from the exported journal."""

import importlib.util
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from guarantee.journal import GENESIS, link_hash
from tests.authenticator import Authenticator
from tests.bridge.passkey_office import ORIGIN, VERIFIER, Office
from tests.flows.fakes import READER


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, list[dict[str, Any]]]]:
    """One opinion with each algorithm, one without, and a key that was revoked."""
    office = Office(tmp_path_factory.mktemp("passkeys"))
    for number, algorithm in enumerate(("ES256", "EdDSA", "RS256")):
        key = office.add(Authenticator(algorithm))
        office.signed(office.drafted(10 * number), key)
        office.signed(office.drafted(10 * number + 1), key)
    office.world.answer(office.drafted(99))
    office.signing.revoke(READER, key.id)
    yield office, office.export()
    office.world.engine.dispose()


Tamper = Callable[[list[dict[str, Any]]], None]


def rechained(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write every link anew, as the owner of the database can where no anchor was kept elsewhere."""
    links, before = [line["link"] for line in lines if "link" in line], GENESIS
    for seq, link in enumerate(links, start=1):
        link.update(seq=seq, prev=before)
        link["hash"] = before = link_hash(**{name: link[name] for name in link if name != "hash"})
    return lines


def bodies(lines: list[dict[str, Any]], action: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (line["link"], json.loads(line["link"]["body"]))
        for line in lines
        if "link" in line and line["link"]["action"].startswith(action)
    ]


def changed(action: str, at: int, **values: Any) -> Tamper:
    def tamper(lines: list[dict[str, Any]]) -> None:
        link, body = bodies(lines, action)[at]
        link["body"] = json.dumps(body | values)

    return tamper


def dropped(action: str) -> Tamper:
    def tamper(lines: list[dict[str, Any]]) -> None:
        lines.remove({"link": bodies(lines, action)[0][0]})

    return tamper


def last(action: str) -> Tamper:
    """Move the first link of this kind to the end."""

    def tamper(lines: list[dict[str, Any]]) -> None:
        line = {"link": bodies(lines, action)[0][0]}
        lines.remove(line)
        lines.insert(max(n for n, other in enumerate(lines) if "link" in other) + 1, line)

    return tamper


def swapped(*names: str) -> Tamper:
    """Give the first gesture what the second says."""

    def tamper(lines: list[dict[str, Any]]) -> None:
        (link, body), (_, other) = bodies(lines, "gesture")[:2]
        link["body"] = json.dumps(body | {name: other[name] for name in names})

    return tamper


def given_to_somebody_else(lines: list[dict[str, Any]]) -> None:
    bodies(lines, "passkey.added")[0][0]["subject"] = "dr.somebody"


def unverified(lines: list[dict[str, Any]]) -> None:
    link, body = bodies(lines, "gesture")[0]
    data = body["authenticator_data"]
    link["body"] = json.dumps(body | {"authenticator_data": f"{data[:64]}01{data[66:]}"})


WHOLE = ("authenticator_data", "client_data", "signature")
TAMPERINGS = (
    (swapped(*WHOLE), "over another statement"),
    (swapped("signature"), "not signed by the passkey"),
    (swapped("client_data"), "not signed by the passkey"),
    (unverified, "did not verify"),
    (changed("passkey.added", 0, public_key="11" * 64), "not signed by the passkey"),
    (changed("passkey.added", 1, public_key="22" * 32), "not signed by the passkey"),
    (changed("passkey.added", 2, public_key="ff" * 256), "not signed by the passkey"),
    (changed("passkey.added", 0, algorithm="none"), "not signed by the passkey"),
    (given_to_somebody_else, "not its reader's then"),
    (dropped("passkey.added"), "not its reader's then"),
    (last("passkey.added"), "not its reader's then"),
    (dropped("gesture"), "the journal says otherwise"),
)


def test_somebody_who_trusts_neither_us_nor_the_database_sees_that_it_holds(
    exported: tuple[Office, list[dict[str, Any]]],
) -> None:
    office, lines = exported
    status, said = office.judge(lines, "--origin", ORIGIN)
    assert status == 0, said
    assert f"6 opinions are signed by a passkey of their reader (L2), at {ORIGIN}" in said
    assert "localhost" not in said
    status, said = office.judge(lines, "--origin", "https://another.example")
    assert (status, "made for another desk" in said) == (1, True)


@pytest.mark.parametrize(("tamper", "why"), TAMPERINGS)
def test_each_tampering_with_a_gesture_is_a_fault_even_in_a_chain_that_was_written_anew(
    exported: tuple[Office, list[dict[str, Any]]], tamper: Tamper, why: str
) -> None:
    office, lines = exported
    mine: list[dict[str, Any]] = json.loads(json.dumps(lines))
    tamper(mine)
    status, said = office.judge(rechained(mine))
    assert status == 1, said
    assert why in said, said
    assert "was edited" not in said


def test_a_key_revoked_before_the_gesture_is_a_fault(exported: tuple[Office, list[dict[str, Any]]]) -> None:
    office, lines = exported
    mine: list[dict[str, Any]] = json.loads(json.dumps(lines))
    revoked = {"link": bodies(mine, "passkey.revoked")[0][0]}
    added = {"link": bodies(mine, "passkey.added")[2][0]}
    mine.remove(revoked)
    mine.insert(mine.index(added) + 1, revoked)
    status, said = office.judge(rechained(mine))
    assert (status, "not its reader's then" in said) == (1, True)


def test_the_export_says_nothing_of_a_patient_in_gestures(exported: tuple[Office, list[dict[str, Any]]]) -> None:
    _, lines = exported
    for _, body in bodies(lines, "gesture"):
        assert body.keys() == {"opinion", "passkey", *WHOLE}
        assert json.loads(body["client_data"]).keys() == {"type", "challenge", "origin", "crossOrigin"}


# ------------------------------------------------------------------------------------------------ its own arithmetic


def _verifier() -> Any:
    spec = importlib.util.spec_from_file_location("verify_journal", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_its_arithmetic_agrees_with_the_library_and_believes_no_other_bit(algorithm: str) -> None:
    holds, draw = _verifier().GESTURES_BY[algorithm], random.Random(256)
    key = Authenticator(algorithm)
    cose = key.cose
    public = cose[-2] + cose[-3] if algorithm == "ES256" else cose[-1]
    for _ in range(6):
        gesture = key.sign("x" * 43)
        signature = bytearray.fromhex(gesture.signature)
        assert holds(public, gesture.signed, bytes(signature))
        assert not holds(public, gesture.signed + b"x", bytes(signature))
        assert not holds(public, gesture.signed, bytes(signature) + b"x")
        bit = draw.randrange(8 * len(signature))
        signature[bit // 8] ^= 1 << bit % 8
        assert not holds(public, gesture.signed, bytes(signature))


@pytest.mark.parametrize(
    "signature",
    ["", "30", "3000", "3006020100020100", "3006020101020100", "300602010102017f", "3007020200010201017f"],
)
def test_its_ecdsa_refuses_numbers_that_are_zero_or_written_another_way(signature: str) -> None:
    cose = Authenticator().cose
    assert not _verifier().es256_holds(cose[-2] + cose[-3], b"x", bytes.fromhex(signature))
    assert not _verifier().es256_holds(b"\1" * 64, b"x", bytes.fromhex(signature)), "no point of the curve"
