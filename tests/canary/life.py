"""What happens to the patient: everything that goes well, and everything that we could think of that does not."""

import json
import secrets
import socket
import subprocess
import time
import tomllib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE
from sqlalchemy import text

from bridge.config import FILE
from bridge.links.signing import make_launch
from tests.canary import feed, patient
from tests.canary.sinks import Answers
from tests.dicom import samples
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM
from tests.e2e.reader import AtDesk
from tests.installation import Installation, json_of

BROKEN = "phantom-broken"
LAUNCH_KEY = "a-key-of-32-characters-or-longer"


class Life:
    """One patient at one installation.

    Args:
        folder: for files.
        places: how many destinations a study goes to.
    """

    def __init__(self, installation: Installation, answers: Answers, martin: AtDesk, folder: Path) -> None:
        self.installation = installation
        self.answers = answers
        self.martin = martin
        self.folder = folder
        self.web = httpx2.Client(trust_env=False, timeout=60)
        answers.watch(self.web)
        answers.watch(martin.web)

    def study(self, name: str, **header: str) -> inputs.Study:
        """Return a study of the patient's, each with a UID that gives the patient away."""
        uid = f"{patient.STUDY_UID}.{sum(name.encode())}"
        return inputs.phantom(self.folder, name, **{**patient.HEADER, "StudyInstanceUID": uid, **header})

    def drafted(self, name: str, **header: str) -> str:
        study = self.study(name, **header)
        inputs.send(study, self.installation.scp)
        return self.martin.draft_of(study.case(), PHANTOM)

    # ------------------------------------------------------------------------------------------------- what goes well

    def endorsed_and_withdrawn(self, places: set[str]) -> None:
        """Amend, sign, let every destination answer in its own way, take it back."""
        result = self.drafted("well")
        edits = {"report": f"{patient.WORDS} : {patient.FAMILY}", "added": [{"label": f"{patient.WORDS}"}]}
        self.martin.sign(result, verdict="amend", reason="other", comment=f"{patient.WORDS}", edits=edits)

        def answered() -> bool:
            sent = {one["destination"]: one for one in self.martin.view(result)["sent"]}
            return sent.keys() == places and all(one["state"] != "due" or one["cause"] for one in sent.values())

        self.installation.eventually(answered, "every destination to have answered")
        self.martin.retract(result, comment=patient.WORDS)
        with self.installation.parts_of_the_owner() as parts, parts.store("").transaction("time passes") as unit:
            at_once = "UPDATE deliveries SET next_attempt_at = '2026-01-01T00:00:00.000000Z' WHERE state = 'due'"
            unit.connection.execute(text(at_once))

        def withdrawn() -> bool:
            sent = [one for one in self.martin.view(result)["sent"] if one["kind"] == "withdrawal"]
            return "confirmed" in {one["state"] for one in sent}

        self.installation.eventually(withdrawn, "the withdrawal to be confirmed by somebody")

    def scored(self) -> None:
        """A record message of the patient's becomes a draft."""
        path = inputs.stay(self.folder, 77)
        path.write_text(json.dumps(patient.stay(json.loads(path.read_text())), ensure_ascii=False))
        assert self.post_fhir(path.read_bytes()) == 200
        self.martin.draft_of(inputs.stay_case(path), "hospital-mortality")

    # ------------------------------------------------------------------------------------------- images that are not

    def refused_images(self) -> None:
        """Everything that a listener or a model can choke on."""
        self.installation.aval("results", "show", patient.IDENTIFIER)
        good = dcmread(BytesIO(self.study("good").files[0].read_bytes()))
        faults: list[dict[str, Any]] = [
            {"StudyInstanceUID": ""},
            {"StudyInstanceUID": f"../../{patient.IDENTIFIER}"},
            {"SeriesInstanceUID": f"{patient.FAMILY}"},
            {"PatientBirthDate": f"{patient.BIRTH_DATE}bis"},
            {"PatientSex": patient.FAMILY},
            {"Rows": 0},
            {"PixelData": b"\0\0"},
            {"SpecificCharacterSet": "ISO_IR 999"},
            {"SpecificCharacterSet": "ISO 2022 IR 87"},
            {"Modality": ""},
        ]
        self.store(*(self.changed(good, number, **fault) for number, fault in enumerate(faults)))
        for body in (b"", f"GET /{patient.IDENTIFIER} HTTP/1.1\r\n\r\n".encode(), patient.NAME.encode() * 50):
            with socket.create_connection(("127.0.0.1", self.installation.scp), 10) as talk:
                talk.sendall(body)

    def posted_images(self) -> None:
        """The same by DICOMweb, and requests that are none."""
        good = dcmread(BytesIO(self.study("posted").files[0].read_bytes()))
        file = samples.to_file(good)
        where = self.installation.dicomweb
        hostile = (b"", patient.NAME.encode() * 50, b"MZ" + file[2:], file[:-9], file + patient.NAME.encode())
        assert self.post_dicom(f"{where}/studies", file, *hostile) == 202
        assert self.post_dicom(f"{where}/studies/1.2.3", file) == 409
        for path in (f"studies/{patient.IDENTIFIER}", f"studies/{patient.FAMILY}/series", f"{patient.WORDS}"):
            assert self.post_dicom(f"{where}/{path}", file) >= 400
        for kind in (f"multipart/related; boundary={patient.IDENTIFIER}", f"text/{patient.FAMILY}"):
            headers = {"Content-Type": kind.encode("utf-8"), "Authorization": f"Bearer {patient.IDENTIFIER}".encode()}
            assert self.web.post(f"{where}/studies", content=patient.NAME.encode(), headers=headers).status_code >= 400

    def imported_files(self) -> None:
        """From a medium whose names of files say who it is of; an archive is asked that does not exist."""
        folder = self.folder / "medium"
        folder.mkdir()
        good = self.study("imported").files[0].read_bytes()
        for name, data in ((patient.FAMILY, good), (patient.IDENTIFIER, good[:-9]), (patient.WORDS, b"")):
            (folder / f"{name}.dcm").write_bytes(data)
        assert self.installation.aval("import", str(folder)).returncode == 1
        assert self.installation.aval("fetch", patient.STUDY_UID, "--from", "nowhere").returncode == 4

    def post_dicom(self, url: str, *parts: bytes) -> int:
        body = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
        kind = 'multipart/related; type="application/dicom"; boundary=b'
        answer = self.web.post(url, content=body + b"--b--\r\n", headers={"Content-Type": kind})
        return int(answer.status_code)

    def changed(self, good: Dataset, number: int, **values: Any) -> Dataset:
        """Return another image with values that do not belong there, written as they are."""
        copy = dcmread(BytesIO(samples.to_file(good)))
        copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = f"{patient.STUDY_UID}.9.{number}"
        copy.StudyInstanceUID = f"{patient.STUDY_UID}.8.{number}"
        for keyword, value in values.items():
            copy[keyword]._value = value
        return copy

    def store(self, *images: Dataset) -> None:
        """Send images whatever is wrong with them."""
        ae = AE("SCANNER1")
        ae.add_requested_context(images[0].SOPClassUID, images[0].file_meta.TransferSyntaxUID)
        for image in images:
            association = ae.associate("127.0.0.1", self.installation.scp, ae_title="AVAL")
            assert association.is_established
            try:
                association.send_c_store(image)
            except (ValueError, AttributeError, TypeError, LookupError, OverflowError):
                pass  # pynetdicom itself would not write this one
            finally:
                if association.is_established:
                    association.release()

    def quarantined(self) -> None:
        """Two people in one study; other bytes under a known name."""
        first = self.study("two")
        somebody = {"PatientID": f"{patient.IDENTIFIER}BIS", "StudyInstanceUID": first.uid}
        other = self.study("somebody else", **somebody)
        inputs.send(inputs.Study(uid=first.uid, files=(*first.files[:3], *other.files[3:6])), self.installation.scp)
        once, again = self.study("twice"), None
        inputs.send(once, self.installation.scp)
        again = self.study("twice", StudyDescription=f"{patient.WORDS} bis")
        inputs.send(again, self.installation.scp)

    def admitted(self) -> None:
        """A person looks at what is held, on the command line, and admits it."""
        held = json_of(self.told("cases", "list", "--held", "--json"))
        causes = {case["cause"] for case in held}
        assert causes >= {"two-patients", "changed-bytes"}, causes
        for case in held:
            self.told("cases", "show", case["id"])
        self.told("cases", "admit", held[0]["id"], "--reason", "vu")
        self.told("cases", "keep-apart", held[1]["id"], "--reason", "vu")
        self.told("cases", "list")
        self.told("check")

    def told(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.installation.aval(*words)
        self.answers.bodies.append((f"aval {words[0]}", (done.stdout + done.stderr).encode()))
        return done

    def unreadable_by_models(self) -> None:
        """A model that fails on the patient, and one that is not made for them."""
        for name, header, states in (
            ("failing", {"BodyPartExamined": "BROKEN"}, ("failed",)),
            ("excluded", {"Modality": "CT"}, ("excluded",)),
        ):
            study = self.study(name, **header)
            inputs.send(study, self.installation.scp)
            self.martin.draft_of(study.case(), BROKEN if name == "failing" else PHANTOM, *states)

    # ----------------------------------------------------------------------------------------- messages that are not

    def refused_messages(self) -> None:
        """Bad FHIR about the patient."""
        who = {"family": patient.FAMILY, "given": [patient.GIVEN]}
        bad: list[Any] = [
            {"resourceType": patient.FAMILY},
            {"resourceType": "Bundle", "type": patient.IDENTIFIER, "entry": []},
            self.message({"resourceType": "Patient", "name": [who], "birthDate": f"{patient.BIRTH_DATE_FHIR}-bis"}),
            self.message({"resourceType": "Patient", "name": patient.FAMILY}),
            self.message({"resourceType": "Patient", patient.FAMILY: patient.WORDS, "name": [who]}),
            self.message({"resourceType": "Observation", "status": patient.WORDS, "code": {"text": patient.WORDS}}),
            self.message({"resourceType": "Encounter", "subject": {"reference": f"file:///{patient.IDENTIFIER}"}}),
            self.message({"resourceType": "Patient", "id": f"{patient.IDENTIFIER} !", "name": [who]}),
        ]
        for body in bad:
            assert self.post_fhir(json.dumps(body, ensure_ascii=False).encode()) >= 400
        for raw in (f'{{"resourceType": "Patient", "family": "{patient.FAMILY}', f"<Patient>{patient.NAME}</Patient>"):
            assert self.post_fhir(raw.encode()) >= 400
            assert self.post_fhir(raw.encode("latin-1")) >= 400
        for path in (f"/Patient?name={patient.FAMILY}", f"/Patient/{patient.IDENTIFIER}", f"/{patient.WORDS}"):
            assert self.web.get(self.installation.fhir + path).status_code >= 400
            assert self.web.post(self.installation.fhir + path, json={"name": patient.NAME}).status_code >= 400

    def message(self, resource: dict[str, Any]) -> dict[str, Any]:
        entry = {"fullUrl": f"urn:{patient.IDENTIFIER}", "resource": resource}
        entry["request"] = {"method": "PUT", "url": f"{resource['resourceType']}/{patient.IDENTIFIER}"}
        return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}

    def post_fhir(self, body: bytes) -> int:
        headers = {"Content-Type": "application/fhir+json"}
        return int(self.web.post(self.installation.fhir, content=body, headers=headers).status_code)

    def fed(self) -> None:
        """HL7v2 messages about the patient, good and bad."""
        settings = tomllib.loads((self.installation.folder / FILE).read_text(encoding="utf-8"))
        feed.sent(settings["intake"]["hl7"]["port"], self.answers)

    # ------------------------------------------------------------------------------------------------- at the desk

    def refused_at_the_desk(self) -> None:
        """The patient's name typed where it does not belong."""
        result = self.drafted("desk")
        opened = self.martin.open(result)
        web = self.martin.web
        for said in (
            {"verdict": patient.FAMILY},
            {"nonce": patient.NAME},
            {"shown": patient.IDENTIFIER},
            {"reason": patient.WORDS},
            {patient.FAMILY: patient.NAME},
            {"comment": patient.WORDS * 300},
            {"verdict": "amend", "reason": "wording", "edits": {"findings": [{"key": patient.FAMILY, "keep": False}]}},
            {"verdict": "amend", "reason": "wording", "edits": {"report": {patient.FAMILY: 1}}},
            {"verdict": "amend", "reason": "other", "comment": "", "edits": {"report": patient.WORDS}},
        ):
            assert self.martin.answer(result, opened, **said).status_code >= 400, said
        for path in (
            f"/api/results/{patient.IDENTIFIER}",
            f"/api/results?state={patient.FAMILY}",
            f"/results/{patient.IDENTIFIER}",
            f"/{patient.FAMILY}",
            f"/static/{patient.IDENTIFIER}.js",
            f"/api/results/{result}/series/{patient.STUDY_UID}/frames/0",
        ):
            assert web.get(path).status_code >= 400, path
        raw = f'{{"verdict": "{patient.FAMILY}'.encode()
        assert web.post(f"/api/results/{result}/opinions", content=raw).status_code >= 400
        assert web.post("/api/stops", json={"action": patient.FAMILY, "scope": patient.NAME}).status_code >= 400

    def launched(self) -> None:
        """A PACS opens the desk on the patient's exam; and everything that a link can do wrong, with traits in it."""
        result = self.drafted("launched")
        self.opens(f"/results/{result}", study=f"{patient.STUDY_UID}.{sum(b'launched')}", user=patient.FAMILY)
        self.opens("/launch/", patient=patient.IDENTIFIER)
        self.opens("/launch/", patient=patient.IDENTIFIER, issuer=patient.FAMILY)
        self.opens("/launch/", accession=patient.WORDS)
        good = self.link(study=patient.STUDY_UID, patient=patient.IDENTIFIER, user=patient.FAMILY)
        for link, status in (
            (good.replace(patient.IDENTIFIER, patient.FAMILY), 403),
            (good.partition("&sig=")[0], 403),
            (f"/launch?study={patient.FAMILY}&patient={patient.IDENTIFIER}", 400),
            (f"/launch?patient={patient.IDENTIFIER}&patient={patient.FAMILY}", 400),
            (f"/launch?{patient.FAMILY}={patient.IDENTIFIER}", 400),
            (f"/launch?patient={patient.IDENTIFIER}&accession={patient.WORDS * 300}", 400),
            (f"/launch/{patient.IDENTIFIER}", 404),
            (f"/IHEInvokeImageDisplay?requestType={patient.FAMILY}&patientID={patient.IDENTIFIER}", 400),
            (f"/IHEInvokeImageDisplay?requestType=PATIENT&patientID={patient.IDENTIFIER}^^^{patient.FAMILY}", 403),
        ):
            assert self.martin.web.get(link).status_code == status, link

    def link(self, **parameters: str) -> str:
        return "/launch?" + make_launch(parameters, LAUNCH_KEY, at=datetime.now(UTC), nonce=secrets.token_urlsafe(12))

    def opens(self, where: str, **parameters: str) -> None:
        """Follow a link to where it leads, as a browser does, and keep the addresses on the way."""
        answer = self.martin.web.get(self.link(**parameters), follow_redirects=True)
        assert answer.status_code == 200, answer.text
        assert answer.url.path.startswith(where), answer.url.path
        for step in answer.history:
            self.answers.bodies.append(("address after a launch", step.headers["location"].encode()))

    def refused_sign_ins(self) -> None:
        """The patient's traits typed as login, password and code."""
        with httpx2.Client(base_url=self.installation.desk, trust_env=False, timeout=30) as web:
            self.answers.watch(web)
            web.headers["Origin"] = self.installation.desk
            for login in (patient.IDENTIFIER, patient.FAMILY, patient.BIRTH_DATE):
                who = {"login": login, "password": patient.WORDS, "code": "000000"}
                assert web.post("/api/session", json=who).status_code >= 400
            assert web.post("/sign-in", data={"login": patient.FAMILY, "password": "x", "code": "1"}).status_code >= 400
            assert web.post("/api/session", json={patient.FAMILY: patient.NAME}).status_code >= 400
        self.installation.aval("users", "code", patient.IDENTIFIER)

    def watched(self) -> None:
        """What a monitoring system scrapes, and what an engineer looks at."""
        settings = tomllib.loads((self.installation.folder / FILE).read_text(encoding="utf-8"))
        url = f"http://127.0.0.1:{settings['metrics']['port']}/metrics"

        def counted() -> bool:
            scrapes.append(self.web.get(url))
            return 'aval_refusals_total{door="fhir"' in scrapes[-1].text and "aval_runs_total{" in scrapes[-1].text

        scrapes: list[httpx2.Response] = []
        self.installation.eventually(counted, "everything to be counted, which takes as long as rows need to settle")
        self.answers.bodies.append(("scrape", scrapes[-1].content))
        for path in (
            "/monitoring",
            "/monitoring?by=scanner",
            "/monitoring/drift?by=scanner",
            "/monitoring/drift.csv",
            "/monitoring.csv",
            f"/monitoring?model={patient.FAMILY}x",
        ):
            page = self.martin.web.get(path)
            assert page.status_code == 200, path
            if patient.FAMILY not in path:
                self.answers.bodies.append((f"page {path}", page.content))

    def close(self) -> None:
        self.web.close()
        time.sleep(1.5)  # what was rung a moment ago is handled, and logged, now
