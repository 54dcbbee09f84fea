"""What a modality and a record do: send a series, push a bundle. For the demonstration."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from pydicom import dcmread

from dicom_adapters.associate.upper_layer import Requestor
from guarantee.errors import Declined, Unavailable

TIMEOUT_S: Final = 30.0


def send_series(
    files: Sequence[Path], *, host: str, port: int, aet: str, sent: Callable[[int], None] = lambda _: None
) -> int:
    """Send ``files`` in one association by C-STORE, calling ``sent`` after each; return how many were taken.

    Raises:
        Unavailable: nobody answers at ``host``:``port``.
        Declined: an instance was refused.
    """
    datasets = (dcmread(path) for path in files)
    first = dcmread(files[0], stop_before_pixels=True)
    entity = Requestor("SCANNER-DEMO")
    entity.dimse_timeout = entity.acse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_requested_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)
    association = entity.associate(host, port, ae_title=aet)
    if not association.is_established:
        raise Unavailable("no-association", f"{aet} at {host}:{port} takes no association")
    try:
        return _store_all(association.send_c_store, datasets, sent)
    except RuntimeError as error:  # pynetdicom: the association has ended in the meantime
        raise Unavailable("association-ended", f"{aet} at {host}:{port} ended the association") from error
    finally:
        association.release()


def _store_all(store: Callable[..., object], datasets: Iterable[object], sent: Callable[[int], None]) -> int:
    count = 0
    for dataset in datasets:
        status = getattr(store(dataset), "Status", None)
        if status != 0x0000:
            raise Declined("store-refused", f"an instance was answered with {status!r}")
        count += 1
        sent(count)
    return count


def push_bundle(path: Path, url: str) -> int:
    """POST a FHIR Bundle to ``url`` and return the HTTP status.

    Raises:
        Declined: it was refused; the message is the OperationOutcome's.
        Unavailable: nobody answers.
    """
    request = urllib.request.Request(  # noqa: S310 - our own endpoint on loopback
        url, data=path.read_bytes(), headers={"Content-Type": "application/fhir+json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        issue = json.loads(error.read())["issue"][0]
        raise Declined("bundle-refused", str(issue.get("diagnostics"))) from error
    except OSError as error:
        raise Unavailable("no-answer", f"nobody answers at {url}") from error
