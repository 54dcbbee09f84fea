"""DICOM over TLS, as listener and as sender: PS3.15, B.12 (BCP 195: RFC 8996 and RFC 9325).

TLS 1.2 and 1.3; with 1.2 the four ephemeral elliptic-curve suites with AES-GCM that RFC 9325, 4.2 recommends. There is
no other profile to fall back to. A peer's certificate is checked against the authorities of the configuration, never
against those of the operating system.

A handshake waits for its peer: it is made on the connection's own thread, with a time-out, and so many at once.
"""

import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from guarantee.errors import Malformed, Unavailable

SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
"""For TLS 1.2; those of TLS 1.3 are all good (RFC 9325, 4.2 and 4.3)."""

HANDSHAKE_S: Final = 5.0
"""How long a peer may take to say what it speaks, and then for its handshake."""

GREETING_MAX: Final = 120
"""Connections that have not yet said what they speak; the next one is closed at once."""

NAMES_MAX: Final = 64
"""Most names read from one certificate."""

_HANDSHAKE: Final = b"\x16"
"""First byte of a TLS record that begins a handshake (RFC 8446, 5.1). A DICOM request begins with 0x01."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are, and whom we believe.

    Args:
        certificate: PEM, ours, with the intermediate ones.
        key: PEM, its private key, without a password; None for a client that has none.
        authorities: PEM of those that sign the certificates of peers; a peer's own self-signed one may be among them.
    """

    certificate: Path | None
    key: Path | None
    authorities: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How a listener speaks TLS.

    Args:
        client_certificates: whether every client must show one.
        port: a second one, for TLS alone; None to speak both on the first one, each peer as it begins.
        only: whether the first port refuses connections without TLS.
        handshake_s: how long a peer may take to say what it speaks, and then for its handshake.
    """

    identity: Identity
    client_certificates: bool = True
    port: int | None = None
    only: bool = False
    handshake_s: float = HANDSHAKE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """How we call a peer that speaks TLS.

    Args:
        server_name: that its certificate must have; "" for the host that is called.
        check_name: whether it must have it.
    """

    identity: Identity
    server_name: str = ""
    check_name: bool = True

    def arguments(self, host: str) -> tuple[ssl.SSLContext, str]:
        """Return what pynetdicom's ``associate`` wants, for a call to ``host``.

        Raises:
            Unavailable: a file is missing or is not what it should be.
        """
        return client_context(self.identity, check_name=self.check_name), self.server_name or host


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a peer proved to be, under an authority of ours.

    Args:
        fingerprint: SHA-256 of the certificate, 64 lower-case hexadecimal characters.
        names: common names and subject alternative names, in small letters.
    """

    fingerprint: str
    names: frozenset[str]

    def is_one_of(self, allowed: tuple[str, ...]) -> bool:
        """Return whether one of ``allowed`` is its fingerprint (colons or not) or one of its names."""
        return any(fingerprint(each) == self.fingerprint or each.lower() in self.names for each in allowed)


def fingerprint(text: str) -> str:
    """Return ``text`` as a fingerprint, or "" when it is none: SHA-256 in hexadecimal, with colons or without."""
    plain = text.replace(":", "").lower()
    return plain if re.fullmatch(r"[0-9a-f]{64}", plain) else ""


class Refusal(Exception):
    """A connection that gets no further.

    Args:
        code: "tls-failed" or "tls-required"; "" for one that said nothing, which needs no record.
        detail: one sentence; nothing of what the peer sent.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def server_context(identity: Identity, *, client_certificates: bool) -> ssl.SSLContext:
    """Return what a listener greets with.

    Args:
        client_certificates: whether a client must show one; one that it shows is checked in either case.

    Raises:
        Unavailable: a file is missing or is not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, identity)
    context.verify_mode = ssl.CERT_REQUIRED if client_certificates else ssl.CERT_OPTIONAL
    return context


