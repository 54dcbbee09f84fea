"""Somebody who does not exist, and whose every trait is a word that occurs nowhere else."""

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

FAMILY, GIVEN = "ZÉPHYRINQUÉ", "Ælfwöld"
NAME: Final = f"{FAMILY}^{GIVEN}"
IDENTIFIER: Final = "QX7CANARI4417"
BIRTH_DATE, BIRTH_DATE_FHIR = "19310713", "1931-07-13"
ACCESSION: Final = "CNRACC88213"
STAY: Final = "CNRSTAY55902"
STUDY_UID: Final = "2.25.314159265358979323846264338327950288"
WORDS: Final = "Jamaïcalibrement"
"""Free text: a description, a report, a comment."""

HEADER: Final = {
    "PatientName": NAME,
    "PatientID": IDENTIFIER,
    "PatientBirthDate": BIRTH_DATE,
    "AccessionNumber": ACCESSION,
    "StudyInstanceUID": STUDY_UID,
    "StudyDescription": WORDS,
    "SeriesDescription": WORDS,
    "PatientComments": f"{WORDS} {FAMILY}",
    "ReferringPhysicianName": NAME,
}
"""What an image of this person says."""

TRAITS: Final = (FAMILY, GIVEN, IDENTIFIER, BIRTH_DATE, BIRTH_DATE_FHIR, ACCESSION, STAY, STUDY_UID, WORDS)
PARTS: Final = ("PHYRINQU", "CALIBREMENT")
"""What is left of the accented words when an accent is lost or written in a way that nobody thought of."""


def needles(traits: Iterable[str] = (*TRAITS, *PARTS)) -> dict[bytes, str]:
    """Return every way to write a trait, in lower case, with the trait that it gives away."""
    found: dict[bytes, str] = {}
    for trait in traits:
        for word in (trait, trait.lower(), trait.upper(), trait.title()):
            forms = [word.encode(), word.encode("latin-1"), word.encode("utf-16-le"), word.encode("utf-16-be")]
            forms += [json.dumps(word)[1:-1].encode(), quote(word).encode(), quote(word, encoding="latin-1").encode()]
            forms += [repr(word.encode())[2:-1].encode(), word.encode("unicode_escape")]
            found |= dict.fromkeys((form.lower() for form in forms), trait)
    return found


def stay(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return a record message about this person instead of the one it was about."""
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"family": FAMILY, "given": [GIVEN]}]
            resource["birthDate"] = BIRTH_DATE_FHIR
            resource["identifier"][0]["value"] = IDENTIFIER
        if resource["resourceType"] == "Encounter":
            resource["identifier"][0]["value"] = STAY
        if resource["resourceType"] == "Observation":
            resource["note"] = [{"text": f"{WORDS} {FAMILY}"}]
    return bundle
