"""Objects that are too large for one request: sent in parts, put together by the store, or given up."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape, unescape

from bridge.vault.body import Body
from bridge.vault.bucket import Answer, Bucket, checksum, require, require_same
from guarantee.errors import Unavailable

PART_BYTES: Final = 32 * 1024 * 1024
"""Size of a part, 32 MiB; what is larger than two is sent in parts. Stores take 5 MiB to 5 GiB and 10,000 parts, so an
object may have 312 GiB. A part that fails is sent again, not the whole."""

_UPLOAD_ID: Final = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")
_UPLOAD: Final = re.compile(rb"<Upload>(.*?)</Upload>", re.DOTALL)
_KEY: Final = re.compile(rb"<Key>([^<]{1,1024})</Key>")
_BEGUN: Final = re.compile(rb"<Initiated>([0-9T:.Z+-]{10,40})</Initiated>")
_DONE: Final = b"CompleteMultipartUploadResult"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload that was begun and neither completed nor given up."""

    key: str
    id: str
    begun_at: datetime


def upload(bucket: Bucket, key: str, body: Body, part_bytes: int = PART_BYTES) -> None:
    """Write an object in parts, each checked by the store, and return once the whole is there.

    Raises:
        Unavailable: not confirmed; the parts are given up.
    """
    upload_id = _begin(bucket, key)
    try:
        parts = [_send(bucket, key, upload_id, number, part) for number, part in _numbered(body, part_bytes)]
        _complete(bucket, key, upload_id, parts)
        _require_whole(bucket, key, body)
    except (Unavailable, OSError):
        with suppress(Unavailable):  # the sweeper gives up what is left, also after a crash
            abort(bucket, key, upload_id)
        raise


def abort(bucket: Bucket, key: str, upload_id: str) -> Answer:
    """Give an upload up."""
    return bucket.ask("DELETE", key, query=[("uploadId", upload_id)])


def unfinished(bucket: Bucket, prefix: str) -> Iterator[Upload]:
    """Yield the uploads below ``prefix``, of the first thousand.

    Raises:
        Unavailable: the store does not say.
    """
    answer = bucket.ask("GET", "", query=[("uploads", ""), ("prefix", prefix)])
    require(answer, "list uploads")
    for entry in _UPLOAD.findall(answer.body):
        key, upload_id, begun = _KEY.search(entry), _UPLOAD_ID.search(entry), _BEGUN.search(entry)
        if key and upload_id and begun:
            yield Upload(key=_text(key[1]), id=_text(upload_id[1]), begun_at=datetime.fromisoformat(begun[1].decode()))


def _begin(bucket: Bucket, key: str) -> str:
    answer = bucket.ask("POST", key, query=[("uploads", "")], headers={"x-amz-checksum-algorithm": "SHA256"})
    require(answer, "begin an upload")
    found = _UPLOAD_ID.search(answer.body)
    if found is None:
        raise Unavailable("vault", "the object store began an upload and did not name it")
    return _text(found[1])


def _numbered(body: Body, part_bytes: int) -> Iterator[tuple[int, Body]]:
    return enumerate(body.parts(part_bytes), start=1)


def _send(bucket: Bucket, key: str, upload_id: str, number: int, part: Body) -> str:
    """Send one part and return its line of the completion."""
    query = [("partNumber", str(number)), ("uploadId", upload_id)]
    sent = checksum(part)
    answer = bucket.ask("PUT", key, query=query, headers=sent, body=part)
    require(answer, "take a part")
    require_same(answer, part)
    tag = escape(answer.headers.get("etag", ""), {'"': "&quot;"})
    held = "x-amz-checksum-sha256" in answer.headers
    said = f"<ChecksumSHA256>{sent['x-amz-checksum-sha256']}</ChecksumSHA256>" if held else ""
    return f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag>{said}</Part>"


def _complete(bucket: Bucket, key: str, upload_id: str, parts: list[str]) -> None:
    """Have the parts put together. Stores begin to answer 200 before they know, so the body decides."""
    body = Body.of(f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode())
    answer = bucket.ask("POST", key, query=[("uploadId", upload_id)], body=body)
    if answer.status == 404 and answer.code == "NoSuchUpload":
        return  # completed by a try whose answer was lost; the caller looks at what is there
    require(answer, "complete an upload")
    if _DONE not in answer.body:
        raise Unavailable("vault", f"the object store did not complete an upload: {answer.said}")


def _require_whole(bucket: Bucket, key: str, body: Body) -> None:
    if bucket.size(key) != body.size:
        raise Unavailable("vault", "the object store put the parts together to something else")


def _text(data: bytes) -> str:
    return unescape(data.decode("utf-8", "replace"), {"&quot;": '"'})
