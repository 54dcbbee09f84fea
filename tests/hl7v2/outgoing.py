"""Endorsed results on their way out by HL7v2: nobody here exists."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from bridge.vault import FileVault
from fhir_adapters.hl7v2.report import Hl7Renderer, Options
from guarantee.agreement import disagreement
from guarantee.ids import derive
from guarantee.opinion import Seal
from guarantee.ports import Endorsed, Rendered, Withdrawn
from guarantee.release import (
    Kind,
    Notice,
    Package,
    Part,
    Release,
    Rendering,
    Terms,
    Withdrawal,
    WithdrawalReason,
    release_id,
    withdrawal_id,
)
from tests.fhir.releases import minted
from tests.fhir.samples import RING, T0

OPTIONS = Options(
    name="dpi",
    application="AVAL",
    facility="CHU-X",
    receiving_application="DPI",
    receiving_facility="CHU-X",
    organisation="CHU de l'Exemple",
    patient_authority="CHU-X&1.2.250.1.999.1&ISO",
    report="both",
    mdm=True,
)
CODECS = {"8859/1": "latin-1", "8859/15": "iso8859-15", "UNICODE UTF-8": "utf-8"}


def renderer(vault: FileVault | None = None, **changes: Any) -> Hl7Renderer:
    return Hl7Renderer(replace(OPTIONS, **changes), vault.get if vault else lambda _: b"")


def rendered(original: Endorsed, **changes: Any) -> tuple[Rendered, ...]:
    """Return what leaves, after the check that every rendering passes before it is sealed."""
    mine = renderer(**changes)
    objects = tuple(mine.render(original))
    assert disagreement(mine.read_back(objects), original.content) is None
    return objects


def lines(data: bytes) -> list[list[str]]:
    """Return segments as lists of raw fields, split without our own reader."""
    charset = data.split(b"\r")[0].split(b"|")[17].decode()
    return [line.split("|") for line in data.decode(CODECS[charset]).split("\r") if line]


def rows(data: bytes, name: str) -> list[list[str]]:
    return [line for line in lines(data) if line[0] == name]


def judged(data: bytes) -> None:
    """Return when hl7apy, strict, has nothing to say. It takes ED.5 for ST, of 199 characters: 2.5 says TX."""
    text = "\r".join("|".join(line) for line in lines(data)) + "\r"
    parse_message(re.sub(r"JVBER[A-Za-z0-9+/=]+", "JVBERi0xLjQ=", text), VALIDATION_LEVEL.STRICT).validate()


def kept(objects: tuple[Rendered, ...], vault: FileVault) -> Package:
    parts = tuple(Part(name=o.name, media_type=o.media_type, uid=o.uid, digest=vault.put(o.data)) for o in objects)
    return Package(parts=parts)


def released(original: Endorsed, vault: FileVault, **changes: Any) -> Release:
    """Return the release of what was rendered, its bytes in the vault."""
    package = kept(rendered(original, **changes), vault)
    assert original.decision.content is not None
    terms = Terms(
        release=original.release,
        kind=Kind.RESULT,
        result=original.result.id,
        ground=original.decision.id,
        content=original.decision.content,
        renderings=(Rendering(destination="dpi", package=vault.put(package.to_bytes())),),
        at=T0,
    )
    return minted(terms, original, None)


def withdrawn(
    original: Endorsed,
    vault: FileVault,
    reason: WithdrawalReason = WithdrawalReason.WRONG_RESULT,
    comment: str = "mesure fausse",
    **changes: Any,
) -> tuple[Rendered, ...]:
    """Return what takes a release back."""
    notice = Notice(
        result=original.result.id, release=original.release, reason=reason, comment=comment, by="dr.martin", at=T0
    )
    seal: Seal = RING.seal(notice.to_bytes())
    said = Withdrawal(id=withdrawal_id(original.release), notice=notice, seal=seal)
    about = Withdrawn(
        release=release_id(said.id),
        notice=notice,
        original=original,
        package=kept(rendered(original, **changes), vault),
        reference="",
    )
    return tuple(renderer(vault, **changes).render_withdrawal(about))


def folder_vault(folder: Path) -> FileVault:
    return FileVault(folder / "vault")


def another(name: str) -> str:
    return derive("test", name)
