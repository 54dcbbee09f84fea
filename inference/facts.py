"""What a package is, part by part, as digests: what two versions are compared by (guarantee/revalidation.py)."""

from typing import Any, Final

from guarantee.canonical import Json, canonical
from guarantee.codec import to_plain
from guarantee.ids import Digest, digest
from guarantee.revalidation import Facet, Facts
from inference.card import GOLDEN_FILE, MODEL_FILE, Package

_FILES: Final = {
    MODEL_FILE: Facet.WEIGHTS,
    "preprocess.onnx": Facet.PREPROCESSING,
    "postprocess.onnx": Facet.POSTPROCESSING,
    GOLDEN_FILE: Facet.GOLDEN,
}


def facts(package: Package) -> Facts:
    """Return the digest of each part of ``package``."""
    card = package.card
    regulatory = card.regulatory
    settings, sentences = _parted(to_plain(package.parameters))
    conditions, reasons = _parted(to_plain(card.envelope))
    parts: dict[Facet, Json] = {
        Facet.IDENTITY: [str(card.kind), package.recipe, regulatory.status, regulatory.device_class, regulatory.udi],
        Facet.PURPOSE: to_plain(card.purpose),
        Facet.PARAMETERS: settings,
        Facet.INPUTS: [_plain(package.inputs), _plain(package.outputs), list[Json](sorted(map(str, card.needs)))],
        Facet.CONDITIONS: [conditions, str(card.burned_in), str(card.incomplete)],
        Facet.REVIEW: [card.policy, str(card.mode)],
        Facet.RUNTIME: [card.deadline_s, card.memory_mb, card.batch_most],
        Facet.TEXTS: [
            *(to_plain(card.label), to_plain(card.limits), to_plain(package.figures), to_plain(regulatory.statement)),
            *(card.manufacturer, card.licence, card.attribution, to_plain(tuple(card.objectives_s.items()))),
            *(sentences, reasons),
        ],
    }
    files: dict[Facet, Digest] = {_FILES[name]: found for name, found in package.files.items()}
    return Facts(model=card.model, parts={facet: digest(canonical(part)) for facet, part in parts.items()} | files)


def _plain(tensors: tuple[Any, ...]) -> Json:
    return [[tensor.name, tensor.dtype, [str(side) for side in tensor.shape]] for tensor in tensors]


def _parted(value: Json) -> tuple[Json, list[Json]]:
    """Return ``value`` without its sentences, and the sentences: what a card says in two languages."""
    if isinstance(value, dict) and value.keys() == {"fr", "en"}:
        return None, [value]
    if isinstance(value, dict):
        parted = {name: _parted(item) for name, item in value.items()}
        return {name: kept for name, (kept, _) in parted.items()}, [
            text for _, texts in parted.values() for text in texts
        ]
    if isinstance(value, list):
        many = [_parted(item) for item in value]
        return [kept for kept, _ in many], [text for _, texts in many for text in texts]
    return value, []
