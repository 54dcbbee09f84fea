"""What leaves by HL7v2: valid for a strict reader of another project, and exactly what was endorsed."""

import base64
import io
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any

import hl7
import pypdf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.vault import FileVault
from fhir_adapters.pdf import read_pdf, write_pdf
from guarantee.agreement import disagreement
from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.orders import Order, OrderStatus
from guarantee.policy import Role
from guarantee.ports import Rendered
from guarantee.release import WithdrawalReason
from tests.fhir.samples import AMENDED, PATIENT, READER, SECOND, T0, endorsed, finding
from tests.guarantee.samples import prepared_by
from tests.hl7v2.outgoing import folder_vault, judged, lines, rendered, renderer, rows, withdrawn

HARD = "Volume | 1^2 & 3~4 \\ fin – œdème ≥ 2 cm³\n\n  retrait, 10⁹/L\n" + "mot " * 200


@pytest.fixture
def vault(tmp_path: object) -> FileVault:
    return folder_vault(tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("report", ["text", "pdf", "both"])
@pytest.mark.parametrize(
    ("charset", "transliterate"), [("UNICODE UTF-8", False), ("8859/15", True), ("8859/1", True), ("8859/1", False)]
)
def test_every_form_is_valid_and_says_what_was_endorsed(
    kind: CaseKind, report: str, charset: str, *, transliterate: bool
) -> None:
    original = endorsed(kind, readers=(READER, SECOND), report=HARD)
    for sent in rendered(original, report=report, charset=charset, transliterate=transliterate):
        if report == "both" and charset != "8859/1":  # a strict reader takes half a second
            judged(sent.data)
        expected = charset if transliterate else "UNICODE UTF-8"
        assert lines(sent.data)[0][17] == expected


def test_a_learner_whose_text_was_cosigned_assists_and_answers_for_nothing() -> None:
    original = endorsed()
    learner = replace(READER, login="interne", name="NOVICE^Zoé", professional_id="810009999999", role=Role.LEARNER)
    oru, _ = rendered(replace(original, preparation=prepared_by(learner, original.opinions[0])))
    (request,) = rows(oru.data, "OBR")
    assert (request[32].split("&")[1], request[33].split("&")[1]) == ("MARTIN", "NOVICE")
    assert all("NOVICE" not in row[16] for row in rows(oru.data, "OBX"))


def test_everything_is_preliminary_and_names_who_answers_for_it() -> None:
    oru, mdm = rendered(endorsed(edits=AMENDED, readers=(READER, SECOND)))
    (request,) = rows(oru.data, "OBR")
    assert request[25] == "P"
    assert request[18] == "A20261121-0042"
    assert {request[32].split("&")[1], request[33].split("&")[1]} == {"MARTIN", "BENALI"}
    observations = rows(oru.data, "OBX") + rows(mdm.data, "OBX")
    assert {row[11] for row in observations} == {"P"}
    assert all("810001234567^MARTIN^Élodie^^^Dr" in row[16] for row in observations)
    (document,) = rows(mdm.data, "TXA")
    assert (document[17], document[19]) == ("PA", "AV")
    (note,) = rows(oru.data, "NTE")
    assert "système d'IA (brain-extractor@1.0.0)" in note[3]
    assert "Dr Élodie MARTIN" in note[3]


def test_numbers_keep_their_digits_and_units_and_the_machine_is_named_where_it_spoke() -> None:
    (oru,) = rendered(endorsed(edits=AMENDED), mdm=False)
    by_group = {(row[2], row[4]): row for row in rows(oru.data, "OBX") if row[4]}
    volume = by_group["NM", "1.1"]
    assert (volume[5], volume[6]) == ("1400.10", "mL^milliliter^UCUM")
    assert by_group["CE", "3"][5] == "272519000^Absent^SCT"
    assert by_group["CE", "2"][17].startswith("CLINAST^")
    assert "corrigé" in rows(oru.data, "OBX")[0][17]
    told = [row for row in rows(oru.data, "OBX") if row[3].startswith("patient-information^")]
    assert [row[5].split("^")[0] for row in told] == ["yes"]


@pytest.mark.parametrize("informed", ["yes", "to-do", "not-possible"])
def test_what_the_patient_was_told_is_a_code(informed: str) -> None:
    (oru,) = rendered(endorsed(informed=informed), mdm=False)
    assert [row[5].split("^")[0] for row in rows(oru.data, "OBX") if "L.4001-3" in row[3]] == [informed]


@pytest.mark.parametrize(
    ("issuer", "authority"),
    [
        ("", "CHU-X&1.2.250.1.999.1&ISO"),
        ("urn:oid:1.2.250.1.999.1.1", "&1.2.250.1.999.1.1&ISO"),
        ("1.2.250.1.999.1.1", "&1.2.250.1.999.1.1&ISO"),
        ("https://chu.example/ipp", "&https://chu.example/ipp&URI"),
        ("CHU-Y", "CHU-Y"),
        ("mapped", "CHU-M&1.2.3&ISO"),
    ],
)
def test_the_patients_number_goes_with_who_gave_it(issuer: str, authority: str) -> None:
    original = endorsed(case_changes={"patient": replace(PATIENT, issuer=issuer)})
    (oru,) = rendered(original, mdm=False, authorities=(("mapped", "CHU-M&1.2.3&ISO"),))
    (pid,) = rows(oru.data, "PID")
    assert pid[3] == f"IPP00012345^^^{authority}^PI"
    assert (pid[5], pid[7], pid[8]) == ("LEFÈVRE^Hélène^^^^^U", "19600515", "F")


def test_a_patient_without_a_number_is_refused() -> None:
    with pytest.raises(Malformed, match="no number"):
        rendered(endorsed(case_changes={"patient": replace(PATIENT, identifier="")}))


def test_a_stay_has_its_number_and_a_patient_is_no_stay() -> None:
    (stay,) = rendered(endorsed(CaseKind.RECORD), mdm=False)
    assert rows(stay.data, "PV1")[0][19] == "SEJ0001^^^&1.2.250.1.999.1.7&ISO"
    alone = endorsed(CaseKind.RECORD, case_changes={"uid": f"{PATIENT.issuer}|{PATIENT.identifier}"})
    (sent,) = rendered(alone, mdm=False)
    assert rows(sent.data, "PV1") == []


def test_the_accession_number_may_be_the_filler_number() -> None:
    (oru,) = rendered(endorsed(), mdm=False, filler="accession")
    assert rows(oru.data, "OBR")[0][3] == "A20261121-0042"


def order(**changes: Any) -> Order:
    return Order(
        **{
            "placer": "urn:oid:1.2.250.1.999.3|P|77",
            "filler": "",
            "accession": "A20261121-0042",
            "study": "",
            "sites": frozenset(),
            "patient": PATIENT,
            "numbers": (),
            "procedures": frozenset(),
            "procedure": "",
            "indication": "",
            "is_stat": False,
            "status": OrderStatus.WANTED,
            "said_at": T0,
        }
        | changes
    )


@pytest.mark.parametrize(
    ("orders", "placer"),
    [
        ((), ""),
        ((order(),), "P\\F\\77^^1.2.250.1.999.3^ISO"),
        ((order(placer="RX|P1"), order(placer="")), "P1^RX"),
        ((order(placer="|P1"),), "P1"),
        ((order(), order(placer="RX|P1")), ""),
    ],
)
def test_the_order_is_named_where_there_is_one(orders: tuple[Order, ...], placer: str) -> None:
    oru, mdm = rendered(replace(endorsed(), orders=orders))
    judged(oru.data)
    judged(mdm.data)
    assert rows(oru.data, "ORC")[0][2] == placer
    assert rows(oru.data, "OBR")[0][2] == placer
    assert rows(mdm.data, "TXA")[0][14] == placer


def test_the_same_release_gives_the_same_bytes_and_each_destination_its_own_numbers() -> None:
    code = (
        "from tests.hl7v2.outgoing import rendered; from tests.fhir.samples import *; import sys;"
        "[sys.stdout.buffer.write(o.data) for o in rendered(endorsed(edits=AMENDED))]"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    here = rendered(endorsed(edits=AMENDED))
    assert elsewhere == b"".join(sent.data for sent in here)
    other = rendered(endorsed(edits=AMENDED), name="engine-2")
    numbers = {lines(sent.data)[0][9] for sent in (*here, *other)}
    assert len(numbers) == 4
    assert all(len(number) <= 20 for number in numbers)
    assert {sent.uid for sent in (*here, *other)} == numbers


def test_a_name_is_never_respelled() -> None:
    original = endorsed(case_changes={"patient": replace(PATIENT, name="ŁUKASZ^Œuvre")})
    (oru,) = rendered(original, mdm=False, charset="8859/1", transliterate=True)
    assert lines(oru.data)[0][17] == "UNICODE UTF-8"
    assert rows(oru.data, "PID")[0][5].startswith("ŁUKASZ^Œuvre")


def test_a_second_reader_finds_the_text_too() -> None:
    """python-hl7 reads the lines as they were endorsed."""
    original = endorsed(report=HARD)
    (oru,) = rendered(original, mdm=False, report="text")
    message = hl7.parse(oru.data.decode())
    pieces: dict[int, str] = {}
    for row in message.segments("OBX"):
        if str(row(2)) == "TX":
            line = int(str(row(4)).partition(".")[0])
            pieces[line] = pieces.get(line, "") + message.unescape(str(row(5)))
    assert all(len(str(row(5))) <= 255 for row in message.segments("OBX"))
    said = original.content.full_text.split("\n")
    assert [pieces.get(number, "") for number in range(1, len(said) + 1)] == said


@pytest.mark.parametrize(
    "change",
    [
        (b"1412.50", b"1412.05"),
        (b"|mL^", b"|uL^"),
        (b"52101004^Present", b"272519000^Absent"),
        (b"confronter", b"confirmer"),
        (b"||||||P|", b"||||||F|"),
        (b"^brain^", b"^brein^"),
    ],
)
def test_a_message_that_says_something_else_is_found(change: tuple[bytes, bytes]) -> None:
    original = endorsed()
    mine = renderer(mdm=False, report="text")
    (sent,) = mine.render(original)
    assert change[0] in sent.data
    forged = replace(sent, data=sent.data.replace(*change, 1))
    try:
        found = disagreement(mine.read_back([forged]), original.content)
    except Malformed:
        found = "malformed"
    assert found is not None


def test_messages_that_contradict_each_other_are_found() -> None:
    oru, mdm = rendered(endorsed(), report="text")
    with pytest.raises(Malformed, match="two things"):
        renderer().read_back([oru, replace(mdm, data=mdm.data.replace(b"confronter", b"confirmer"))])


@pytest.mark.parametrize("data", [b"", b"PID|1\r", b"MSH|^~\\&|\xff", b"\x00" * 40])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        renderer().read_back([Rendered(name="oru", media_type="", uid="", data=data)])
    with pytest.raises(Malformed):
        renderer().read_back([])


@settings(max_examples=60)
@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=500).filter(str.strip),
    st.sampled_from(["8859/1", "8859/15", "UNICODE UTF-8"]),
    st.sampled_from(["text", "pdf", "both"]),
)
@example(text='""\n" "\n""', charset="8859/15", report="text")
@example(text="x" * 197 + '""', charset="8859/1", report="text")
def test_whatever_a_reader_writes_leaves_as_written_or_is_refused(text: str, charset: str, report: str) -> None:
    why = ""
    try:
        rendered(endorsed(report=text), charset=charset, transliterate=True, report=report)
    except Malformed as error:
        why = str(error)
    assert not why or "control character" in why or "cannot show" in why


