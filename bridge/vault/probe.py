"""What `aval check` asks an object store: may this login do what a vault does, and does the store compare?"""

import hashlib
import re
import uuid
from typing import Final

from bridge.vault.body import Body
from bridge.vault.bucket import Bucket, require
from bridge.vault.objects import ObjectVault
from guarantee.errors import Unavailable
from guarantee.ids import Digest

_LOCKED: Final = re.compile(rb"<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
_RETENTION: Final = re.compile(rb"<Mode>(\w{1,16})</Mode>\s*(?:<(Days|Years)>(\d{1,6})</)?")


def examine(vault: ObjectVault) -> str:
    """Write, read and delete one object, and return what the bucket is like.

    Raises:
        Unavailable: something that the vault needs does not work; the message says what and what to do.
    """
    bucket, key = vault.bucket, f"{vault.prefix}probe"
    _write_and_read(bucket, key)
    _require_comparison(bucket, key)
    _require_told_apart(vault)
    deleted = bucket.delete(key).status in {200, 204}
    found = [
        "TLS" if bucket.options.endpoint.startswith("https:") else "without TLS",
        f"versioning {_versioning(bucket)}",
        f"object lock {_lock(bucket)}",
        "this login may delete" if deleted else "this login may not delete, as it should be",
    ]
    return ", ".join(found)


def _write_and_read(bucket: Bucket, key: str) -> None:
    """Write what nobody wrote before, and read it back."""
    data = b"aval check " + uuid.uuid4().hex.encode()
    bucket.put(key, Body.of(data), only_new=False)
    read: list[bytes] = []
    if not bucket.fetch(key, lambda pieces: read.append(b"".join(pieces))) or read[-1] != data:
        raise Unavailable("vault", "the object store does not return what was just written: its reads may be stale")


def _require_comparison(bucket: Bucket, key: str) -> None:
    """A store that takes bytes for others would lose images: an acknowledgement would be worth nothing."""
    other = Body(hashlib.sha256(b"other bytes").hexdigest(), 10, Body.of(b"these bytes"[:10]).read)
    try:
        taken = bucket.put(key, other, only_new=False)
    except Unavailable:
        return
    if taken:
        raise Unavailable(
            "vault",
            "the object store does not compare what it gets with its SHA-256: use another, or a newer one",
        )


def _require_told_apart(vault: ObjectVault) -> None:
    """Without ListBucket what is not there is answered 403: a lost blob would look like a wrong password."""
    nothing = Digest(hashlib.sha256(uuid.uuid4().bytes).hexdigest())
    answer = vault.bucket.ask("GET", vault.key(nothing))
    if answer.status == 403:
        raise Unavailable("vault", "the object store does not say what is missing: allow this login s3:ListBucket")
    if answer.status != 404:
        require(answer, "say that something is missing")


def _versioning(bucket: Bucket) -> str:
    answer = bucket.ask("GET", "", query=[("versioning", "")])
    if answer.status != 200:
        return "unknown"
    return "on" if b"<Status>Enabled</Status>" in answer.body else "off"


def _lock(bucket: Bucket) -> str:
    answer = bucket.ask("GET", "", query=[("object-lock", "")])
    if answer.status == 404 or (answer.status == 200 and not _LOCKED.search(answer.body)):
        return "off"
    if answer.status != 200:
        return "unknown"
    rule = _RETENTION.search(answer.body)
    if rule is None:
        return "on, without a rule"
    return f"on, {rule[1].decode().lower()}" + (f", {int(rule[3])} {rule[2].decode().lower()}" if rule[2] else "")
