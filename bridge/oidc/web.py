"""One identity provider, as we speak to it: listed hosts alone, bounded time, bounded answers, no redirects.

What is raised says what was asked and how it failed, never an address with parameters, a body or a token.
"""

import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from bridge.oidc.errors import ProviderUnavailable

CONNECT_S: Final = 3.0
"""Longest wait for a connection: a person is waiting for the page."""

ANSWER_S: Final = 10.0
"""Longest wait for a whole answer."""

ANSWER_BYTES_MAX: Final = 256 * 1024
"""Largest answer. Discovery documents have 5 kB, key sets and user information 20 kB at most."""

_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


class Line:
    """What fetches from the provider and posts to it.

    Args:
        hosts: ``host[:port]`` that may be asked; no other ever is, whatever a document of the provider says.
        authorities: PEM file, who signs the provider's certificate; None for those that the system knows.

    Raises:
        OSError: ``authorities`` cannot be read.
    """

    def __init__(self, hosts: frozenset[str], authorities: Path | None = None) -> None:
        self._hosts = hosts
        self._client = httpx2.Client(
            headers={"Accept": "application/json"},
            follow_redirects=False,
            limits=httpx2.Limits(max_keepalive_connections=0),  # sign-ins are rare: nothing stays open between them
            trust_env=False,  # a proxy from the environment would see the tokens
            verify=ssl.create_default_context(cafile=authorities),
        )

    def get(self, what: str, address: str, *, token: str = "") -> Mapping[str, Any]:
        """Return the JSON object at ``address``.

        Args:
            what: for the message of a failure, e.g. "keys".
            token: bearer token; "" for none.

        Raises:
            ProviderUnavailable: another host, no answer in time, or not a JSON object.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, body = self._ask(what, "GET", address, headers=headers)
        if status != 200:
            raise ProviderUnavailable(f"{what}: HTTP {status}")
        return body

    def post(
        self, what: str, address: str, form: Mapping[str, str], *, secret: tuple[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Return status and JSON object of a form that was sent; for its failures, see ``get``.

        Args:
            secret: client and secret for HTTP Basic; None where the form says who we are.
        """
        return self._ask(what, "POST", address, data=dict(form), auth=secret)

    def require_listed(self, what: str, address: str) -> str:
        """Return ``address`` when it may be asked: https, or http on this machine, at a host that is listed."""
        try:
            parts = urlsplit(address)
            secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        except ValueError:
            secure = False
        if not secure or parts.netloc.lower() not in self._hosts:
            raise ProviderUnavailable(f"{what}: at a host that desk.oidc does not list")
        return address

    def _ask(self, what: str, method: str, address: str, **more: Any) -> tuple[int, Mapping[str, Any]]:
        deadline = time.monotonic() + ANSWER_S
        timeout = httpx2.Timeout(ANSWER_S, connect=CONNECT_S)
        try:
            with self._client.stream(method, self.require_listed(what, address), timeout=timeout, **more) as response:
                return response.status_code, _object(what, _bounded(what, response, deadline))
        except httpx2.HTTPError as error:
            raise ProviderUnavailable(f"{what}: {type(error).__name__}") from None


def _bounded(what: str, response: httpx2.Response, deadline: float) -> bytes:
    """Return the body, unless it is too large or drips in too slowly: a read timeout bounds each piece alone."""
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > ANSWER_BYTES_MAX:
            raise ProviderUnavailable(f"{what}: an answer of more than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > deadline:
            raise ProviderUnavailable(f"{what}: the answer took too long")
    return bytes(data)


def _object(what: str, data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ProviderUnavailable(f"{what}: not JSON") from None
    if not isinstance(value, dict):
        raise ProviderUnavailable(f"{what}: not a JSON object")
    return value
