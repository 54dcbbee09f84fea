"""What host and child say to each other, as headers and buffers (wire.py), read back strictly on either side."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from guarantee.canonical import Json
from guarantee.codec import from_plain, to_plain
from guarantee.content import Finding, KeyImage, Segment, Text, Used
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.inputs import Inputs, Record, Slice, Volume
from guarantee.mask import Mask
from guarantee.ports import Proposal, ProposedSegment
from guarantee.runs import Spent
from inference.view import View

Buffers: TypeAlias = Sequence[bytes | memoryview]

SPENT_US_MAX: Final = 10**12
"""Longest part of a run that is believed, in microseconds: eleven days, longer than any deadline."""


def write_inputs(view: View) -> tuple[dict[str, Json], Buffers]:
    """Return header and buffers of what a model may see. Floats travel as hexadecimal text: canonical JSON has none."""
    inputs = view.inputs
    if isinstance(inputs, Record):
        return {"record": to_plain(inputs)}, ()
    age = inputs.patient_age_years
    return {
        "volume": {
            "dtype": inputs.dtype,
            "shape": list(inputs.shape),
            "affine": [float(number).hex() for number in inputs.affine],
            "slices": [[s.sop_class_uid, s.sop_instance_uid] for s in inputs.slices],
            "modality": inputs.modality,
            "age": None if age is None else float(age).hex(),
        }
    }, (inputs.voxels,)


def read_together(plain: Sequence[Json]) -> list[Inputs]:
    """Return several records, each as :func:`write_inputs` wrote its header.

    Raises:
        Malformed: it did not write this.
    """
    return [read_inputs(one if isinstance(one, dict) else {}, ()) for one in plain]


def read_inputs(header: Mapping[str, Json], buffers: Sequence[memoryview]) -> Inputs:
    """Return what :func:`write_inputs` wrote.

    Raises:
        Malformed: it did not write this.
    """
    match header, buffers:
        case {"record": plain}, []:
            return from_plain(Record, plain)
        case {"volume": dict() as plain}, [voxels]:
            return _volume(plain, voxels)
    raise Malformed("inputs are a record, or a volume with its voxels")


def _volume(plain: Mapping[str, Any], voxels: memoryview) -> Volume:
    try:
        slices, rows, columns = (int(length) for length in plain["shape"])
        return Volume(
            voxels=voxels,
            dtype=plain["dtype"],
            shape=(slices, rows, columns),
            affine=tuple(float.fromhex(number) for number in plain["affine"]),
            slices=tuple(Slice(sop_class_uid=kind, sop_instance_uid=uid) for kind, uid in plain["slices"]),
            modality=plain["modality"],
            patient_age_years=None if plain["age"] is None else float.fromhex(plain["age"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"a volume is not written like this ({type(error).__name__})") from error


def write_proposal(proposal: Proposal) -> tuple[dict[str, Json], Buffers]:
    """Return header and buffers of ``proposal``; each mask is a buffer, named in the header by its digest."""
    masks = [segment.mask.to_bytes() for segment in proposal.segments]
    segments = [
        Segment(number=s.number, label=s.label, category=s.category, type=s.type, mask=digest(mask))
        for s, mask in zip(proposal.segments, masks, strict=True)
    ]
    return {
        "findings": to_plain(proposal.findings),
        "segments": to_plain(tuple(segments)),
        "key_images": to_plain(proposal.key_images),
        "inputs": to_plain(proposal.inputs),
        "report": proposal.report,
        "cautions": to_plain(proposal.cautions),
        "spent_us": _write_spent(proposal.spent),
    }, masks


def read_proposal(header: Mapping[str, Json], buffers: Sequence[memoryview], view: View) -> Proposal:
    """Return the proposal that a child wrote about ``view``, with the real names of images, sources and times.

    Raises:
        Malformed: not a proposal, or one about other inputs than those it was given.
    """
    if header.keys() != {"findings", "segments", "key_images", "inputs", "report", "cautions", "spent_us"}:
        raise Malformed(f"a proposal does not have the parts {json.dumps(sorted(header))[:200]}")
    segments = _many(Segment, header["segments"])
    if len(segments) != len(buffers):
        raise Malformed(f"{len(segments)} segments and {len(buffers)} masks")
    report = header["report"]
    if not isinstance(report, str):
        raise Malformed("the report is text")
    proposal = Proposal(
        findings=_many(Finding, header["findings"]),
        segments=tuple(_segment(s, bytes(b)) for s, b in zip(segments, buffers, strict=True)),
        key_images=_many(KeyImage, header["key_images"]),
        inputs=_many(Used, header["inputs"]),
        report=report,
        cautions=_many(Text, header["cautions"]),
        spent=_read_spent(header["spent_us"]),
    )
    _require_same_images(proposal, view.inputs)
    return view.restore(proposal)


def _write_spent(spent: Spent | None) -> Json:
    if spent is None:
        return None
    return [round(part * 1_000_000) for part in (spent.preprocess_s, spent.predict_s, spent.postprocess_s)]


def _read_spent(plain: Json) -> Spent | None:
    match plain:
        case None:
            return None
        case [int(before), int(within), int(after)] if max(before, within, after) <= SPENT_US_MAX:
            return Spent(preprocess_s=before / 1e6, predict_s=within / 1e6, postprocess_s=after / 1e6)
    raise Malformed("how long a run took is three numbers of microseconds")


def _segment(segment: Segment, data: bytes) -> ProposedSegment:
    if digest(data) != segment.mask:
        raise Malformed(f"the mask of segment {segment.number} is not the one its digest names")
    mask = Mask.from_bytes(data)
    return ProposedSegment(
        number=segment.number, label=segment.label, category=segment.category, type=segment.type, mask=mask
    )


def _require_same_images(proposal: Proposal, inputs: Inputs) -> None:
    slices = inputs.slices if isinstance(inputs, Volume) else ()
    known = {(s.sop_class_uid, s.sop_instance_uid) for s in slices}
    frames = tuple(s.sop_instance_uid for s in slices)
    if any(segment.mask.grid.frames != frames for segment in proposal.segments):
        raise Malformed("a mask lies on other images than those that were given")
    if any((image.sop_class_uid, image.sop_instance_uid) not in known for image in proposal.key_images):
        raise Malformed("a key image is not one of the images that were given")


def _many(kind: type[Any], plain: Json) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise Malformed(f"a list of {kind.__name__} was expected")
    return tuple(from_plain(kind, item) for item in plain)
