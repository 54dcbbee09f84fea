"""A hospital that speaks HL7v2 alone, as `aval run` makes it: results in, a signature, a message out, and back.

The laboratory and the record are another implementation; the record loses its first answer.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from guarantee.case import CaseKind, case_id
from tests.e2e.reader import AtDesk
from tests.hl7v2 import messages as m
from tests.hl7v2.receiver import Receiver
from tests.installation import Installation
from tests.peers.base import free_port, listens

CASE = case_id(CaseKind.RECORD, f"urn:oid:{m.STAYS}|S7", 1)


@pytest.fixture
def record() -> Iterator[Receiver]:
    made = Receiver(encoding="iso8859-15").start()
    yield made
    made.stop()


def test_results_in_a_signature_a_message_out_and_its_withdrawal(tmp_path: Path, record: Receiver) -> None:
    door = free_port()
    dpi = {"host": "127.0.0.1", "port": record.port, "patient_authority": "CHU-X"}
    more = {"charset": "8859/15", "transliterate": True, "report": "both"}
    settings = {
        "intake": {"hl7": {"port": door, "senders": {"labo": {"addresses": ["127.0.0.0/8"]}}}},
        "destinations": {"hl7": {"dpi": dpi | more}},
    }
    installation = Installation(tmp_path / "data", settings)
    try:
        installation.start("all")
        installation.eventually(lambda: listens(door), "the HL7v2 listener to open")
        with MLLPClient("127.0.0.1", door) as labo:
            assert b"MSA|AA" in labo.send_message(m.oru().encode())
        with AtDesk(installation, installation.people["dr.martin"]) as martin:
            result = martin.draft_of(CASE, "kidney-failure")
            assert record.heard == [], "nothing leaves before the signature"
            record.script = ["cut"]
            martin.sign(result)
            martin.wait_for(result, "delivered")
            lost, told = (str(one) for one in record.heard)
            assert lost == told, "the same bytes again, under the same number"
            assert len(record.kept) == 1
            (sent,) = record.kept.values()
            assert str(sent.segment("PV1")(19)).startswith("S7^")
            assert str(sent.segment("OBR")(25)) == "P"

            listed = json.loads(installation.aval("destinations", "list", "--json").stdout)
            assert [(one["name"], one["kind"], one["waiting"]) for one in listed] == [("dpi", "hl7", 0)]
            assert "connected to 127.0.0.1" in installation.aval("destinations", "test", "dpi").stdout
            assert "hl7 dpi" in installation.aval("check").stdout

            martin.retract(result)
            record.wait_for(3)
            back = record.heard[-1]
            assert str(back.segment("OBR")(3)) == str(sent.segment("OBR")(3))
            assert {str(row(11)) for row in back.segments("OBX")[1:]} == {"D"}
        installation.stop()
        logs = "".join(path.read_text(errors="replace") for path in installation.logs.iterdir())
        assert m.ipp("IPP1").partition("^")[0] not in logs
    finally:
        installation.kill()
