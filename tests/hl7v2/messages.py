"""Messages as French systems write them, of made-up people; made for these tests, from nobody's examples."""

from collections.abc import Sequence

IPP = "1.2.250.1.999.1.1"
"""Authority of the hospital's patient numbers; the FHIR samples use the same."""

STAYS = "1.2.250.1.999.1.2"
"""Authority of its stay numbers."""

VISIT = f"S7^^^CHU-X&{STAYS}&ISO^VN"
INS = "255069999999934^^^ASIP-SANTE-INS-NIR-TEST&1.2.250.1.213.1.4.10&ISO^INS"


def ipp(number: str) -> str:
    return f"{number}^^^CHU-X&{IPP}&ISO^PI"


def msh(
    kind: str,
    *,
    control: str = "1",
    version: str = "2.5",
    charset: str = "8859/15",
    asks: str = "|",
    sender: str = "LABO|CHU-X",
    processing: str = "P",
    sent: str = "20261121101504+0100",
) -> str:
    return rf"MSH|^~\&|{sender}|AVAL|CHU-X|{sent}||{kind}|{control}|{processing}|{version}|||{asks}|FRA|{charset}|fr-FR"


def pid(
    number: str = "IPP9",
    *,
    name: str = "TESTPATIENT^Jeanne^^^^^L",
    born: str = "19550612",
    sex: str = "F",
    reliability: str = "VALI",
    others: str = f"{INS}~",
) -> str:
    return f"PID|1||{others}{ipp(number)}||{name}||{born}|{sex}{'|' * 24}{reliability}"


def pv1(visit: str = VISIT, kind: str = "I") -> str:
    return f"PV1|1|{kind}{'|' * 17}{visit}{'|' * 25}20261120081200"


def obr(filler: str = "L778", *, at: str = "20261121082000+0100", said: str = "20261121101500+0100") -> str:
    return f"OBR|1||{filler}|CHEM^Ionogramme^L|||{at}{'|' * 15}{said}"


def obx(
    code: str,
    value: str,
    unit: str,
    *,
    status: str = "F",
    kind: str = "NM",
    number: int = 1,
    at: str = "",
    text: str = "Analyte",
) -> str:
    return f"OBX|{number}|{kind}|{code}^{text}^LN||{value}|{unit}^^UCUM|||||{status}|||{at}"


def message(*segments: str) -> str:
    return "".join(f"{segment}\r" for segment in segments)


KIDNEY: Sequence[tuple[str, str, str]] = (
    ("98979-8", "32", "mL/min/{1.73_m2}"),
    ("9318-7", "300", "mg/g"),
)
"""What the kidney-failure equation wants to know, beside age and sex."""


def oru(
    values: Sequence[tuple[str, str, str]] = KIDNEY,
    *,
    control: str = "1",
    patient: str | None = None,
    visit: str | None = None,
    order: str | None = None,
    status: str = "F",
    charset: str = "8859/15",
    sent: str = "20261121101504+0100",
) -> str:
    rows = [obx(*value, status=status, number=number) for number, value in enumerate(values, start=1)]
    header = msh("ORU^R01^ORU_R01", control=control, charset=charset, sent=sent)
    return message(header, patient or pid(), pv1() if visit is None else visit, order or obr(), *rows)


def adt(event: str, *segments: str, control: str = "1", sent: str = "20261121101504+0100") -> str:
    structure = {"A04": "ADT_A01", "A08": "ADT_A01", "A40": "ADT_A39", "A31": "ADT_A05"}.get(event, f"ADT_{event}")
    header = msh(f"ADT^{event}^{structure}", control=control, sender="GAM|CHU-X", sent=sent)
    return message(header, f"EVN||{sent}", *segments)


def merge(stays: str, gone: str, *, control: str = "1") -> str:
    return adt("A40", pid(stays), f"MRG|{ipp(gone)}", control=control)


ZBE = "ZBE|MVT1^CHU-X^1.2.250.1.999.1.3^ISO|20261120081200||INSERT|N||^^^^^^UF^^^1001|||HMS"
ZFD = "ZFD|||||||||"
ZFV = "ZFV|||||||||||"
