"""What ``aval results show`` says of first reads: who thought what when, and who was shown what when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bridge.db.store import SqlUnit
from guarantee.codec import time_text
from guarantee.first_read import Draw, Exposure, Impression, Surface, independence
from guarantee.result import Result


def first_reads(result: Result, unit: SqlUnit) -> dict[str, Any]:
    """Return the draw, and for each reader the server's stamps; a note, which may be about a patient, is left out."""
    draw = unit.first_reads.draw(result.policy)
    openings = unit.first_reads.openings(result.id)
    said = {one.reader: one for one in unit.first_reads.impressions(result.id)}
    shown = unit.first_reads.exposures(result.id)
    signed = {one.statement.reader.login: one.statement.signed_at for one in unit.gate.opinions(result.id)}
    readers = sorted({*openings, *(one.reader for one in shown)})
    return {
        "draw": _draw(draw) if draw else None,
        "readers": [
            {
                "reader": reader,
                "drawn": draw is not None and draw.takes(result.id, reader),
                "opened_at": _text(openings.get(reader)),
                "impression": _impression(said[reader], unit) if reader in said else None,
                "revealed_at": _text(min((one.at for one in shown if _reveals(one, reader)), default=None)),
                "signed_at": _text(signed.get(reader)),
                "exposures": [
                    {"surface": str(one.surface), "shown": one.shown, "at": time_text(one.at)}
                    for one in shown
                    if one.reader == reader
                ],
            }
            for reader in readers
        ],
    }


def first_read_lines(read: dict[str, Any]) -> Sequence[str]:
    """Return the same as text."""
    lines = []
    for one in read["readers"]:
        said = one["impression"]
        steps = [
            f"opened {one['opened_at'][:19]}Z" if one["opened_at"] else "",
            f"said {said['word']} {said['at'][:19]}Z ({said['independence']})" if said else "",
            f"revealed {one['revealed_at'][:19]}Z" if one["revealed_at"] else "",
            f"signed {one['signed_at'][:19]}Z" if one["signed_at"] else "",
        ]
        first = "read first: " if one["drawn"] else ""
        lines.append(f"reader   {one['reader']}  {first}{', '.join(step for step in steps if step)}")
    return lines


def _draw(draw: Draw) -> dict[str, Any]:
    return {"policy": draw.policy, "share": draw.share, "seed": draw.seed, "seed_sha256": draw.commitment}


def _impression(said: Impression, unit: SqlUnit) -> dict[str, Any]:
    alone = independence(said, unit.first_reads.before(said))
    return {"id": said.id, "word": str(said.word), "at": time_text(said.at), "independence": str(alone)}


def _reveals(shown: Exposure, reader: str) -> bool:
    return shown.reader == reader and shown.surface is Surface.REVEAL


def _text(moment: datetime | None) -> str | None:
    return time_text(moment) if moment else None
