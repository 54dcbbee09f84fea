"""Passkeys: adding one, asking it to sign exactly one statement, believing what it signed.

An authenticator signs a challenge. For an opinion that is the digest of the statement that the desk would seal, so the
desk fixes the statement first, keeps its digest for two minutes in the session that asked, and takes it back once.
Nobody is asked for attestation: which make of authenticator somebody uses proves nothing about an opinion, and asking
would name the device. Sources: Web Authentication Level 3 (W3C), 7.1 and 7.2; RFC 9053 for the algorithms.
"""

import base64
import hashlib
import logging
import secrets
import struct
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.webauthn import AttestationObject, AuthenticatorData

from guarantee.errors import GestureMissing, GestureRefused, Malformed, NotEntitled
from guarantee.gesture import BY_PASSKEY, Gesture, Passkey

CHALLENGE_LIFE: Final = timedelta(minutes=2)
"""How long an authenticator may take: a person looks for it, touches it, types its PIN."""

PASSKEYS_MAX: Final = 20
"""Passkeys of one person that count at a time; nobody carries so many, and each is offered to the browser."""

ATTESTATION_BYTES_MAX: Final = 16_384
"""Longest attestation object; without attestation it is under 400 bytes, with a certificate under 3 kB."""

SIGN: Final = "sign"
REGISTER: Final = "register"

ALGORITHMS: Final = {-7: "ES256", -8: "EdDSA", -257: "RS256"}
"""COSE numbers, the preferred one first. RS256 is what older TPMs behind Windows Hello have."""

_RSA_EXPONENT: Final = 65_537
_RSA_BITS: Final = range(2_048, 4_097)

_UNREADABLE: Final = (struct.error, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the library raises at bytes that are no attestation: whatever its parser met."""

_log = logging.getLogger("aval.desk")


class StoredLike(Protocol):
    """What is stored of a passkey."""

    @property
    def passkey(self) -> Passkey:
        """The passkey."""

    @property
    def added_at(self) -> datetime:
        """Since when."""

    @property
    def ended_at(self) -> datetime | None:
        """When it was revoked, or None."""


class Stored(Protocol):
    """Where passkeys and challenges are stored (bridge/db/passkeys.py)."""

    def add(self, passkey: Passkey, at: datetime) -> None:
        """Insert a passkey."""

    def of(self, login: str) -> Sequence[StoredLike]:
        """Return the passkeys of a person, revoked ones too."""

    def find(self, passkey: str) -> StoredLike | None:
        """Return one, or None."""

    def revoke(self, passkey: str, *, by: str, reason: str, at: datetime) -> None:
        """Note that it signs nothing from now on."""

    def counted(self, passkey: str) -> int:
        """Return the highest counter that it has signed with."""

    def issue(self, challenge: str, session: str, purpose: str, at: datetime) -> None:
        """Note what an authenticator is asked to sign."""

    def take(self, challenge: str, session: str, purpose: str, *, since: datetime, at: datetime) -> datetime | None:
        """Return when a challenge was issued, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """For whom an authenticator signs.

    Args:
        origin: of the desk's pages, as browsers write it.
        name: of the desk, shown by the browser.
    """

    origin: str
    name: str

    @property
    def id(self) -> str:
        """The host, to which browsers bind passkeys. One that is a number gets none."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkeys:
    """Everything that is done with passkeys.

    Args:
        stored: opens a transaction, as the named actor.
        party: the desk, as browsers see it.
    """

    stored: Callable[[str], AbstractContextManager[Stored]]
    party: Party
    now: Callable[[], datetime]

    def of(self, login: str) -> tuple[StoredLike, ...]:
        """Return the passkeys of a person, revoked ones too, oldest first."""
        with self.stored(f"desk:{login}") as stored:
            return tuple(stored.of(login))

    def counting(self, login: str) -> tuple[str, ...]:
        """Return the identifiers of those that count."""
        return tuple(one.passkey.id for one in self.of(login) if one.ended_at is None)

    # ------------------------------------------------------------------------------------------------------ adding

    def ask_for_another(self, login: str, session: str) -> str:
        """Return the challenge for a new passkey; ``session`` is the digest of its token.

        Raises:
            Malformed: this person has PASSKEYS_MAX.
        """
        if len(self.counting(login)) >= PASSKEYS_MAX:
            raise Malformed(f"nobody has more than {PASSKEYS_MAX} passkeys: revoke one")
        challenge = encoded(secrets.token_bytes(32))
        with self.stored(f"desk:{login}") as stored:
            stored.issue(challenge, session, REGISTER, self.now())
        return challenge

    def add(self, login: str, session: str, name: str, said: tuple[str, str]) -> Passkey:
        """Keep a new passkey.

        Args:
            said: client data as text, and the attestation object, base64url.

        Raises:
            GestureRefused: not what was asked for, in time, of this desk, by a verified person.
            Malformed: it cannot be read.
        """
        client_data, attestation = said
        data = self._attested(attestation)
        # A gesture of another type, whose signature nobody needs: read by the same code, within the same limits.
        head = bytes(data)[:37].hex()
        made = Gesture(passkey="", authenticator_data=head, client_data=client_data, signature="00" * 64)
        self._require_ours(made, "webauthn.create")
        now = self.now()
        with self.stored(f"desk:{login}") as stored:
            if stored.take(_challenge(made), session, REGISTER, since=now - CHALLENGE_LIFE, at=now) is None:
                raise GestureRefused("this was not asked for, or too long ago")
        passkey = _passkey(login, name, data)
        with self.stored(f"desk:{login}") as stored:
            if stored.find(passkey.id) is not None:
                raise GestureRefused("this passkey is known already")
            stored.add(passkey, now)
        _log.info("passkey.added login=%s algorithm=%s", login, passkey.algorithm)
        return passkey

    def revoke(self, passkey: str, *, by: str, reason: str, owner: str = "") -> None:
        """Let a passkey sign nothing from now on. Whoever it was revoked for twice is told that once was enough.

        Args:
            owner: whose it must be; "" for anybody's.

        Raises:
            NotEntitled: there is none, or it is somebody else's: always the same message.
        """
        with self.stored(f"desk:{by}" if owner else by) as stored:
            found = stored.find(passkey)
            if found is None or (owner and found.passkey.login != owner):
                raise NotEntitled("no such passkey of yours")
            if found.ended_at is None:
                stored.revoke(passkey, by=by, reason=reason, at=self.now())

    # ----------------------------------------------------------------------------------------------------- signing

    def issue(self, challenge: str, login: str, session: str, at: datetime) -> tuple[str, ...]:
        """Keep the challenge of a statement for CHALLENGE_LIFE; return the passkeys that may sign it.

        Args:
            at: when the statement says that it was signed.

        Raises:
            GestureMissing: this person has no passkey.
        """
        offered = self.counting(login)
        if not offered:
            raise GestureMissing(f"{login} has no passkey")
        with self.stored(f"desk:{login}") as stored:
            stored.issue(challenge, session, SIGN, at)
        return offered

    def take(self, gesture: Gesture, login: str, session: str) -> datetime:
        """Believe a gesture, and return when the statement that it is over says that it was signed.

        That it is over that statement is for :class:`guarantee.opinion.Opinion` to say.

        Raises:
            GestureRefused: another person's passkey, a revoked one, another site, nobody was verified, the counter went
                back, the signature is another key's; or nothing was asked, or too long ago, or it was used.
        """
        self._require_ours(gesture, "webauthn.get")
        now = self.now()
        with self.stored(f"desk:{login}") as stored:
            found = stored.find(gesture.passkey)
            if found is None or found.passkey.login != login or found.ended_at is not None:
                raise GestureRefused("no passkey of this person that counts")
            _require_signed(gesture, found.passkey)
            before = stored.counted(gesture.passkey)
            if before and gesture.counter <= before:
                _log.warning("passkey.counted-back login=%s", login)
                raise GestureRefused("the authenticator counted less than before: there may be two of it")
            at = stored.take(_challenge(gesture), session, SIGN, since=now - CHALLENGE_LIFE, at=now)
        if at is None:
            raise GestureRefused("this was not asked for, too long ago, or used already")
        return at

    # ------------------------------------------------------------------------------------------------------ inside

    def _require_ours(self, made: Gesture, kind: str) -> None:
        said = made.said
        if said.get("type") != kind or said.get("origin") != self.party.origin or said.get("crossOrigin"):
            raise GestureRefused("made on another page than this desk's, or in a frame of another site")
        if made.party != hashlib.sha256(self.party.id.encode()).digest():
            raise GestureRefused("made for another host")
        if not made.is_verified:
            raise GestureRefused("the authenticator did not verify who made the gesture")

    @staticmethod
    def _attested(attestation: str) -> AuthenticatorData:
        data = decoded(attestation)
        if len(data) > ATTESTATION_BYTES_MAX:
            raise Malformed(f"an attestation has at most {ATTESTATION_BYTES_MAX} bytes")
        try:
            return AttestationObject(data).auth_data
        except _UNREADABLE as error:
            raise Malformed("this is no attestation object") from error


def auth_by(auth: str) -> str:
    """Return how a statement says that it was signed by passkey, in a session that began with ``auth``."""
    return auth + BY_PASSKEY


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding.

    Raises:
        Malformed: it is something else.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Malformed("not base64url") from error


def _challenge(made: Gesture) -> str:
    return str(made.said.get("challenge", ""))


def _passkey(login: str, name: str, data: AuthenticatorData) -> Passkey:
    attested = data.credential_data
    if attested is None:
        raise GestureRefused("the authenticator made no key")
    key: dict[int, Any] = attested.public_key
    algorithm = ALGORITHMS.get(key.get(3, 0), "")
    return Passkey(
        id=encoded(attested.credential_id),
        login=login,
        name=name,
        algorithm=algorithm,
        public_key=_public_key(algorithm, key).hex(),
    )


def _public_key(algorithm: str, key: dict[int, Any]) -> bytes:
    """Return the bytes of a COSE key (RFC 9053, 7), after making sure that it is one.

    Raises:
        GestureRefused: another algorithm, another curve, a point that is none.
    """
    try:
        if algorithm == "ES256" and key[-1] == 1:
            point: bytes = key[-2] + key[-3]
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + point)
            return point
        if algorithm == "EdDSA" and key[-1] == 6:
            Ed25519PublicKey.from_public_bytes(key[-2])
            return bytes(key[-2])
        if algorithm == "RS256" and int.from_bytes(key[-2], "big") == _RSA_EXPONENT:
            modulus: bytes = key[-1]
            if int.from_bytes(modulus, "big").bit_length() in _RSA_BITS:
                return modulus
    except (KeyError, TypeError, ValueError) as error:
        raise GestureRefused("the authenticator's key cannot be read") from error
    raise GestureRefused("the authenticator's key is of a kind that does not count here")


def _require_signed(gesture: Gesture, passkey: Passkey) -> None:
    public, signature = bytes.fromhex(passkey.public_key), bytes.fromhex(gesture.signature)
    try:
        if passkey.algorithm == "ES256":
            point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + public)
            point.verify(signature, gesture.signed, ECDSA(SHA256()))
        elif passkey.algorithm == "EdDSA":
            Ed25519PublicKey.from_public_bytes(public).verify(signature, gesture.signed)
        else:
            numbers = RSAPublicNumbers(_RSA_EXPONENT, int.from_bytes(public, "big"))
            numbers.public_key().verify(signature, gesture.signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise GestureRefused("the signature is not this passkey's") from error