def test_a_control_character_is_refused() -> None:
    with pytest.raises(Malformed, match="control character"):
        rendered(endorsed(report="a\x0bb"))


# ---------------------------------------------------------------------------------------------------- the document


def test_the_document_is_a_pdf_for_another_reader() -> None:
    original = endorsed(report=HARD)
    (oru,) = rendered(original, mdm=False, report="pdf")
    (row,) = (row for row in rows(oru.data, "OBX") if row[2] == "ED")
    data = base64.b64decode(row[5].split("^")[4])
    pages = pypdf.PdfReader(io.BytesIO(data), strict=True).pages
    shown = " ".join(" ".join(page.extract_text() for page in pages).split())
    for words in ("CHU de l'Exemple", "LEFÈVRE Hélène", "Dr Élodie MARTIN", "oedème >= 2 cm³", "10^9/L", "mention v1"):
        assert words in shown


@given(st.text(st.characters(codec="cp1252", exclude_categories=("Cc",)) | st.just("\n"), min_size=1, max_size=600))
def test_a_document_holds_its_text_to_the_letter(text: str) -> None:
    data = write_pdf(["a (b) \\"], text, title="t", language="fr-FR")
    assert read_pdf(data) == (text, "")
    assert data == write_pdf(["a (b) \\"], text, title="t", language="fr-FR")


