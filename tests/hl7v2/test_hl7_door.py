"""Real bytes over a real socket: what is answered, what is kept, what is refused, and that nothing is kept halfway."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guarantee.errors import Unavailable
from guarantee.ports import Store
from tests.hl7v2 import messages as m
from tests.hl7v2.door import Site, Talk, site
from tests.peers.certificates import Authority

STAY = f"urn:oid:{m.STAYS}|S7"


def test_a_laboratory_report_is_kept_byte_for_byte_before_it_is_acknowledged(place: Site) -> None:
    sent = m.oru(control="LAB-17").encode("iso8859-15")
    ack = place.talk().ask(sent)

    assert (ack.code, ack.control) == ("AA", "LAB-17")
    case = place.case(STAY)
    assert case is not None
    assert (case.patient.identifier, case.patient.issuer) == ("IPP9", f"urn:oid:{m.IPP}")
    assert (case.patient.name, case.patient.birth_date, case.patient.sex) == ("TESTPATIENT^Jeanne", "1955-06-12", "F")
    assert list(place.stored(STAY)) == [sent]


def test_the_answer_echoes_what_the_sender_needs_to_know_it_by(place: Site) -> None:
    ack = place.talk().ask(m.oru(control="x^y&z"))
    assert ack.control == "x^y&z"
    assert [ack.field("MSH", n) for n in (3, 4, 5, 6)] == ["AVAL", "CHU-X", "LABO", "CHU-X"]
    assert [ack.field("MSH", n) for n in (9, 11, 12, 17, 18, 19)] == [
        "ACK^R01^ACK",
        "P",
        "2.5",
        "FRA",
        "8859/15",
        "fr-FR",
    ]


@pytest.mark.parametrize(
    ("asks", "codes"),
    [("|", ["AA"]), ("AL|NE", ["CA"]), ("NE|AL", ["AA"]), ("AL|AL", ["CA", "AA"]), ("SU|ER", ["CA"])],
)
def test_a_sender_gets_the_acknowledgements_it_asks_for(place: Site, asks: str, codes: list[str]) -> None:
    talk = place.talk()
    talk.send(m.message(m.msh("ORU^R01", asks=asks), m.pid(), m.pv1()))
    assert [talk.ack().code for _ in codes] == codes


def test_a_sender_that_wants_no_answer_gets_none_and_its_message_is_kept(place: Site) -> None:
    talk = place.talk()
    talk.send(m.message(m.msh("ORU^R01", asks="NE|NE"), m.pid(), m.pv1()), m.oru(control="2"))
    assert talk.ack().control == "2"
    assert len(place.stored(STAY)) == 2


def test_many_messages_at_once_are_answered_in_their_order(place: Site) -> None:
    talk = place.talk()
    talk.send(*(m.oru(control=str(number), order=m.obr(f"L{number}")) for number in range(100)))
    assert [talk.ack().control for _ in range(100)] == [str(number) for number in range(100)]
    assert len(place.stored(STAY)) == 100


def test_a_message_may_come_in_pieces_and_between_line_ends(place: Site) -> None:
    talk = place.talk()
    frame = b"\x0b" + m.oru().encode("iso8859-15") + b"\x1c\r\r\n"
    for n in range(0, len(frame), 97):
        talk.socket.sendall(frame[n : n + 97])
    assert talk.ack().code == "AA"
    assert talk.ask(m.oru(control="2")).control == "2"


def test_the_same_message_again_changes_nothing(place: Site) -> None:
    talk = place.talk()
    assert [talk.ask(m.oru()).code for _ in range(3)] == ["AA", "AA", "AA"]
    assert len(place.stored(STAY)) == 1
    assert place.refusals() == []


def test_another_message_under_a_used_number_is_taken_and_noted(place: Site) -> None:
    talk = place.talk()
    assert talk.ask(m.oru()).code == "AA"
    assert talk.ask(m.oru([("2160-0", "88", "umol/L")])).code == "AA"
    assert len(place.stored(STAY)) == 2
    assert place.refusals() == [("labo", "control-reused")]


def test_a_kind_that_means_nothing_here_is_acknowledged_and_counted(place: Site) -> None:
    talk = place.talk()
    assert talk.ask(m.adt("A02", m.pid(), m.pv1())).code == "AA"
    assert talk.ask(m.message(m.msh("SIU^S12", control="2"), "SCH|1")).code == "AA"
    with place.world.sql.reading() as unit:
        now = place.world.clock.now()
        told = unit.measures.fed(now.replace(year=2000), now.replace(year=2100))
    assert told == {("gam", "ADT^A02", "unused"): 1, ("labo", "SIU^S12", "unused"): 1}
    assert place.case(STAY) is None


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
def test_every_version_is_taken(place: Site, version: str) -> None:
    head = m.msh("ORU^R01", version=version)
    if version in {"2.7", "2.8"}:
        head = head.replace("^~\\&", "^~\\&#")
    ack = place.talk().ask(m.message(head, m.pid(), m.pv1(), m.obr(), m.obx("2160-0", "88", "umol/L")))
    assert (ack.code, ack.field("MSH", 12)) == ("AA", version)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15"), ("8859/1", "iso8859-1"), ("", "iso8859-15")],
)
def test_names_are_read_in_the_character_set_that_the_message_names(place: Site, charset: str, codec: str) -> None:
    sent = m.oru(patient=m.pid(name="LEFÈVRE^Hélène^^^^^L"), charset=charset)
    assert place.talk().ask(sent, charset=codec).code == "AA"
    case = place.case(STAY)
    assert case is not None
    assert case.patient.name == "LEFÈVRE^Hélène"


BAD: dict[str, tuple[str | bytes, str, str]] = {
    "no header": ("PID|1||X\r", "no-header", "100"),
    "nothing": (b"", "no-header", "100"),
    "binary": (bytes(range(1, 11)), "no-header", "100"),
    "a batch": (r"FHS|^~\&|A" + "\r" + m.oru(), "batch", "100"),
    "equal delimiters": ("MSH|^^\\&|LABO|CHU-X\r", "delimiters", "102"),
    "letters as delimiters": ("MSHaBcDeFa\r", "delimiters", "102"),
    "an unknown version": (m.oru().replace("|2.5|", "|9.9|"), "version", "203"),
    "a test message": (m.oru().replace("|P|2.5", "|T|2.5"), "processing", "202"),
    "an unknown type": (m.message(m.msh("VXU^V04"), m.pid()), "type", "200"),
    "an unknown event": (m.message(m.msh("ADT^A99"), m.pid()), "event", "201"),
    "no control number": (m.message(m.msh("ORU^R01", control=""), m.pid()), "no-control-number", "101"),
    "a foreign application": (m.message(m.msh("ORU^R01", sender="X|Y"), m.pid()), "sender-unknown", "204"),
    "an unknown character set": (m.oru(charset="GB 18030-2000"), "charset", "103"),
    "letters of another set": (m.oru(charset="UNICODE UTF-8").encode() + b"NTE|1||\xe9\r", "charset", "102"),
    "UTF-8 that says 8859/15": (m.oru(patient=m.pid(name="LEFÈVRE^É")).encode(), "charset", "102"),
    "a control character": (m.oru().replace("Jeanne", "Je\x00anne"), "control-character", "102"),
    "two patients": (m.oru() + m.pid("IPP10") + "\r", "two-patients", "101"),
    "no patient": (m.message(m.msh("ORU^R01"), m.pv1()), "no-patient", "101"),
    "no number at all": (m.oru(visit="PV1|1|I", patient=m.pid("", others="")), "no-number", "101"),
    "a number of nobody's": (m.oru(visit=m.pv1("S7^^^^VN")), "authority-missing", "101"),
    "a name for a segment": (m.oru() + "hello|1\r", "segment-name", "100"),
    "two headers": (m.oru() + m.oru(), "two-headers", "100"),
    "ten thousand segments": (m.oru() + "NTE|1\r" * 10_000, "too-many", "100"),
    "a thousand fields": (m.oru() + "ZZZ" + "|" * 1_000 + "\r", "too-many", "100"),
    "a thousand numbers": (m.oru(patient=m.pid(others=m.INS + "~" + "1^^^A~" * 1_000)), "too-many", "102"),
    "a merge of one": (m.adt("A40", m.pid()), "identity", "101"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_reason_and_the_next_message_is_taken(place: Site, name: str) -> None:
    bad, code, condition = BAD[name]
    talk = place.talk()
    ack = talk.ask(bad)

    assert (ack.code, ack.why) == ("AR", condition)
    assert [refused for _, refused in place.refusals()] == [code]
    for trait in ("IPP9", "TESTPATIENT", "Jeanne", "LEF", "19550612", "255069999999934", "S7^"):
        assert trait not in ack.text.partition("\rMSA")[2]
    assert talk.ask(m.oru(control="after")).code == "AA"


def test_before_2_5_what_was_wrong_is_one_field(place: Site) -> None:
    ack = place.talk().ask(m.message(m.msh("ADT^A99", version="2.3"), m.pid()))
    assert ack.field("ERR", 1) == "MSH^1^9^201&Unsupported event code&HL70357"
    assert ack.field("MSH", 9) == "ACK"


def test_a_message_that_is_too_long_is_refused_by_its_number_and_the_connection_ends(place: Site) -> None:
    talk = place.talk()
    body = m.oru(control="LONG").encode() + b"NTE|1||" + b"x" * (1024 * 1024)
    talk.socket.sendall(b"\x0b" + body[: 1024 * 1024 + 64])
    ack = talk.ack()
    assert (ack.code, ack.control) == ("AR", "LONG")
    assert talk.is_hung_up()
    assert place.refusals() == [("labo", "too-long")]


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x0bMSH|\x0bMSH|", b"\x0bMSH|^~\\&|A\x1cB", b"\x0b" + m.oru().encode() + b"\x1c\n"],
)
def test_what_is_no_frame_ends_the_connection(place: Site, said: bytes) -> None:
    talk = place.talk()
    talk.socket.sendall(said)
    assert talk.is_hung_up()
    assert [code for _, code in place.refusals()] == ["framing"]
    assert place.talk().ask(m.oru()).code == "AA"


def test_a_frame_that_is_broken_off_is_recorded_and_not_taken(place: Site) -> None:
    talk = place.talk()
    talk.socket.sendall(b"\x0b" + m.oru().encode())
    talk.socket.shutdown(1)
    assert talk.is_hung_up()
    assert [code for _, code in place.refusals()] == ["broken-off"]
    assert place.case(STAY) is None


def test_a_slow_message_and_a_silent_connection_end(tmp_path: Path) -> None:
    place = site(tmp_path, message_s=0.2, idle_s=0.2)
    place.listener.start()
    silent, slow = place.talk(), place.talk()
    slow.socket.sendall(b"\x0bMSH|")
    assert silent.is_hung_up()
    assert slow.is_hung_up()
    assert [code for _, code in place.refusals()] == ["broken-off"]
    place.close()
    place.world.engine.dispose()


def test_a_sender_has_only_so_many_connections(tmp_path: Path) -> None:
    one = {"labo": {"addresses": ["127.0.0.1"], "connections_max": 1}}
    place = site(tmp_path, senders=one)
    place.listener.start()
    first, second = place.talk(), None
    assert first.ask(m.oru()).code == "AA"
    second = place.talk()
    second.send(m.oru(control="2"))
    assert second.is_hung_up()
    assert place.refusals() == [("labo", "too-many-connections")]
    assert first.ask(m.oru(control="3")).code == "AA"
    place.close()
    place.world.engine.dispose()


def test_silent_connections_of_a_stranger_are_waited_for_up_to_a_number(tmp_path: Path) -> None:
    place = site(tmp_path, senders={"labo": {"addresses": ["10.9.8.0/24"]}}, connections_max=2)
    place.listener.start()
    waited_for = [place.talk(), place.talk()]
    assert place.talk().is_hung_up()
    for talk in waited_for:
        talk.send(m.oru())
        assert talk.is_hung_up()
    assert place.refusals() == [("", "sender-unknown")] * 2, "both were there until they spoke"
    place.close()
    place.world.engine.dispose()


def test_nobody_is_heard_from_an_address_that_no_sender_has(tmp_path: Path) -> None:
    place = site(tmp_path, senders={"labo": {"addresses": ["10.9.8.0/24"]}})
    place.listener.start()
    place.talk().close()
    talk = place.talk()
    talk.send(m.oru())
    assert talk.is_hung_up()
    assert place.refusals() == [("", "sender-unknown")]
    place.close()
    place.world.engine.dispose()


# ----------------------------------------------------------------------------------------------- what fails on our side


@dataclass
class Failing:
    """A store whose transactions do not answer while told so, after so many that do."""

    store: Store
    after: int = 0
    is_down: bool = True

    @contextmanager
    def transaction(self, actor: str, *, is_noted: bool = False) -> Iterator[Any]:
        if self.is_down and self.after <= 0:
            raise Unavailable("database", "it does not answer")
        self.after -= 1
        with self.store.transaction(actor, is_noted=is_noted) as unit:
            yield unit

    def reading(self) -> Any:
        return self.store.reading()


def test_what_cannot_be_kept_now_is_answered_ae_and_taken_when_it_is_sent_again(place: Site) -> None:
    failing = Failing(place.world.store)
    place.world.store = failing
    talk = place.talk()
    ack = talk.ask(m.oru())
    assert (ack.code, ack.why) == ("AE", "207")
    assert talk.ask("PID|no header\r").code == "AE", "a refusal that cannot be recorded is not said either"

    failing.is_down = False
    assert talk.ask(m.oru()).code == "AA"
    assert len(place.stored(STAY)) == 1


def test_after_a_message_that_was_not_kept_none_of_those_behind_it_is(place: Site) -> None:
    """A later word must not overtake an earlier one that is sent again."""
    failing = Failing(place.world.store, after=1)
    place.world.store = failing
    moved = m.adt("A08", m.pid(), m.pv1(), control="2")
    three = place.door.answer(
        place.door.senders_at("127.0.0.1"),
        [one.encode() for one in (m.oru(control="1"), moved, m.oru([("2160-0", "88", "umol/L")], control="3"))],
    )
    assert [reply.decode().partition("\rMSA|")[2][:4] for reply in three] == ["AA|1", "AE|2", "AE|3"]
    failing.is_down = False
    assert len(place.stored(STAY)) == 1


def test_a_full_disk_is_answered_ae(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_data: bytes) -> None:
        raise Unavailable("disk-full", "no space")

    monkeypatch.setattr(place.world.vault, "put", full)
    assert place.talk().ask(m.oru()).code == "AE"
    assert place.case(STAY) is None


# --------------------------------------------------------------------------------------------------------------- TLS


def test_tls_is_spoken_with_senders_that_show_a_certificate(tmp_path: Path) -> None:
    house, strangers = Authority(tmp_path / "house"), Authority(tmp_path / "strangers", "Somebody else")
    server, labo, stranger = house.sign("hl7"), house.sign("labo"), strangers.sign("stranger")
    tls = {"certificate": server.certificate, "key": server.key, "authorities": house.file}
    place = site(tmp_path, tls=tls)
    place.listener.start()
    context = ssl.create_default_context(cafile=str(house.file))
    context.load_cert_chain(labo.certificate, labo.key)
    talk = Talk(place.listener.port, context)
    place.talks.append(talk)
    assert talk.ask(m.oru()).code == "AA"

    context = ssl.create_default_context(cafile=str(house.file))
    context.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises((OSError, EOFError)):
        _ask_once(place.listener.port, context)
    plain = place.talk()
    plain.send(m.oru(control="3"))
    assert plain.is_hung_up()
    assert len(place.stored(STAY)) == 1
    place.close()
    place.world.engine.dispose()


def _ask_once(port: int, context: ssl.SSLContext) -> None:
    """A client of TLS 1.3 hears that its certificate is refused with the first answer only."""
    talk = Talk(port, context)
    try:
        talk.ask(m.oru(control="2"))
    finally:
        talk.close()
