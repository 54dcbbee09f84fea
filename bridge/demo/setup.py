"""The demonstration's data folder: short quiet times, simulated destinations, four fictitious people."""

import socket
import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bridge.accounts import add_person
from bridge.config import FILE, ConfigError
from bridge.files import write_whole
from bridge.wiring.install import install, make_private, second_place, to_toml
from bridge.wiring.parts import Parts
from bridge.wiring.rights import give_to_all
from guarantee.opinion import Reader
from guarantee.policy import Role

HOST: Final = "127.0.0.1"
PORT_BASE: Final = 18080
PASSWORD: Final = "aval-demo"  # noqa: S105 - fictitious people, on loopback only, printed on the page

BANNER: Final = "Démonstration : patients, personnes, PACS et DPI fictifs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens."""

    guide: int
    desk: int
    fhir: int
    scp: int
    pacs: int
    dpi: int
    commitment: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Return seven ports from ``base`` on."""
        return cls(
            guide=base, desk=base + 1, fhir=base + 2, scp=base + 3, pacs=base + 4, dpi=base + 5, commitment=base + 6
        )

    @property
    def all(self) -> tuple[int, ...]:
        """Every port."""
        return (self.guide, self.desk, self.fhir, self.scp, self.pacs, self.dpi, self.commitment)


PEOPLE: Final = (
    ("dr.martin", "MARTIN^Élodie^^Dr", Role.RADIOLOGIST, "899900000011"),
    ("dr.nguyen", "NGUYEN^Paul^^Dr", Role.CLINICIAN, "899900000022"),
    ("ing.petit", "PETIT^Camille", Role.ENGINEER, "899900000033"),
    ("pr.colin", "COLIN^Zoé^^Pr", Role.COMMITTEE, "899900000055"),
)
"""Login, name, role, professional number of nobody."""


def free_base(wanted: int | None) -> int:
    """Return a base whose ports are free: ``wanted``, or the first free one from PORT_BASE on."""
    for base in [wanted] if wanted is not None else range(PORT_BASE, PORT_BASE + 2000, 20):
        if all(_is_free(port) for port in Ports.from_base(base).all):
            return base
    raise ConfigError(f"ports {wanted or PORT_BASE} to {(wanted or PORT_BASE) + 6} are taken; give another --port-base")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def set_up(folder: Path, ports: Ports) -> None:
    """Create the folder, or bring its ports up to date; what a person added to aval.toml is kept."""
    path = folder / FILE
    known = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else _new()
    for section, values in _listening(ports).items():
        known.setdefault(section, {}).update(values)
    places = known["destinations"]
    places.setdefault("pacs", {}).setdefault("pacs-demo", {}).update(_pacs(ports))
    places.setdefault("fhir", {}).setdefault("dpi-demo", {}).update({"base_url": f"http://{HOST}:{ports.dpi}/fhir"})
    known["intake"]["senders"]["dpi-demo"]["base_url"] = f"http://{HOST}:{ports.dpi}/fhir"
    make_private(folder)
    write_whole(path, to_toml(known).encode())
    install(folder)


def _new() -> dict[str, Any]:
    namespace = uuid.uuid4()
    return {
        "site": {
            "name": "demo",
            "organisation": "CHU de démonstration",
            "organisation_id": "990000001",
            "namespace": str(namespace),
        },
        "scp": {"aet": "AVAL", "host": HOST, "accept_unknown": True},
        "intake": {"host": HOST, "senders": {"dpi-demo": {"addresses": ["127.0.0.0/8"], "search": "Observation"}}},
        "desk": {"host": HOST, "banner": BANNER, "codes_work_once": False},
        "quiet": {"default_s": 4.0, "by_modality_s": {"": 2.0}},
        "destinations": {"pacs": {}, "fhir": {}},
        "journal": {"anchors": ["anchors/anchors.jsonl", str(second_place(namespace))]},
    }


def _listening(ports: Ports) -> dict[str, dict[str, Any]]:
    return {
        "scp": {"port": ports.scp},
        "intake": {"port": ports.fhir},
        "desk": {"port": ports.desk},
    }


def _pacs(ports: Ports) -> dict[str, Any]:
    return {
        "aet": "PACS-DEMO",
        "host": HOST,
        "port": ports.pacs,
        "commitment_host": HOST,
        "commitment_port": ports.commitment,
    }


def add_people(parts: Parts) -> list[Reader]:
    """Add the fictitious people who are not there yet, let them endorse the models here, and return them all."""
    site = parts.settings.site
    readers = [
        Reader(
            login=login,
            name=name,
            role=role,
            professional_id=number,
            organisation=site.organisation,
            organisation_id=site.organisation_id,
        )
        for login, name, role, number in PEOPLE
    ]
    with parts.store("desk").reading() as unit:
        known = {account.reader.login for account in unit.accounts.all()}
    for reader in readers:
        if reader.login not in known:
            add_person(reader, PASSWORD, parts.sign_in)
    give_to_all(readers, parts, evidence="Démonstration : personne fictive, aucune formation")
    return readers
