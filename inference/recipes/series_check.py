"""The recipe "series-check": do the pixels look like what the header calls them?

A series whose header says CT and whose pixels are an MR's is given to the wrong model, or read with the wrong window.
Four numbers of the whole volume are enough to tell: mean, standard deviation, minimum and maximum, in the values that
the Modality LUT gives.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from guarantee.content import Finding, KeyImage, Origin, Presence, Quantity
from guarantee.errors import NotEligible
from guarantee.inputs import Inputs, Volume
from guarantee.ports import Proposal
from inference.card import MODEL_FILE
from inference.recipes.series_parameters import SeriesCheck
from inference.recipes.wording import in_language, number
from inference.session import Session, require_probability, single


def propose(inputs: Inputs, parameters: SeriesCheck, sessions: Mapping[str, Session], language: str) -> Proposal:
    """Return whether the pixels of a volume look like its modality.

    Raises:
        NotEligible: "kind", "modality", "constant-image" or "pixels-not-finite".
        ModelFailed: "nonsense", or as Session.run.
    """
    if not isinstance(inputs, Volume):
        raise NotEligible("kind", "this model reads images, not a record")
    if inputs.modality not in {parameters.low, parameters.high}:
        raise NotEligible("modality", f"this model tells {parameters.low} from {parameters.high} alone")
    session = sessions[MODEL_FILE]
    likely_high = require_probability(single(session.run(**{session.inputs[0].name: statistics(inputs)})[0]))
    is_low = inputs.modality == parameters.low
    score = (likely_high if is_low else 1 - likely_high).quantize(parameters.score_step)
    threshold = parameters.threshold if is_low else 1 - parameters.threshold
    differs = score >= threshold  # judged on the rounded score that is shown
    pixels = parameters.high if is_low is differs else parameters.low
    probability = parameters.probability.rounded(100 * (score if differs else 1 - score))
    text = parameters.differs if differs else parameters.agrees
    return Proposal(
        findings=(_finding(score, threshold, probability, parameters),),
        segments=(),
        key_images=(_middle(inputs, parameters),),
        inputs=(),
        report=in_language(
            text, language, header=inputs.modality, pixels=pixels, probability=number(probability, language)
        ),
        cautions=(parameters.caution,) if differs else (),
    )


def statistics(volume: Volume) -> NDArray[np.float32]:
    """Return mean, standard deviation, minimum and maximum of all voxels; shape [1, 4].

    Raises:
        NotEligible: "pixels-not-finite", or "constant-image" when there is nothing to look at.
    """
    voxels = np.frombuffer(volume.voxels, dtype=volume.dtype)
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite((low, high)).all():
        raise NotEligible("pixels-not-finite", "some pixel values are not numbers")
    if low == high:
        raise NotEligible("constant-image", "the images show no contrast")
    mean = float(voxels.mean(dtype=np.float64))
    return np.array([[mean, float(voxels.std(dtype=np.float64)), low, high]], dtype=np.float32)


def _finding(score: Decimal, threshold: Decimal, probability: Decimal, parameters: SeriesCheck) -> Finding:
    """Return the contradiction: its score is the probability of the other modality than the header's."""
    measure, subject = parameters.probability, parameters.subject
    return Finding(
        key=subject.key,
        label=subject.label,
        category=subject.category,
        type=subject.type,
        presence=Presence.PRESENT if score >= threshold else Presence.ABSENT,
        site=subject.site,
        laterality=subject.laterality,
        score=score,
        threshold=threshold,
        quantities=(
            Quantity(
                concept=measure.concept,
                label=measure.label,
                value=probability,
                unit=measure.unit,
                origin=Origin.MODEL,
            ),
        ),
        segment=None,
        regions=(),
        origin=Origin.MODEL,
    )


def _middle(volume: Volume, parameters: SeriesCheck) -> KeyImage:
    image = volume.slices[len(volume.slices) // 2]
    return KeyImage(
        sop_class_uid=image.sop_class_uid,
        sop_instance_uid=image.sop_instance_uid,
        frame=1,
        label=parameters.middle_image,
    )
