"""One FHIR server, as we speak to it: fixed base address, bounded time, bounded answers, no redirects.

Every failure is one of two: Unavailable (nobody answered, or not now) or an Answer with its status, which the caller
judges. What is raised or logged names the operation, never an address with parameters: they may identify a patient.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx2

from fhir_adapters.errors import BadRequest
from fhir_adapters.smart import Options as SmartOptions
from fhir_adapters.smart import Tokens
from fhir_adapters.wire import ANSWER_BYTES_MAX, Resource, read_exact
from guarantee.errors import Unavailable

MEDIA_TYPE: Final = "application/fhir+json; fhirVersion=4.0"

TOKEN_S: Final = 15.0
"""Longest wait for a token."""

_PATH: Final = re.compile(r"[A-Za-z0-9$?&=:|,._~%/\-+*;@!()\[\]]{0,2000}")
"""What may follow the base address: the characters of a relative reference or an encoded search, nothing that starts
another address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to reach one FHIR server.

    Args:
        base_url: e.g. "https://dpi.chu-exemple.fr/fhir"; nothing else is ever called.
        token: bearer token; "" for none.
        smart: how we get tokens from the server itself, instead; None for not.
        connect_s: longest wait for a connection. A server in the same building answers in milliseconds.
        answer_s: longest wait for a whole answer. A large transaction takes some servers half a minute.
    """

    base_url: str
    token: str = field(default="", repr=False)
    smart: SmartOptions | None = None
    connect_s: float = 5.0
    answer_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered.

    Args:
        headers: with lower-case names.
        body: the resource; {} when there was none or it was not one.
    """

    status: int
    headers: Mapping[str, str]
    body: Resource

    @property
    def type(self) -> str:
        """The resource type of the body, or ""."""
        return str(self.body.get("resourceType", ""))


class Server:
    """A FHIR server that can be read from.

    Args:
        options: address, token, patience.
        transport: for tests that need no socket; None for the network.
    """

    def __init__(self, options: Options, transport: httpx2.BaseTransport | None = None) -> None:
        self.base_url = options.base_url.rstrip("/")
        self._options = options
        headers = {"Accept": MEDIA_TYPE}
        if options.token and options.smart is None:
            headers["Authorization"] = f"Bearer {options.token}"
        places = (self.base_url, options.smart.token_url if options.smart else "")
        self._client = httpx2.Client(
            headers=headers,
            follow_redirects=False,
            # Loading certificates for plain HTTP costs 0.1 s and no safety.
            verify=any(place.startswith("https:") for place in places),
            trust_env=False,  # a proxy from the environment would be another server than the configured one
            transport=transport,
        )
        self._tokens = Tokens(options.smart, self.base_url, self._ask_plain) if options.smart else None

    def get(self, path: str, *, within_s: float = math.inf) -> Answer:
        """GET ``path`` below the base address.

        Args:
            path: relative, encoded, e.g. "Observation/17" or "Observation?encounter=Encounter/7".
            within_s: patience for this call, when it is less than the configured one.

        Raises:
            Unavailable: no answer in time, or one that cannot be read.
            ValueError: ``path`` would leave the server.
        """
        return self._call("GET", path, within_s=within_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, path: str, *, within_s: float, **more: Any) -> Answer:
        if not is_path(path):
            raise ValueError("a path below the base address of a FHIR server was expected")
        patience = min(self._options.answer_s, within_s)
        address = f"{self.base_url}/{path}".rstrip("/")
        response, data = self._authorized(method, address, _what(method, path), patience, more)
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_resource(data),
        )

    def _authorized(
        self, method: str, address: str, what: str, patience_s: float, more: dict[str, Any]
    ) -> tuple[httpx2.Response, bytes]:
        """Ask with a token of the server's own, where we get some; once more with a new one when it is not taken."""
        if self._tokens is None:
            return self._ask(method, address, what, patience_s, **more)
        for attempt in range(2):
            token = self._tokens.current()
            headers = {**more.get("headers", {}), "Authorization": f"Bearer {token}"}
            response, data = self._ask(method, address, what, patience_s, **{**more, "headers": headers})
            if response.status_code != 401 or attempt:
                break
            self._tokens.forget(token)
        return response, data

    def _ask_plain(self, method: str, address: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        """Ask for a token, or where they are given out."""
        patience = min(self._options.answer_s, TOKEN_S)
        response, data = self._ask(method, address, "a token", patience, headers=dict(headers), content=content)
        return response.status_code, data

    def _ask(
        self, method: str, address: str, what: str, patience_s: float, **more: Any
    ) -> tuple[httpx2.Response, bytes]:
        deadline = time.monotonic() + patience_s
        timeout = httpx2.Timeout(patience_s, connect=min(self._options.connect_s, patience_s))
        try:
            with self._client.stream(method, address, timeout=timeout, **more) as response:
                return response, _bounded(response, deadline)
        except httpx2.TimeoutException as error:
            raise Unavailable("timeout", f"the FHIR server did not answer {what} in time") from error
        except httpx2.HTTPError as error:
            raise Unavailable(
                "connection", f"no connection to the FHIR server for {what}: {type(error).__name__}"
            ) from error


def is_path(text: str) -> bool:
    """Return whether ``text`` names something below the base address."""
    return bool(_PATH.fullmatch(text)) and not text.startswith("/") and ".." not in text.partition("?")[0].split("/")


def _bounded(response: httpx2.Response, deadline: float) -> bytes:
    """Return the body, unless it is too large or drips in too slowly: a read timeout only bounds each piece."""
    pieces, size = [], 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > ANSWER_BYTES_MAX:
            raise Unavailable("answer-too-large", f"the FHIR server's answer is over {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > deadline:
            raise Unavailable("timeout", "the FHIR server's answer took too long")
        pieces.append(piece)
    return b"".join(pieces)


def _resource(data: bytes) -> Resource:
    try:
        value = read_exact(data) if data else {}
    except BadRequest:
        # An error page of some proxy; the status says what matters.
        return {}
    return value if isinstance(value.get("resourceType"), str) else {}


def _what(method: str, path: str) -> str:
    return f"{method} {path.partition('?')[0].partition('/')[0] or 'the base address'}"
