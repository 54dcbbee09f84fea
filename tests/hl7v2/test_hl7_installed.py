"""Whole installations as `aval run` makes them: another implementation sends, a model proposes, processes die."""

import signal
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hl7.client import MLLPClient
from sqlalchemy import text

from guarantee.case import CaseKind, case_id
from tests.e2e.reader import AtDesk
from tests.hl7v2 import messages as m
from tests.hl7v2.door import Talk
from tests.installation import PROCESSES, Installation
from tests.peers.base import free_port, listens
from tests.peers.postgresql import PostgreSQL

STAY = f"urn:oid:{m.STAYS}|S7"
CASE = case_id(CaseKind.RECORD, STAY, 1)
SENDERS = {"labo": {"addresses": ["127.0.0.0/8"]}}


def installed(folder: Path, *, cluster: PostgreSQL | None = None, broker: str = "") -> tuple[Installation, int]:
    port = free_port()
    settings = {"intake": {"hl7": {"port": port, "senders": SENDERS}}}
    return Installation(folder / "data", settings, cluster=cluster, broker=broker), port


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("distributed", marks=[pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Installation, int]]:
    cluster: PostgreSQL | None = None
    broker = ""
    names: tuple[str, ...] = ("all",)
    if request.param == "distributed":
        cluster, broker = request.getfixturevalue("cluster"), request.getfixturevalue("rabbitmq").url
        names = PROCESSES
    made, port = installed(tmp_path, cluster=cluster, broker=broker)
    try:
        made.start(*names)
        made.eventually(lambda: listens(port), "the HL7v2 listener to open")
        yield made, port
        made.stop()
    finally:
        made.kill()


def test_results_of_a_laboratory_become_a_draft_and_a_merge_makes_it_stale(place: tuple[Installation, int]) -> None:
    """python-hl7 sends; the kidney-failure equation proposes; the record merges the patient."""
    installation, port = place
    with MLLPClient("127.0.0.1", port) as labo:
        reply = hl7.parse(labo.send_message(m.oru(control="LAB-1").encode()).strip(b"\x0b\x1c\r").decode())
        assert (str(reply["MSA"][0][1]), str(reply["MSA"][0][2])) == ("AA", "LAB-1")
        assert (str(reply["MSH"][0][17]), str(reply["MSH"][0][18])) == ("FRA", "8859/15")

        with AtDesk(installation, installation.people["dr.martin"]) as martin:
            result = martin.draft_of(CASE, "kidney-failure")
            opened = martin.open(result)
            assert "ORU" in {one["source"].partition("/")[0] for one in opened["draft"]["inputs"]}

            merged = m.merge("IPP1", "IPP9", control="GAM-1").encode()
            assert b"\rMSA|AA|GAM-1" in labo.send_message(merged)
            assert martin.state(result) == "stale"
            assert martin.answer(result, opened).status_code == 409
            held = installation.aval("cases", "list", "--held")
            assert "identity-changed" in held.stdout
        checked = installation.aval("check")
        assert f"port {port}, labo may send, no TLS" in checked.stdout


def counts(installation: Installation) -> tuple[int, int]:
    with installation.reading() as unit:
        fed = unit.connection.execute(text("SELECT count(*) FROM feed")).scalar_one()
        inputs = unit.connection.execute(text("SELECT count(*) FROM inputs")).scalar_one()
    return fed, inputs


def test_kill_9_loses_nothing_that_was_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    """The sender never learns of some commits, and sends everything again."""
    installation, port = installed(tmp_path)
    messages = [m.oru(control=str(n), order=m.obr(f"L{n}")) for n in range(300)]
    try:
        installation.start("intake")
        installation.eventually(lambda: listens(port), "the HL7v2 listener to open")
        talk = Talk(port)
        talk.send(*messages)
        acknowledged = [talk.ack().control for _ in range(5)]
        installation.kill("intake")  # whatever was committed since, and not acknowledged
        talk.close()
        kept, _ = counts(installation)
        assert kept >= len(acknowledged) > 0

        installation.start("intake")
        installation.eventually(lambda: listens(port), "the HL7v2 listener to open again")
        talk = Talk(port)
        talk.send(*messages)
        assert {talk.ack().code for _ in messages} == {"AA"}
        talk.close()
        assert counts(installation) == (300, 300)
        installation.stop()
    finally:
        installation.kill()


def test_a_commit_whose_acknowledgement_never_left_is_known_again(tmp_path: Path) -> None:
    """Stopped between commit and answer: the process is frozen while its rows are read, then killed."""
    installation, port = installed(tmp_path)
    try:
        installation.start("intake")
        installation.eventually(lambda: listens(port), "the HL7v2 listener to open")
        talk = Talk(port)
        talk.send(m.oru())
        installation.eventually(lambda: counts(installation) == (1, 1), "the message to be committed")
        installation.running["intake"].send_signal(signal.SIGSTOP)
        installation.kill("intake")
        talk.close()

        installation.start("intake")
        installation.eventually(lambda: listens(port), "the HL7v2 listener to open again")
        again = Talk(port)
        assert again.ask(m.oru()).code == "AA"
        again.close()
        assert counts(installation) == (1, 1)
        installation.stop()
    finally:
        installation.kill()
