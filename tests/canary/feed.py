"""HL7v2 messages about the patient: taken, merged, and bad in every way; what comes back is kept, but for the echo."""

from tests.canary import patient
from tests.canary.sinks import Answers
from tests.hl7v2 import messages as m
from tests.hl7v2.door import Talk

_PID = m.pid(patient.IDENTIFIER, name=f"{patient.FAMILY}^{patient.GIVEN}^^^^^L", born=patient.BIRTH_DATE)
_STAY = m.pv1(f"{patient.STAY}^^^CHU-X&{m.STAYS}&ISO^VN")


def sent(port: int, answers: Answers) -> None:
    """Send everything that goes well, and everything that does not."""
    talk = Talk(port)
    header = m.msh("ORU^R01", charset="UNICODE UTF-8", control=patient.WORDS)
    words = m.message(header, _PID, _STAY, m.obr(patient.ACCESSION), m.obx("2160-0", "88", "umol/L"))
    good = (
        words,
        words.replace("|88|", "|90|"),
        m.adt("A01", _PID, _STAY).replace("8859/15", "UNICODE UTF-8"),
        m.adt("A40", _PID, f"MRG|{m.ipp(patient.IDENTIFIER + '2')}").replace("8859/15", "UNICODE UTF-8"),
    )
    for message in good:
        assert talk.ask(message, charset="utf-8").code == "AA"
    bad = (
        words.replace("ORU^R01", f"{patient.FAMILY}^R01"),
        words.replace("ORU^R01", f"ADT^{patient.IDENTIFIER}"),
        words.replace("|2.5|", f"|{patient.WORDS}|"),
        words.replace("|P|", f"|{patient.FAMILY}|"),
        words.replace("UNICODE UTF-8", patient.FAMILY),
        words + f"{patient.FAMILY}|{patient.IDENTIFIER}\r",
        words + _PID + "\r",
        words.replace(patient.FAMILY, f"{patient.FAMILY}\x01"),
        words.replace(f"&{m.STAYS}&ISO", "").replace("CHU-X", ""),
        f"{patient.NAME}|{patient.IDENTIFIER}",
    )
    for message in bad:
        ack = talk.ask(message, charset="utf-8")
        assert ack.code == "AR", message
        # What is echoed was in the header: the sender's own words, back to the sender. All else is ours.
        answers.bodies.append(("HL7v2 AR", "\r".join(ack.text.split("\r")[2:]).encode("latin-1")))
    assert talk.ask(words.encode() + b"\xff").code == "AR"
    talk.socket.sendall(b"\x0b" + words.encode() + b"\x1c" + patient.FAMILY.encode())
    assert talk.is_hung_up()
    talk.close()
