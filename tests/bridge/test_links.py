"""Links of other systems: what is understood, what is signed, whose they are."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.links.errors import BadLink, UntrustedLink
from bridge.links.reading import QUERY_BYTES_MAX, read_invocation, read_launch
from bridge.links.signing import CLOCK_S, Launcher, make_launch, sender_of, sign
from bridge.links.wanted import Wanted
from tests.guarantee.samples import a_case

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
KEY, OLD, OTHER = "k" * 32, "o" * 32, "x" * 32
PACS = Launcher(name="pacs", keys=(KEY, OLD))
RIS = Launcher(name="ris", keys=(), unsigned=True)
PARIS = ZoneInfo("Europe/Paris")


def a_link(key: str = KEY, *, ago_s: int = 0, **parameters: str) -> bytes:
    given = {"study": "1.2.3", **parameters}
    return make_launch(given, key, at=NOW - timedelta(seconds=ago_s), nonce="abcdefgh").encode()


# ------------------------------------------------------------------------------------------------------------ reading


def test_a_launch_says_which_exam() -> None:
    link = read_launch(b"study=1.2.3,1.2.4&accession=A%201&patient=12%C3%A9&issuer=CHU&user=dr.martin")
    assert link.wanted == Wanted(studies=("1.2.3", "1.2.4"), accession="A 1", patient="12é", issuers=("CHU",))
    assert (link.user, link.signature, link.at) == ("dr.martin", "", None)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "study"),
        ("study=", "study"),
        ("study=1.2.x", "study"),
        ("study={STUDY_UID}", "study"),
        ("study=1..2", "study"),
        ("study=" + "1." * 40 + "1", "study"),
        ("study=" + ",".join(f"1.{n}" for n in range(21)), "study"),
        ("study=1.2.3&study=1.2.4", "study"),
        ("study=1.2.3&patient=%0A", "patient"),
        ("study=1.2.3&patient=" + "9" * 65, "patient"),
        ("study=1.2.3&accession=%E2%80%AE", "accession"),
        ("study=1.2.3&user=" + "u" * 201, "user"),
        ("study=1.2.3&launcher=PACS", "launcher"),
        ("study=1.2.3&sig=" + "0" * 63, "sig"),
        ("study=1.2.3&sig=" + "0" * 64, "ts"),
        ("study=1.2.3&ts=1&sig=" + "0" * 64, "nonce"),
        ("study=1.2.3&ts=-1", "ts"),
        ("study=1.2.3&nonce=short", "nonce"),
        ("study=1.2.3&study_uid=1.2.3", ""),
        ("study=1.2.3&patient=%FF", ""),
        ("study=1.2.3&patient", ""),
        ("study=1.2.3&" + "&".join(f"p{n}=1" for n in range(40)), ""),
        ("study=1.2.3&patient=" + "9" * QUERY_BYTES_MAX, ""),
        ("study=1.2.3&patient=" + "9" * 10_000, ""),
        ("study=1.2.3;patient=1", "study"),
    ],
)
def test_what_is_not_understood_names_our_parameter_and_nothing_that_was_sent(query: str, parameter: str) -> None:
    with pytest.raises(BadLink) as caught:
        read_launch(query.encode())
    assert caught.value.parameter == parameter


def test_an_invocation_of_a_study_is_understood_and_the_unknown_is_ignored() -> None:
    link = read_invocation(
        b"requestType=STUDY&studyUID=1.2.3,4.5&accessionNumber=A1&patientID=123^^^CHU&viewerType=x&keyImagesOnly=true"
    )
    assert link.wanted == Wanted(studies=("1.2.3", "4.5"), accession="A1", patient="123", issuers=("CHU",))


def test_an_invocation_of_a_patient_is_understood() -> None:
    link = read_invocation(
        b"requestType=PATIENT&patientID=123%5E%5E%5ECHU%261.2.250.1%26ISO&mostRecentResults=5&modalitiesInStudy=CT,MR"
        b"&lowerDateTime=2026-11-01T00:00:00+01:00&upperDateTime=2026-11-30"
    )
    assert link.wanted == Wanted(
        patient="123",
        issuers=("CHU", "1.2.250.1"),
        modalities=("CT", "MR"),
        since="2026-11-01T00:00:00+01:00",
        until="2026-11-30",
        newest=5,
    )


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("studyUID=1.2.3", "requestType"),
        ("requestType=SERIES&studyUID=1.2.3", "requestType"),
        ("requestType=STUDY", "studyUID"),
        ("requestType=STUDY&studyUID=abc", "studyUID"),
        ("requestType=STUDY&studyUID=1.2&studyUID=1.3", "studyUID"),
        ("requestType=STUDY&viewerType=1&viewerType=2&studyUID=1.2", ""),
        ("requestType=PATIENT", "patientID"),
        ("requestType=PATIENT&patientID=^^^CHU", "patientID"),
        ("requestType=PATIENT&patientID=1&mostRecentResults=0", "mostRecentResults"),
        ("requestType=PATIENT&patientID=1&mostRecentResults=many", "mostRecentResults"),
        ("requestType=PATIENT&patientID=1&mostRecentResults=0001000", "mostRecentResults"),
        ("requestType=PATIENT&patientID=1&mostRecentResults=" + "1" * 500, "mostRecentResults"),
        ("requestType=PATIENT&patientID=1&modalitiesInStudy=scanner", "modalitiesInStudy"),
        ("requestType=PATIENT&patientID=1&lowerDateTime=yesterday", "lowerDateTime"),
        ("requestType=PATIENT&patientID=1&upperDateTime=2026-02-30", "upperDateTime"),
    ],
)
def test_an_invocation_that_is_not_understood_names_its_parameter(query: str, parameter: str) -> None:
    with pytest.raises(BadLink) as caught:
        read_invocation(query.encode())
    assert caught.value.parameter == parameter


# ------------------------------------------------------------------------------------------------------------ signing


def test_the_signature_is_that_of_the_documentation() -> None:
    query = "nonce=abcdefgh&patient=12%C3%A9&study=1.2.3&ts=1795256100"
    made = hmac.new(KEY.encode(), query.encode(), hashlib.sha256).hexdigest()
    assert a_link(patient="12é") == f"{query}&sig={made}".encode()
    assert sign(query.encode(), KEY) == made


def test_order_and_spelling_of_the_query_do_not_matter_and_its_values_do() -> None:
    whole = a_link(patient="12 3", user="dr.martin").decode()
    turned = "&".join(reversed(whole.replace("%20", "+").split("&")))
    assert sender_of(read_launch(turned.encode()), [PACS], NOW) is PACS
    for before, after in (("1.2.3", "1.2.4"), ("dr.martin", "dr.durand"), ("&user=dr.martin", ""), ("12%203", "123")):
        with pytest.raises(UntrustedLink, match="signature"):
            sender_of(read_launch(whole.replace(before, after).encode()), [PACS], NOW)


@pytest.mark.parametrize("key", [KEY, OLD])
def test_both_keys_are_taken_while_they_are_exchanged(key: str) -> None:
    assert sender_of(read_launch(a_link(key)), [RIS, PACS], NOW) is PACS


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (a_link(OTHER), "signature"),
        (a_link(launcher="ris"), "signature"),
        (a_link(launcher="nobody"), "launcher"),
        (a_link(ago_s=CLOCK_S + 1), "late"),
        (a_link(ago_s=-CLOCK_S - 1), "early"),
        (b"study=1.2.3&launcher=pacs", "unsigned"),
        (b"study=1.2.3&sig=&launcher=pacs", "unsigned"),
    ],
)
def test_what_is_not_trusted(link: bytes, why: str) -> None:
    with pytest.raises(UntrustedLink) as caught:
        sender_of(read_launch(link), [PACS, RIS], NOW)
    assert caught.value.why == why


@pytest.mark.parametrize("ago_s", [CLOCK_S, 0, -CLOCK_S])
def test_clocks_may_differ_by_two_minutes(ago_s: int) -> None:
    assert sender_of(read_launch(a_link(ago_s=ago_s)), [PACS], NOW) is PACS


def test_an_unsigned_link_is_its_one_launchers_or_says_whose_it_is() -> None:
    dpi = Launcher(name="dpi", keys=(), unsigned=True)
    assert sender_of(read_launch(b"study=1.2"), [PACS, RIS], NOW) is RIS
    assert sender_of(read_launch(b"study=1.2&launcher=dpi"), [RIS, dpi], NOW) is dpi
    with pytest.raises(UntrustedLink, match="unsigned"):
        sender_of(read_launch(b"study=1.2"), [RIS, dpi], NOW)


# -------------------------------------------------------------------------------------------------------------- wanted


@pytest.mark.parametrize(
    ("started", "since", "until", "covered"),
    [
        ("2026-11-21T09:40:00", "2026-11-21", "2026-11-21", True),
        ("2026-11-21T00:10:00", "2026-11-20T23:15:00Z", "", False),
        ("2026-11-21T00:20:00", "2026-11-20T23:15:00Z", "", True),
        ("2026-11-22T00:00:01", "", "2026-11-21", False),
        ("2026-11-21", "2026-11-22", "", False),
        ("le 21", "2026-11-22", "", True),
        ("", "2026-11-22", "", True),
    ],
)
def test_a_time_without_a_zone_is_the_sites_and_none_at_all_hides_nothing(
    started: str, since: str, until: str, covered: bool
) -> None:
    case = a_case(started=started)
    assert Wanted(patient="1", since=since, until=until).covers(case, PARIS) is covered
