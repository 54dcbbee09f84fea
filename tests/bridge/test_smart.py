"""SMART launches from a record that lies: what is on its screen, for whom, and who may open it."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.accounts import add_person
from bridge.config import FILE, ConfigError, load
from bridge.links.errors import BadLink, UntrustedLink
from bridge.oidc.errors import Astray, OidcError, ProviderUnavailable, TokenRefused, UnknownHere
from bridge.oidc.request import new_browser
from bridge.wiring.processes import launching
from bridge.wiring.smart import reachable
from tests.bridge.oidc_house import BROWSER, House
from tests.flows.fakes import READER, SECOND

IDNPS, IPP = "urn:oid:1.2.250.1.71.4.2.1", "https://chu.example/ipp"
SMART = """
[launchers.dpi.smart]
fhir_url = "{root}/fhir/"
issuer = "{root}"
client_id = "aval"
patient_system = "https://chu.example/ipp"
patient_issuers = ["CHU"]
"""
CONTEXT: dict[str, Any] = {
    "patient": "7",
    "fhirContext": [{"reference": "ImagingStudy/s1"}, {"reference": "Encounter/e1"}, "x", {"reference": 7}],
}


class Record:
    """A record that launches a desk, and says what a test wants."""

    def __init__(self, house: House) -> None:
        self.house, self.forger = house, house.forger
        house.of_settings(house.text + SMART.format(root=house.forger.issuer))
        self.fhir = f"{self.forger.issuer}/fhir"
        self.forger.claims = {"fhirUser": "Practitioner/p1", "acr": None}
        self.forger.given = dict(CONTEXT)
        home = self.forger.issuer
        self.says(
            ".well-known/smart-configuration",
            {
                "issuer": home,
                "jwks_uri": f"{home}/jwks",
                "authorization_endpoint": f"{home}/authorize",
                "token_endpoint": f"{home}/token",
                "code_challenge_methods_supported": ["S256"],
            },
        )
        self.holds("Practitioner", "p1", (IDNPS, READER.professional_id))
        self.holds("Patient", "7", ("urn:elsewhere", "1"), (IPP, "0042"))
        self.holds("ImagingStudy", "s1", ("urn:dicom:uid", "urn:oid:1.2.3"))

    def says(self, path: str, body: Any) -> None:
        self.forger.bodies[f"/fhir/{path}"] = (200, json.dumps(body).encode(), {})

    def holds(self, kind: str, number: str, *identifiers: tuple[str, str], **more: Any) -> None:
        listed = [{"system": system, "value": value} for system, value in identifiers]
        self.says(f"{kind}/{number}", {"resourceType": kind, "id": number, "identifier": listed} | more)

    def begin(self, browser: str = BROWSER) -> dict[str, str]:
        address = urlsplit(self.house.ways.begin_launch(self.fhir, "xyz", browser, "fr"))
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.forger.nonce = query["nonce"]
        return query

    def launch(self) -> str:
        return self.house.ways.end_launch({"state": self.begin()["state"], "code": "c"}, BROWSER)

    def wanted(self) -> list[dict[str, Any]]:
        rows = self.house.rows("SELECT launcher, expected, wanted FROM launches ORDER BY at")
        return [json.loads(wanted) | {"launcher": launcher, "expected": login} for launcher, login, wanted in rows]


@pytest.fixture
def record(house: House) -> Record:
    return Record(house)


def test_a_launch_names_patient_exam_and_person_and_signs_nobody_in(record: Record) -> None:
    asked = record.begin()
    assert (asked["launch"], asked["aud"], asked["code_challenge_method"]) == ("xyz", record.fhir, "S256")
    assert (asked["redirect_uri"], "acr_values" in asked) == ("https://aval.chu.example/launch/callback", False)
    record.house.ways.end_launch({"state": asked["state"], "code": "c"}, BROWSER)
    form, credentials = record.forger.posted
    assert (form["client_id"], credentials) == ("aval", "")  # a public client proves itself by PKCE alone
    (kept,) = record.wanted()
    assert (kept["patient"], kept["studies"], kept["issuers"]) == ("0042", ["1.2.3"], ["CHU"])
    assert (kept["launcher"], kept["expected"]) == ("dpi", READER.login)
    assert record.house.rows("SELECT * FROM sessions") == []


def test_nobody_else_opens_it(record: Record) -> None:
    add_person(SECOND, "", record.house.parts.sign_in)
    ticket, desk = record.launch(), launching(record.house.parts, "desk")
    with pytest.raises(UntrustedLink):
        desk.open(ticket, SECOND)
    assert desk.open(ticket, READER).launcher == "dpi"
    assert desk.open(ticket, READER).rows == []


def test_a_patient_alone_and_an_exam_alone_are_enough(record: Record) -> None:
    record.forger.given = {"patient": "7"}
    record.launch()
    record.forger.given = {"fhirContext": [{"reference": f"{record.fhir}/ImagingStudy/s1"}]}
    record.launch()
    record.forger.given = {}
    with pytest.raises(BadLink):
        record.launch()
    first, second = record.wanted()
    assert (first["patient"], first["studies"]) == ("0042", [])
    assert (second["patient"], second["studies"], second["issuers"]) == ("", ["1.2.3"], [])


@pytest.mark.parametrize(
    ("claims", "given", "refused"),
    [
        ({"fhirUser": None}, {}, TokenRefused),
        ({"fhirUser": "https://elsewhere.example/fhir/Practitioner/p1"}, {}, TokenRefused),
        ({"fhirUser": "Practitioner/../Patient/7"}, {}, TokenRefused),
        ({"fhirUser": "Patient/7"}, {}, TokenRefused),
        ({"fhirUser": "Practitioner/other"}, {}, ProviderUnavailable),
        ({"nonce": "of-another-launch"}, {}, TokenRefused),
        ({"aud": "another-client"}, {}, TokenRefused),
        ({}, {"patient": "../Practitioner/p1"}, TokenRefused),
        ({}, {"patient": 7.5}, TokenRefused),
        ({}, {"patient": "8"}, TokenRefused),
        ({}, {"patient": "9"}, TokenRefused),
        ({}, {"fhirContext": [{"reference": "https://elsewhere.example/ImagingStudy/s1"}]}, TokenRefused),
        ({}, {"fhirContext": [{"reference": "ImagingStudy/../Patient/7"}]}, TokenRefused),
    ],
)
def test_a_launch_that_does_not_hold_together_opens_nothing(
    record: Record, claims: dict[str, Any], given: dict[str, Any], refused: type[OidcError]
) -> None:
    record.forger.claims |= claims
    record.forger.given |= given
    record.holds("Patient", "8", (IPP, "0042"), (IPP, "0043"))  # two numbers: either could be meant
    record.holds("Patient", "9", (IPP, "0042"), id="7")  # another patient than was asked for
    with pytest.raises(refused):
        record.launch()
    assert record.wanted() == []


def test_who_has_no_account_opens_nothing_and_the_journal_says_so(record: Record) -> None:
    record.holds("Practitioner", "p1", (IDNPS, "899999999999"))
    with pytest.raises(UnknownHere):
        record.launch()
    record.holds("Practitioner", "p1", ("urn:elsewhere", READER.professional_id))
    with pytest.raises(UnknownHere):
        record.launch()
    assert record.house.journal() == ["session.refused-unknown"] * 2


def test_a_launch_counts_once_in_its_browser_and_is_no_sign_in(record: Record) -> None:
    answer = {"state": record.begin()["state"], "code": "c"}
    with pytest.raises(Astray):
        record.house.ways.end_launch(answer, new_browser())
    assert record.house.ways.end_launch(answer, BROWSER)
    with pytest.raises(Astray):
        record.house.ways.end_launch(answer, BROWSER)
    with pytest.raises(Astray, match="signs nobody in"):
        record.house.ways.arrive({"state": record.begin()["state"], "code": "c"}, BROWSER)
    state = record.house.depart()["state"]
    with pytest.raises(Astray, match="not a launch"):
        record.house.ways.end_launch({"state": state, "code": "c"}, BROWSER)


@pytest.mark.parametrize("issuer", ["https://elsewhere.example/fhir", "", "{root}", "{root}/fhir/Patient"])
def test_a_record_that_is_not_configured_is_never_asked(record: Record, issuer: str) -> None:
    with pytest.raises(UntrustedLink):
        record.house.ways.begin_launch(issuer.format(root=record.forger.issuer), "xyz", BROWSER, "fr")
    assert record.forger.asked == []


def test_check_says_whether_the_record_can_launch(record: Record) -> None:
    question = reachable(record.house.parts.settings, record.house.clock.now)["launcher dpi"]
    assert record.fhir in question()


def test_a_launcher_needs_some_way_to_launch(record: Record) -> None:
    house = record.house
    (house.folder / FILE).write_text(house.text + "[launchers.dpi]\n")
    with pytest.raises(ConfigError, match="smart"):
        load(house.folder)
