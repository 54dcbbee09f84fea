"""The control of the tests of crashes: what they would count as lost, doubled or unasked is seen when it happens."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from pydicom import dcmread
from pynetdicom import AE

from tests.crash.ledger import RECORD, Account, Outside, account, missing_of, uid_of
from tests.crash.people import send_once
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.reader import AtDesk
from tests.installation import Installation
from tests.peers.dicom_tools import Dcmtk

pytestmark = pytest.mark.peer("dcmtk")


@dataclass(frozen=True, slots=True)
class Done:
    """A study that went the whole way without any crash."""

    installation: Installation
    outside: Outside
    study: Study
    result: str
    acknowledged: set[str]

    def account(self) -> Account:
        return account(self.outside, {self.result: self.study.uid})


@pytest.fixture
def done(dcmtk: Dcmtk, outside: Outside, tmp_path: Path) -> Iterator[Done]:
    installation = Installation(tmp_path / "data", inputs.models(tmp_path) | outside.settings())
    try:
        installation.start()
        study = inputs.phantom(tmp_path, "control")
        answers = send_once(study, installation.scp)
        with AtDesk(installation, installation.people["dr.martin"]) as martin:
            result = martin.draft_of(study.case(), PHANTOM)
            martin.sign(result)
            martin.wait_for(result, "delivered")
        yield Done(installation, outside, study, result, {uid for uid, status in answers.items() if status == "0000"})
    finally:
        installation.kill()


def test_the_account_sees_what_is_lost_doubled_or_unasked(done: Done, tmp_path: Path) -> None:
    assert done.acknowledged == {uid_of(path.read_bytes()) for path in done.study.files}
    done.account().require_exactly_once()
    assert done.account().resent == 0

    store(done.outside, *sent(done.outside))
    again = done.account()
    again.require_exactly_once()
    assert again.resent == 2, "the same bytes again are one object, and are counted"

    assert len(account(done.outside, {}).unasked) == 3, "nobody signed: two objects and a report too many"

    lost = account(done.outside, {done.result: done.study.uid, "another": "1.2.3"})
    assert len(lost.lost) == 3
    assert not lost.doubled

    write_again(done.outside)
    written_twice = done.account().doubled
    assert written_twice
    assert all(words.endswith(f"at {RECORD}, 2 times") for words in written_twice)

    copy = dcmread(BytesIO(sent(done.outside)[0]))
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    store(done.outside, as_file(copy))
    assert done.account().doubled == [f"{copy.Modality} of {done.study.uid}", *written_twice]
    with pytest.raises(AssertionError, match="doubled"):
        done.account().require_exactly_once()

    require_a_loss_is_seen(done)


def require_a_loss_is_seen(done: Done) -> None:
    """Take away one image that was acknowledged, then the bytes of another."""
    assert missing_of(done.installation, done.study, done.acknowledged) == []
    assert missing_of(done.installation, done.study, {*done.acknowledged, "9.9"}) == ["9.9"]
    first, second = sorted(done.acknowledged)[:2]
    paths = {uid: path_of(done, uid) for uid in (first, second)}
    paths[first].unlink()
    paths[second].chmod(0o600)
    paths[second].write_bytes(paths[second].read_bytes()[:-1] + b"?")
    assert missing_of(done.installation, done.study, done.acknowledged) == [first, second]


def path_of(done: Done, uid: str) -> Path:
    with done.installation.reading() as unit:
        case = unit.views.result(done.result).case  # type: ignore[union-attr]
        (digest,) = (used.source.digest for used in unit.cases.inputs(case.kind, case.uid) if used.source.uid == uid)
    return done.installation.vault.path(digest)


def sent(outside: Outside) -> list[bytes]:
    return [one.file.read_bytes() for one in outside.pacs.everything()]


def as_file(dataset: object) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)  # type: ignore[attr-defined]
    return out.getvalue()


def store(outside: Outside, *files: bytes) -> None:
    """Store files as a sender would that does not know that it already did."""
    datasets = [dcmread(BytesIO(file)) for file in files]
    ae = AE("DOUBLE")
    for dataset in datasets:
        ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", outside.pacs.port, ae_title="PACS")
    assert association.is_established
    try:
        assert [association.send_c_store(dataset).Status for dataset in datasets] == [0] * len(datasets)
    finally:
        association.release()


def write_again(outside: Outside) -> None:
    """Write the report of the record once more."""
    with httpx2.Client(trust_env=False) as web:
        (entry,) = web.get(f"{outside.dpi.url}/DiagnosticReport").json()["entry"]
        address = f"{outside.dpi.url}/DiagnosticReport/{entry['resource']['id']}"
        answer = web.put(
            address, json=entry["resource"], headers={"If-Match": f'W/"{entry["resource"]["meta"]["versionId"]}"'}
        )
        assert answer.status_code == 200, answer.text
