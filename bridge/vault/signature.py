"""AWS Signature Version 4, as S3 wants it: proves to the store who asks, and for exactly which bytes.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Every other store that calls itself
S3-compatible checks the same signature. Each request carries the SHA-256 of its body, so a store that got other bytes
refuses them; nothing is sent with "UNSIGNED-PAYLOAD".
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

EMPTY: Final = hashlib.sha256(b"").hexdigest()
"""Digest of no body."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who asks.

    Args:
        region: as the store calls itself; most that run in a hospital take "us-east-1".
    """

    access_key: str
    secret_key: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is signed of a request.

    Args:
        host: as the header says it, with its port where it is not the scheme's own.
        path: decoded, from "/".
        query: decoded (name, value) pairs.
        digest: SHA-256 of the body, in hexadecimal.
    """

    method: str
    host: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    digest: str = EMPTY

    @property
    def target(self) -> str:
        """The path and the query, encoded as they are signed; they must be sent exactly so."""
        query = self._encoded_query
        return quote(self.path, safe="/-_.~") + (f"?{query}" if query else "")

    @property
    def _encoded_query(self) -> str:
        pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in self.query)
        return "&".join(f"{name}={value}" for name, value in pairs)

    def canonical(self, headers: Mapping[str, str]) -> str:
        """Return the text that stands for the request; ``headers`` have lower-case names in order."""
        lines = "".join(f"{name}:{value.strip()}\n" for name, value in headers.items())
        path = quote(self.path, safe="/-_.~")
        return "\n".join((self.method, path, self._encoded_query, lines, ";".join(headers), self.digest))


def sign(request: Request, login: Login, at: datetime, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of ``request``, signed.

    Args:
        at: now, in UTC; a store refuses what is more than 15 minutes off.
        headers: others that must arrive unchanged, with lower-case names.
    """
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{login.region}/s3/aws4_request"
    said = {**headers, "host": request.host, "x-amz-content-sha256": request.digest, "x-amz-date": moment}
    signed = dict(sorted(said.items()))
    canonical = hashlib.sha256(request.canonical(signed).encode()).hexdigest()
    signature = _hmac(_key(login, moment[:8]), f"{_ALGORITHM}\n{moment}\n{scope}\n{canonical}").hex()
    credential = f"Credential={login.access_key}/{scope}"
    signed["authorization"] = f"{_ALGORITHM} {credential},SignedHeaders={';'.join(signed)},Signature={signature}"
    return signed


def _key(login: Login, day: str) -> bytes:
    key = f"AWS4{login.secret_key}".encode()
    for part in (day, login.region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
