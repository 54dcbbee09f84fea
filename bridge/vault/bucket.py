"""One bucket of an S3-compatible store, as we speak to it: signed, bounded in time and size, tried again a few times.

A request ends in one of two ways: an Answer whose status the caller judges, or Unavailable. Unavailable is also what a
wrong password ends in: it is mended, and then what waits must go in. What is raised names an operation and the store's
own error code, never a key and never a login.
"""

import base64
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import urlsplit

import httpx2

from bridge.vault.body import NOTHING, Body
from bridge.vault.signature import Login, Request, sign
from guarantee.errors import Unavailable

PAUSES_S: Final = (0.0, 0.2, 1.0)
"""Pause before each try. A sender that waits for its C-STORE answer gives us some 30 s; a store that is down for longer
is Unavailable, and the sender tries again."""

LEAST_BYTES_PER_S: Final = 256 * 1024
"""Slowest transfer that is waited for, 256 KiB/s: less than any network between a listener and its store."""

ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
"""Longest answer that is no object: a page of a thousand uploads has less than 1 MiB."""

CONNECTIONS_MAX: Final = 64
"""Most connections of one process: more associations than that wait for one another."""

IDLE_S: Final = 20.0
"""How long a connection is kept that nobody uses; stores close theirs after 30 s and more."""

_PASSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Answers that a later try may not get. 409: two conditional writes of one key met."""

_PASSING_CODES: Final = frozenset({"RequestTimeout", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"})
"""Error codes with status 400 that say: what arrived is not what was sent."""

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")

_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccessDenied": "this login may not do that: see what it needs in the README of the vault",
        "AuthorizationHeaderMalformed": "the store is in another region: correct storage.s3.region",
        "InvalidAccessKeyId": "the store does not know storage.s3.access_key",
        "NoSuchBucket": "there is no such bucket: make it, or correct storage.s3.bucket",
        "PermanentRedirect": "the bucket is elsewhere: correct storage.s3.endpoint and region",
        "RequestTimeTooSkewed": "its clock and ours differ by more than 15 minutes: set both",
        "SignatureDoesNotMatch": "storage.s3.secret_key is wrong, or a proxy changes what we sign",
    }
)
"""What a person should do about an error code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One bucket.

    Args:
        endpoint: "https://s3.hospital.example:9000", without a path.
        path_style: whether the bucket is in the path; else it is a name before the host.
        authorities: PEM, who signs the store's certificate; None for those that the system knows.
        connect_s: longest wait for a connection.
        answer_s: longest wait for a piece of an answer.
    """

    endpoint: str
    bucket: str
    login: Login = field(repr=False)
    path_style: bool = True
    authorities: Path | None = None
    connect_s: float = 5.0
    answer_s: float = 20.0

    @property
    def base_url(self) -> str:
        """Scheme and host of every request."""
        parts = urlsplit(self.endpoint)
        host = parts.netloc if self.path_style else f"{self.bucket}.{parts.netloc}"
        return f"{parts.scheme}://{host}"

    def path(self, key: str) -> str:
        """Return the path of ``key``; of the bucket itself when it is ""."""
        return f"/{self.bucket}/{key}".rstrip("/") if self.path_style else f"/{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the store answered.

    Args:
        headers: with lower-case names.
        body: of an answer that is no object.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def code(self) -> str:
        """The store's error code; "" when there is none."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""

    @property
    def passes(self) -> bool:
        """Whether a later try may be answered otherwise."""
        return self.status in _PASSES or (self.status == 400 and self.code in _PASSING_CODES)

    @property
    def said(self) -> str:
        """Status, code, and what to do about it."""
        meaning = _MEANINGS.get(self.code, "")
        return f"{self.status} {self.code}".strip() + (f" ({meaning})" if meaning else "")


Take = Callable[[Iterator[bytes]], object]
"""Takes the bytes of an object as they come; it is called anew for each try."""