def client_context(identity: Identity, *, check_name: bool = True) -> ssl.SSLContext:
    """Return what we call with.

    Args:
        check_name: whether the peer's certificate must name the host that we call.

    Raises:
        Unavailable: a file is missing or is not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, identity)
    context.check_hostname = check_name
    return context


def _context(protocol: int, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        if identity.certificate is not None:
            # A password cannot be asked for here; without this, OpenSSL asks at the terminal.
            context.load_cert_chain(identity.certificate, identity.key, password=lambda: "")
        context.load_verify_locations(identity.authorities)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        files = ", ".join(str(each) for each in (identity.certificate, identity.key, identity.authorities) if each)
        reason = error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
        raise Unavailable("tls-files", f"one of {files} cannot be used: {reason}") from error
    return context


def certificate_of(connection: socket.socket) -> Certificate | None:
    """Return what the peer proved to be; None without TLS, or when it showed no certificate."""
    if not isinstance(connection, ssl.SSLSocket):
        return None
    encoded = connection.getpeercert(binary_form=True)
    if not encoded:
        return None
    names = _names(connection.getpeercert() or {})
    return Certificate(fingerprint=hashlib.sha256(encoded).hexdigest(), names=frozenset(names[:NAMES_MAX]))


def _names(found: Mapping[str, Any]) -> list[str]:
    common = [value for part in found.get("subject", ()) for key, value in part if key == "commonName"]
    return [name.lower() for name in (*common, *(value for _, value in found.get("subjectAltName", ())))]


def expires(path: Path) -> datetime:
    """Return when the first certificate of ``path`` ends.

    Raises:
        Malformed: no certificate can be read there.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError, IndexError) as error:
        raise Malformed(f"{path}: no certificate can be read there ({type(error).__name__})") from error


def days_left(path: Path, now: datetime) -> int:
    """Return how many whole days the first certificate of ``path`` is still good for; negative when it is over.

    Raises:
        Malformed: no certificate can be read there.
    """
    return (expires(path) - now.astimezone(UTC)).days


class Greeter:
    """Finds out what new connections speak, and makes their handshakes; from many threads at once.

    Args:
        context: None where no TLS is spoken.
        only: whether a connection without TLS is refused.
    """

    def __init__(self, context: ssl.SSLContext | None, *, only: bool, handshake_s: float = HANDSHAKE_S) -> None:
        self._context = context
        self._only = only
        self._handshake_s = handshake_s
        self._places = threading.BoundedSemaphore(GREETING_MAX)

    def greet(self, connection: socket.socket) -> socket.socket:
        """Return ``connection``, in TLS when the peer speaks it.

        Raises:
            Refusal: it said nothing, nothing that we speak, or too many others are being greeted.
        """
        if self._context is None:
            return connection
        if not self._places.acquire(blocking=False):
            raise Refusal("too-many-connections", f"{GREETING_MAX} connections have not yet said what they speak")
        try:
            return self._greeted(connection, self._context)
        finally:
            self._places.release()

    def _greeted(self, connection: socket.socket, context: ssl.SSLContext) -> socket.socket:
        connection.settimeout(self._handshake_s)
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            raise Refusal("", "it said nothing") from error
        if first != _HANDSHAKE:
            if self._only and first:
                raise Refusal("tls-required", "it does not speak TLS, and nothing else is spoken here")
            connection.settimeout(None)
            return connection
        return _shaken(connection, context, self._handshake_s)


def _shaken(connection: socket.socket, context: ssl.SSLContext, handshake_s: float) -> ssl.SSLSocket:
    """Return ``connection`` after its handshake, which may take ``handshake_s`` altogether."""
    secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    # A time-out of the socket begins again with each byte; this one does not.
    end = threading.Timer(handshake_s, partial(_cut, secured))
    end.daemon = True
    end.start()
    try:
        secured.do_handshake()
    except (OSError, ValueError) as error:
        secured.close()
        reason = getattr(error, "reason", None) or type(error).__name__
        raise Refusal("tls-failed", f"the TLS handshake failed: {reason}") from error
    finally:
        end.cancel()
    secured.settimeout(None)
    return secured


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself
