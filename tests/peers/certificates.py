"""Certificates for peers that speak TLS: an authority, and who it signs for. Nothing here outlives a test."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """PEM files of one certificate and its private key."""

    certificate: Path
    key: Path
    fingerprint: str


class Authority:
    """Signs certificates, in a folder of its own."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = _named(name)
        self._key = generate_private_key(SECP256R1())
        builder = _builder(self._name, self._name, self._key, timedelta(days=365))
        made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def sign(self, name: str, *, lasts: timedelta = timedelta(days=90), dns: str = "localhost") -> Pair:
        """Return a certificate for ``name``, good for this machine in both directions."""
        key = generate_private_key(SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(dns), x509.IPAddress(ip_address("127.0.0.1"))])
        builder = _builder(_named(name), self._name, key, lasts).add_extension(names, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        pair = Pair(
            certificate=self._folder / f"{name}.pem",
            key=self._folder / f"{name}.key",
            fingerprint=made.fingerprint(hashes.SHA256()).hex(),
        )
        pair.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lasts) - timedelta(days=1))
        .not_valid_after(now + lasts)
    )