def test_a_long_document_has_pages_that_another_reader_counts() -> None:
    text = "\n".join(f"ligne {n}" for n in range(200))
    data = write_pdf([], text, title="t", language="fr-FR")
    assert len(pypdf.PdfReader(io.BytesIO(data), strict=True).pages) == 4
    assert read_pdf(data) == (text, "")


@pytest.mark.parametrize("text", ["漢字", "a\x85", "a\x0cb"])
def test_a_letter_that_a_document_cannot_show_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="cannot show"):
        write_pdf([], text, title="t", language="fr-FR")


@pytest.mark.parametrize(
    "change", [(b"EMC", b"EMX"), (b"%PDF-1.4", b"%PDF-1.3"), (b"/Report BMC\n", b"/Report BMC\n(x) Tx\n")]
)
def test_a_document_in_another_form_is_refused(change: tuple[bytes, bytes]) -> None:
    data = write_pdf([], "texte", title="t", language="fr-FR")
    with pytest.raises(Malformed):
        read_pdf(data.replace(*change))


# --------------------------------------------------------------------------------------------------- taking it back


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize(
    ("reason", "status"), [(WithdrawalReason.WRONG_PATIENT, "W"), (WithdrawalReason.MODEL_DEFECT, "D")]
)
def test_a_withdrawal_marks_every_result_and_says_nothing_of_the_patient_again(
    kind: CaseKind, reason: WithdrawalReason, status: str, vault: FileVault
) -> None:
    original = endorsed(kind, edits=AMENDED if kind is CaseKind.STUDY else None)
    how = {"charset": "8859/1", "transliterate": True}
    sent = rendered(original, **how)
    back = withdrawn(original, vault, reason, "trop grand ≥ 漢", **how)
    assert [one.name for one in back] == ["oru", "mdm"]
    for before, after in zip(sent, back, strict=True):
        judged(after.data)
        assert lines(after.data)[0][9] == after.uid != before.uid
        word, *results = rows(after.data, "OBX")
        assert "RETIRÉ" in word[5]
        assert {(row[5], row[11]) for row in results} == {("", status)}
        assert [(row[3], row[4]) for row in results] == [(row[3], row[4]) for row in rows(before.data, "OBX")]
        assert rows(after.data, "PID") == rows(before.data, "PID")
        assert b"1400.10" not in after.data
    oru, mdm = back
    assert rows(oru.data, "OBR")[0][3] == rows(sent[0].data, "OBR")[0][3]
    assert rows(oru.data, "OBR")[0][25] == "C"
    assert rows(mdm.data, "TXA")[0][19] == "OB"
    assert lines(mdm.data)[0][8] == "MDM^T04^MDM_T02"


def test_a_withdrawal_says_why_where_the_letters_allow(vault: FileVault) -> None:
    (back, _) = withdrawn(endorsed(), vault, comment="côté\nopposé | gauche\x07")
    assert "côté opposé \\F\\ gauche (dr.martin, 2026-11-21)" in rows(back.data, "NTE")[0][3]


def test_two_findings_of_one_kind_stay_apart() -> None:
    label = Text(fr="Nodule", en="Nodule")
    found = tuple(finding(f"n{n}", label=label, score=Decimal("0.9"), threshold=Decimal("0.5")) for n in range(3))
    (oru,) = rendered(endorsed(findings=found), mdm=False)
    judged(oru.data)
    names = [(row[3], row[4]) for row in rows(oru.data, "OBX")]
    assert len(set(names)) == len(names)
