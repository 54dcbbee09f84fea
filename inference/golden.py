"""Golden cases: synthetic inputs whose answer is known, run through the same limited child as a patient's.

They answer one question, at the start and every day: does this machine, with this ONNX Runtime and this provider, still
say what was said when the package was made? Tolerances are in the case: convolutions on another processor differ in the
last bits.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from guarantee.content import Presence
from guarantee.errors import ModelFailed, NotEligible, Unavailable
from guarantee.ids import Digest, digest
from guarantee.inputs import Coded, Inputs, Reading, Record, Slice, Volume
from guarantee.ports import Proposal
from inference import form
from inference.card import GOLDEN_FILE, Package
from inference.errors import PackageRefused
from inference.host import ModelHost
from inference.options import Options

T = TypeVar("T")

CASES_MAX: Final = 20
"""Most golden cases of a package: they are run at start-up, and people wait for it."""

AT: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the readings of a golden record are gathered; each was taken an hour before."""

MR_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head made of ellipsoids: scalp, skull, fluid and a brain of two tissues, with a little structure.

    Args:
        shape: slices, rows, columns.
        spacing_mm: along the same.
        brain_mm: half-axes of the brain: to the right, to the front, to the head; (0, 0, 0) leaves an empty shell.
        tilt_degrees: rotation of the images about the patient's left-right axis.
        offset: added to every voxel; -1000 makes air what it is in a CT.
        modality: what the header calls it.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[Decimal, ...]
    brain_mm: tuple[Decimal, ...]
    tilt_degrees: Decimal = Decimal(0)
    offset: int = 0
    modality: str = "MR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A record.

    Args:
        readings: LOINC code, value, UCUM unit, one line each, e.g. "8867-4 92 /min".
    """

    age_years: Decimal | None
    readings: tuple[str, ...]
    sex: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come out.

    Args:
        not_eligible: code of the refusal; None when there is an answer.
        value, tolerance: of the first quantity; None when there is none.
    """

    not_eligible: str | None = None
    presence: Presence | None = None
    value: Decimal | None = None
    tolerance: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One golden case: a head or a record, and what must come out."""

    name: str
    expect: Expected
    head: Head | None = None
    record: Values | None = None

    def inputs(self) -> Inputs:
        """Return the model's inputs."""
        if self.head is not None:
            return head(self.head)
        if self.record is not None:
            return record(self.record)
        raise PackageRefused(f"golden case {self.name!r} has neither a head nor a record")


