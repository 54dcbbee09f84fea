"""A listener that is killed between a question and its answer: whoever asked hears it from the next one."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from tests.dicom import samples
from tests.installation import Installation
from tests.peers.base import free_port

HOME = free_port()
"""Where the modality listens for answers, once it does."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Installation]:
    modality = {"aet": "MR2", "addresses": ["127.0.0.0/8"], "host": "127.0.0.1", "port": HOME}
    made = Installation(tmp_path / "data", {"scp": {"senders": {"mr-2": modality}}})
    yield made
    made.kill()


def ask(made: Installation, image: Dataset, transaction: str) -> None:
    """Send an image, ask whether it is kept for good, and hang up before the answer."""
    entity = AE("MR2")
    entity.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
    entity.add_requested_context(StorageCommitmentPushModel)
    association = entity.associate("127.0.0.1", made.scp, ae_title="AVAL")
    assert association.is_established
    assert association.send_c_store(image).Status == 0x0000
    asked, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    asked.TransactionUID, asked.ReferencedSOPSequence = transaction, [item]
    model, instance = StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    assert association.send_n_action(asked, 1, model, instance)[0].Status == 0x0000
    association.abort()


def test_an_answer_survives_the_listener_that_owed_it(made: Installation) -> None:
    image = dcmread(BytesIO(samples.to_file(samples.series("CT", slices=1)[0])))
    transaction, answers = generate_uid(), list[tuple[int, Dataset]]()
    made.start("scp")
    ask(made, image, transaction)
    made.kill("scp")

    def hear(event: evt.Event) -> tuple[int, None]:
        answers.append((event.event_type, event.event_information))
        return 0x0000, None

    entity = AE("MR2")
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    home = entity.start_server(("127.0.0.1", HOME), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)])
    try:
        made.start("scp")
        made.eventually(lambda: answers, "the answer to a storage commitment")
        made.stop()
    finally:
        home.shutdown()
    (kind, said), *_ = answers  # an answer may come twice, never not at all
    assert (kind, said.TransactionUID) == (1, transaction)
    assert [item.ReferencedSOPInstanceUID for item in said.ReferencedSOPSequence] == [image.SOPInstanceUID]
