"""DICOMweb as a client: one request at a time, within limits, to the configured address and nowhere else.

Requests are made with the standard library: HTTP clients write the URL, which names the study, to their log.
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from guarantee.errors import Declined, Unavailable

CONFLICT: Final = 409
"""All parts of a request failed; the body says why, part by part."""

_CHUNK: Final = 64 * 1024
_LATER: Final = frozenset({401, 403, 408, 425, 429})
_DIGITS_MAX: Final = 9


class Web:
    """One DICOMweb service.

    Args:
        url: root of the service, http or https, e.g. "https://pacs.example/dicom-web".
        timeout_s: for one whole answer of :meth:`get` and :meth:`post`, and for each silence in :meth:`stream`.
        token: bearer token; "" for none.

    Raises:
        Declined: the address is not http or https.
    """

    def __init__(self, url: str, timeout_s: float, token: str = "") -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise Declined("bad-address", "the DICOMweb address of an archive begins with http:// or https://")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context()))
        self._opener = urllib.request.build_opener(*handlers, _NoRedirect())

    def get(self, path: str, accept: str, bytes_max: int) -> tuple[str, bytes] | None:
        """Return (content type, body), or None for "not found" and "gone".

        Raises:
            Unavailable: no answer, another status, too much, or too slowly.
        """
        deadline = time.monotonic() + self._timeout_s
        with self.stream(path, accept) as answer:
            if answer is None:
                return None
            content_type, chunks = answer
            return content_type, _whole(chunks, bytes_max, deadline)

    def post(self, path: str, content_type: str, data: bytes, *, answer_bytes_max: int) -> tuple[int, bytes]:
        """Return (status, body) of an answer that says what became of each part: 200, 202 or 409 (PS3.18, 10.5.3).

        Raises:
            Unavailable: no answer, too much of one or too slowly, or a status that means "not now".
            Declined: any other status.
        """
        headers = {"Accept": "application/dicom+json", "Content-Type": content_type, **self._headers}
        request = urllib.request.Request(f"{self._url}{path}", data=data, headers=headers)  # noqa: S310 - checked above
        try:
            response = self._opener.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError as error:
            response = error
        except (OSError, ValueError, HTTPException) as error:
            raise _unreachable(error) from error
        with response:
            _require_told(response)
            deadline = time.monotonic() + self._timeout_s
            return response.status, _whole(_chunks(response), answer_bytes_max, deadline)

    @contextmanager
    def stream(self, path: str, accept: str) -> Iterator[tuple[str, Iterator[bytes]] | None]:
        """Yield (content type, pieces of the body), or None for "not found" and "gone".

        Raises:
            Unavailable: no answer, or another status.
        """
        response = self._open(path, accept)
        if response is None:
            yield None
            return
        with response:
            yield response.headers.get("Content-Type", ""), _chunks(response)

    def send(self, method: str, path: str, body: bytes, media: str) -> int:
        """Send ``body`` and return the HTTP status, whatever it is; the answer's own body is not read.

        Raises:
            Unavailable: no answer.
        """
        headers = {"Content-Type": media, "Accept": media, **self._headers}
        request = urllib.request.Request(f"{self._url}{path}", data=body, headers=headers, method=method)  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError, HTTPException) as error:
            raise _unreachable(error) from error

    def _open(self, path: str, accept: str) -> Any:
        headers = {"Accept": accept, **self._headers}
        request = urllib.request.Request(f"{self._url}{path}", headers=headers)  # noqa: S310 - checked above
        try:
            return self._opener.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in {404, 410}:
                return None
            raise Unavailable("dicomweb-status", f"the archive answered with HTTP status {error.code}") from error
        except (OSError, ValueError, HTTPException) as error:
            raise _unreachable(error) from error


def _chunks(response: Any) -> Iterator[bytes]:
    try:
        yield from iter(lambda: response.read1(_CHUNK), b"")
    except (OSError, ValueError, HTTPException) as error:
        raise _unreachable(error) from error
    if response.length:  # what was announced and did not come: read1 takes an early end for the end
        raise Unavailable("dicomweb-unreachable", "the archive hung up in the middle of its answer")


def _require_told(response: Any) -> None:
    """Return when the body of an answer to ``post`` says what became of each part."""
    if response.status == CONFLICT or 200 <= response.status < 300:
        return
    words = f"the archive answered with HTTP status {response.status}"
    if response.status in _LATER or response.status >= 500:
        raise Unavailable("dicomweb-status", words, asked_s=_asked_s(response))
    raise Declined("refused", words)


def _asked_s(response: Any) -> float:
    """Return how long the archive asks to be left alone (Retry-After in seconds, RFC 9110, 10.2.3); 0 otherwise."""
    given = response.headers.get("Retry-After", "").strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX else 0.0


def _whole(chunks: Iterator[bytes], bytes_max: int, deadline: float) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > bytes_max:
            raise Unavailable("answer-too-large", f"the archive answered with more than {bytes_max} bytes")
        if time.monotonic() > deadline:
            raise Unavailable("timeout", "the archive answered too slowly")
    return bytes(body)


def parse(body: bytes) -> Any:
    """Return the JSON value that an answer holds.

    Raises:
        Unavailable: it holds none, or one that is nested too deeply.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unavailable("unreadable-answer", "the archive answered with something else than JSON") from error


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable("dicomweb-unreachable", f"no DICOMweb answer: {type(error).__name__}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An archive does not send us elsewhere: the request would carry the study to an address nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