def cases(package: Package) -> tuple[Case, ...]:
    """Return the golden cases of ``package``.

    Raises:
        PackageRefused: the file is not a list of cases.
    """
    if GOLDEN_FILE not in package.files:
        return ()
    try:
        plain = json.loads(package.read(GOLDEN_FILE), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise PackageRefused(f"{package.folder.name}/{GOLDEN_FILE}: not JSON") from error
    found = form.read(tuple[Case, ...], plain, GOLDEN_FILE)
    if len(found) > CASES_MAX:
        raise PackageRefused(f"{package.folder.name}/{GOLDEN_FILE}: at most {CASES_MAX} cases")
    return found


def fingerprint(package: Package) -> Digest:
    """Return the digest of the golden cases of ``package``; that of nothing when it has none."""
    return package.files.get(GOLDEN_FILE, digest(b""))


def failures(packages: Sequence[Package], options: Options) -> list[str]:
    """Return which golden cases of ``packages`` do not come out as they must, one sentence each."""
    held = {package.card.model.id: package for package in packages}
    found: list[str] = []
    with ModelHost(_Held(held), options) as host:
        for package in packages:
            try:
                found.extend(f"{package.card.model.id}, {wrong}" for wrong in _failing(package, host))
            except Unavailable as error:
                found.append(str(error))
    return found


def failure(package: Package, host: ModelHost) -> str | None:
    """Return the first golden case of ``package`` that does not come out of ``host`` as it must; None when all do.

    Raises:
        Unavailable: nothing could be run, which says nothing about the model.
    """
    return next(_failing(package, host), None)


def _failing(package: Package, host: ModelHost) -> Iterator[str]:
    for case in cases(package):
        wrong = _wrong(case, package, host)
        if wrong is not None:
            yield f"golden case {case.name!r}: {wrong}"
    if package.card.batch_most > 1:
        yield from _failing_together(package, host)


class _Held:
    """Packages by id, as a host wants them."""

    def __init__(self, packages: Mapping[str, Package]) -> None:
        self._packages = packages

    def package(self, model_id: str) -> Package | None:
        """Return the package, or None."""
        return self._packages.get(model_id)


def _failing_together(package: Package, host: ModelHost) -> Iterator[str]:
    """Yield what does not come out of runs of several cases, as many as the card allows, each case in one at least.

    A graph that lets one row depend on another answers each case rightly when it is alone.
    """
    known, most = cases(package), package.card.batch_most
    if len({case.expect for case in known if case.expect.not_eligible is None}) < 2:
        yield "batch: two golden cases with different answers are needed to show that cases do not mix"
        return
    row = list(islice(cycle(known), max(len(known), most)))
    for first in range(0, len(row), most):
        some = row[first : first + most]
        try:
            answers = _run_together(some, package, host)
        except ModelFailed as error:
            yield f"golden cases in one run: {error}"
            continue
        for case, answer in zip(some, answers, strict=True):
            wrong = _judged(case.expect, answer)
            if wrong is not None:
                yield f"golden case {case.name!r} in one run with others: {wrong}"


def _run_together(some: Sequence[Case], package: Package, host: ModelHost) -> Sequence[Proposal | NotEligible]:
    many = [case.inputs() for case in some]
    return _twice(lambda: host.run_together(package.card, many))


def _wrong(case: Case, package: Package, host: ModelHost) -> str | None:
    inputs = case.inputs()
    try:
        answer: Proposal | NotEligible = _twice(lambda: host.run(package.card, inputs))
    except NotEligible as refusal:
        answer = refusal
    except ModelFailed as error:
        return str(error)
    return _judged(case.expect, answer)


def _twice(run: Callable[[], T]) -> T:
    """Run, a second time when it fails: a busy machine or a killed process must not suspend a model."""
    try:
        return run()
    except ModelFailed:
        return run()


def _judged(expect: Expected, answer: Proposal | NotEligible) -> str | None:
    if isinstance(answer, NotEligible):
        return None if answer.code == expect.not_eligible else f"refused as {answer.code}"
    return _difference(expect, answer)


def _difference(expect: Expected, proposal: Proposal) -> str | None:
    if expect.not_eligible is not None:
        return f"answered; {expect.not_eligible} was expected"
    (finding,) = proposal.findings
    if finding.presence is not expect.presence:
        return f"says {finding.presence}, not {expect.presence}"
    values = [quantity.value for quantity in finding.quantities]
    if expect.value is None:
        return None if not values else f"gives {values[0]}, no number was expected"
    if not values or abs(values[0] - expect.value) > expect.tolerance:
        return f"gives {[str(value) for value in values]}, {expect.value} ± {expect.tolerance} was expected"
    return None


def record(values: Values) -> Record:
    """Return the record that ``values`` describe."""
    readings = []
    for number, line in enumerate(values.readings):
        code, value, unit = line.split(" ")
        coded = Coded(code=code, scheme="LN", meaning=code)
        taken_at = AT - timedelta(hours=1)
        reading = Reading(
            code=coded, value=Decimal(value), unit=unit, taken_at=taken_at, source=f"Observation/{number}"
        )
        readings.append(reading)
    return Record(readings=tuple(readings), age_years=values.age_years, sex=values.sex, at=AT)


def head(said: Head) -> Volume:
    """Return the volume that ``said`` describes: int16, axial images when not tilted, centred on the origin."""
    places = _places(said)
    brain = np.array([float(axis) for axis in said.brain_mm])
    shell = np.where(brain > 0, brain, 70.0)
    slices, rows, columns = said.shape
    voxels = np.zeros((slices, rows, columns), dtype=np.int16)
    for extra_mm, brightness in ((14.0, 700), (8.0, 60), (3.0, 120)):  # scalp, skull, fluid
        voxels[_inside(places, shell + extra_mm)] = brightness
    if brain.all():
        cortex = _inside(places, brain)
        waves = 40 * np.sin(places[0] / 4) * np.sin(places[1] / 5) * np.sin(places[2] / 4.5)
        voxels[cortex] = (380 + waves[cortex]).astype(np.int16)
        voxels[_inside(places, brain - 12)] = 520
        voxels[_inside(places, brain * np.array([0.12, 0.3, 0.15]))] = 120  # ventricles
    return Volume(
        voxels=(voxels + np.int16(said.offset)).tobytes(),
        dtype="<i2",
        shape=(slices, rows, columns),
        affine=tuple(float(number) for number in _affine(said).ravel()),
        slices=tuple(Slice(sop_class_uid=MR_IMAGE, sop_instance_uid=f"2.25.{1 + index}") for index in range(slices)),
        modality=said.modality,
        patient_age_years=50.0,
    )


def _affine(said: Head) -> NDArray[np.float64]:
    """Return (column, row, slice) to LPS: columns to the left, rows to the back, slices to the head, then tilted."""
    angle = np.deg2rad(float(said.tilt_degrees))
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    steps = np.diag([float(step) for step in reversed(said.spacing_mm)])
    affine = np.eye(4)
    affine[:3, :3] = turn @ steps
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(said.shape[::-1]) - 1) / 2)
    return affine


def _places(said: Head) -> NDArray[np.float64]:
    """Return [3, slices, rows, columns]: how far each voxel lies to the right, front and head, in mm."""
    indices = np.indices(said.shape)[::-1].reshape(3, -1)
    affine = _affine(said)
    lps = affine[:3, :3] @ indices + affine[:3, 3:]
    return np.asarray((np.diag([-1.0, -1.0, 1.0]) @ lps).reshape(3, *said.shape))


def _inside(places: NDArray[np.float64], half_axes: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.square(places / half_axes.reshape(3, 1, 1, 1)).sum(axis=0) <= 1)