class Bucket:
    """The bucket.

    Args:
        now: the time, for signatures.
        pause: for tests that do not want to wait.
    """

    def __init__(
        self, options: Options, now: Callable[[], datetime], *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.options = options
        self._now = now
        self._pause = pause
        self._host = urlsplit(options.base_url).netloc
        self._client = httpx2.Client(
            follow_redirects=False,
            verify=_trust(options),
            trust_env=False,  # a proxy from the environment would see the images
            limits=httpx2.Limits(
                max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, keepalive_expiry=IDLE_S
            ),
            headers={"accept-encoding": "identity"},
        )
        self._takes_conditions = True

    # ------------------------------------------------------------------------------------------------------- objects

    def put(self, key: str, body: Body, *, only_new: bool) -> bool:
        """Write an object, and return once the store has confirmed exactly these bytes.

        Args:
            only_new: leave what is there already; a store that has no conditional writes writes over it.

        Returns:
            Whether it was written: False when something was there.

        Raises:
            Unavailable: not confirmed.
        """
        conditional = only_new and self._takes_conditions
        headers = {"if-none-match": "*"} if conditional else {}
        answer = self.ask("PUT", key, headers=checksum(body) | headers, body=body)
        if conditional and answer.status == 501:
            self._takes_conditions = False
            return self.put(key, body, only_new=False)
        if conditional and answer.status == 412:
            return False
        require(answer, "write")
        require_same(answer, body)
        return True

    def fetch(self, key: str, take: Take) -> bool:
        """Hand the bytes of an object to ``take``, and return whether there is one.

        Raises:
            Unavailable: it could not be read to its end.
        """
        answer = self.ask("GET", key, take=take)
        if answer.status == 404 and answer.code != "NoSuchBucket":
            return False
        require(answer, "read")
        return True

    def size(self, key: str) -> int | None:
        """Return how many bytes an object has; None when there is none.

        Raises:
            Unavailable: the store does not say.
        """
        answer = self.ask("HEAD", key)
        if answer.status == 404:
            answer = self.ask("GET", key)  # whose answer says whether the object is missing, or the whole bucket
        if answer.status == 404 and answer.code != "NoSuchBucket":
            return None
        require(answer, "look up")
        said = answer.headers.get("content-length", "")
        return int(said) if said.isascii() and said.isdigit() else -1

    def delete(self, key: str) -> Answer:
        """Delete an object; for the probe alone, the vault deletes nothing."""
        return self.ask("DELETE", key)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------- requests

    def ask(
        self,
        method: str,
        key: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
        body: Body = NOTHING,
        take: Take | None = None,
    ) -> Answer:
        """Return the store's answer to one request; what may pass by itself is tried again.

        Args:
            key: of an object; "" for the bucket.
            take: gets the body of a 200.

        Raises:
            Unavailable: no answer in time, however often it was asked.
        """
        request = Request(method=method, host=self._host, path=self.options.path(key), query=query, digest=body.digest)
        fault = ""
        for pause_s in PAUSES_S:
            if pause_s:
                self._pause(pause_s)
            try:
                answer = self._once(request, headers, body, take)
            except httpx2.TimeoutException:
                fault = "did not answer in time"
            except httpx2.HTTPError as error:
                fault = f"was not reached, or cut the line ({type(error).__name__})"
            else:
                if not answer.passes:
                    return answer
                fault = f"answers {answer.said}"
        raise Unavailable("vault", f"the object store {fault}, {len(PAUSES_S)} times")

    def _once(self, request: Request, headers: Mapping[str, str], body: Body, take: Take | None) -> Answer:
        signed = sign(request, self.options.login, self._now(), headers)
        if request.method in {"PUT", "POST"}:
            signed["content-length"] = str(body.size)
        wait_s = self.options.answer_s
        timeout = httpx2.Timeout(wait_s, connect=self.options.connect_s)
        content = timely(body.pieces(), time.monotonic() + wait_s + body.size / LEAST_BYTES_PER_S)
        address = f"{self.options.base_url}{request.target}"
        with self._client.stream(
            request.method, address, headers=signed, content=content if body.size else None, timeout=timeout
        ) as response:
            return self._read(response, take)

    def _read(self, response: httpx2.Response, take: Take | None) -> Answer:
        said = response.headers.get("content-length", "")
        size = int(said) if said.isascii() and said.isdigit() else 0
        deadline = time.monotonic() + self.options.answer_s + size / LEAST_BYTES_PER_S
        pieces = timely(response.iter_raw(), deadline)
        data = b""
        if take is not None and response.status_code == 200:
            take(pieces)
        else:
            data = bounded(pieces)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, body=data)


def checksum(body: Body) -> dict[str, str]:
    """Return the header by which the store checks a body.

    The signature holds the same digest, but not every store compares it with what came (SeaweedFS 4.48 does not);
    this one is compared by all that know it, and ignored by the others.
    """
    return {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(body.digest)).decode()}


def require(answer: Answer, what: str) -> None:
    """Raise Unavailable unless the store did what was asked."""
    if not 200 <= answer.status < 300:
        raise Unavailable("vault", f"the object store refuses to {what}: {answer.said}")


def require_same(answer: Answer, body: Body) -> None:
    """Raise Unavailable when the store says that it holds other bytes than ``body``."""
    held = answer.headers.get("x-amz-checksum-sha256", "")
    if held and held != checksum(body)["x-amz-checksum-sha256"]:
        raise Unavailable("vault", "the object store confirms other bytes than were sent")


def timely(pieces: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    """Yield ``pieces`` until ``deadline``: a time-out of the client bounds each piece, not all of them."""
    for piece in pieces:
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("slower than the slowest transfer that is waited for")
        yield piece


def bounded(pieces: Iterator[bytes]) -> bytes:
    """Return all of ``pieces``; what is longer than an answer may be is cut off."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > ANSWER_BYTES_MAX:
            break
    return bytes(data)


def _trust(options: Options) -> ssl.SSLContext | bool:
    if not options.endpoint.startswith("https:"):
        return False  # loading certificates for plain HTTP costs 0.1 s and no safety
    return ssl.create_default_context(cafile=options.authorities)
