"""What a card sets for its recipe. Read by the parent too, so nothing heavy is imported here."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from guarantee.card import Trait
from guarantee.case import CaseKind
from guarantee.codec import decimal_text
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.inputs import Coded

GRID_SIZE_MAX: Final = 512
"""Longest side of a sampling grid, in voxels. 512 is 0.5 GB of float32; the shipped model uses 256."""

KEY_IMAGES_MAX: Final = 9
"""Most key images of one draft. A reader looks at each."""

FEATURES_MAX: Final = 500
"""Most inputs of a record model. Each is a line that a reader sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a finding is about.

    Args:
        key, label, category, type, site, laterality: as in guarantee.content.Finding.
    """

    key: str
    label: Text
    category: Coded
    type: Coded
    site: Coded | None = None
    laterality: Coded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that the model gives.

    Args:
        step: precision that is meant, e.g. 0.1; values are rounded to it, half to even.
    """

    concept: Coded
    label: Text
    unit: Coded
    step: Decimal

    def __post_init__(self) -> None:
        require_step(self.step)

    def rounded(self, value: Decimal) -> Decimal:
        """Return ``value`` to the precision that is meant."""
        return value.quantize(self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCautions:
    """What is said when a mask deserves doubt.

    Args:
        absent: nothing was found.
        border: the mask touches the edge of the images or of the grid, so the volume may be cut off.
        age_unknown: the header says no age; "" as text is not allowed, so None when the model has no age limit.
    """

    absent: Text
    border: Text
    age_unknown: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMask:
    """Parameters of the recipe "volume-mask".

    Args:
        grid_mm: spacing of the sampling grid.
        grid_size: voxels along each side; the grid is a cube centred on the volume.
        pool: voxels averaged along each axis before the model; the model's side is grid_size / pool.
        ceiling_quantile: brightness above this quantile of the positive voxels is cut to it.
        threshold: probability above which a voxel belongs to the structure.
        extent_min_mm: shortest side of a volume that can show the structure at all.
        volume_min_ml: below this the structure counts as absent.
        key_images: how many, at least 1.
        present, absent: text of the report; placeholder {volume}.
        key_image, middle_image: labels of the key images, and of the middle slice when nothing was found.
    """

    grid_mm: Decimal
    grid_size: int
    pool: int
    ceiling_quantile: Decimal
    threshold: Decimal
    extent_min_mm: Decimal
    volume_min_ml: Decimal
    key_images: int
    subject: Subject
    volume: Measure
    present: Text
    absent: Text
    key_image: Text
    middle_image: Text
    cautions: VolumeCautions

    def __post_init__(self) -> None:
        if self.pool < 1 or self.grid_size < 2 * self.pool or self.grid_size % (2 * self.pool):
            raise Malformed(
                "grid_size is a multiple of twice pool: the grid is sampled in slabs of at least two planes"
            )
        if self.grid_size > GRID_SIZE_MAX or self.grid_mm <= 0:
            raise Malformed(f"grid_size is at most {GRID_SIZE_MAX} and grid_mm is positive")
        if not (0 < self.threshold < 1 and 0 < self.ceiling_quantile <= 1):
            raise Malformed("threshold lies between 0 and 1; ceiling_quantile may be 1")
        if not 1 <= self.key_images <= KEY_IMAGES_MAX:
            raise Malformed(f"between 1 and {KEY_IMAGES_MAX} key images")
        if self.extent_min_mm <= 0 or self.volume_min_ml <= 0:
            raise Malformed("extent_min_mm and volume_min_ml are positive: nothing found must be said, not guessed")
        require_placeholders(self.present, {"volume"})
        require_placeholders(self.absent, set())

    @property
    def kind(self) -> CaseKind:
        """What it reads."""
        return CaseKind.STUDY

    @property
    def needs(self) -> frozenset[Trait]:
        """What it must be told of the patient: an age, to say that it is unknown."""
        return frozenset() if self.cautions.age_unknown is None else frozenset({Trait.AGE})

    @property
    def readings(self) -> frozenset[tuple[str, str]]:
        """It reads no record."""
        return frozenset()

    @property
    def outputs(self) -> frozenset[str]:
        """It names no output."""
        return frozenset()

    @property
    def files(self) -> frozenset[str]:
        """What the package holds besides the model: how to sample the images, and how to map the mask back."""
        return frozenset({"preprocess.onnx", "postprocess.onnx"})

    @property
    def thresholds(self) -> Mapping[str, str]:
        """As the reader sees them on the card."""
        return {"mask": decimal_text(self.threshold)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Under which codes and in which unit a reading is understood: (value - subtract) x multiply / divide.

    Args:
        codes: LOINC.
        unit: UCUM, exactly as sent.
    """

    codes: tuple[str, ...]
    unit: str
    subtract: Decimal = Decimal(0)
    multiply: Decimal = Decimal(1)
    divide: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not self.codes or not self.unit:
            raise Malformed("an accepted reading has at least one LOINC code and a UCUM unit")
        if self.multiply <= 0 or self.divide <= 0:
            raise Malformed(f"{self.unit}: a conversion multiplies and divides by positive numbers")

    def convert(self, value: Decimal) -> Decimal:
        """Return ``value`` in the model's unit."""
        return (value - self.subtract) * self.multiply / self.divide


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a record model.

    Args:
        name: in this card.
        code: LOINC, shown when there is no value.
        unit: UCUM, the model's own.
        minimum, maximum: plausible values in ``unit``, inclusive; outside them a reading counts as missing.
        fresh_s: oldest reading used, in seconds before the record was gathered; 0 for a trait.
        accepts: readings that are understood; () for a trait, which the record says of the patient.
        trait: which one, where ``accepts`` is (); the sex is 1 for male and 0 for female, and unknown otherwise.
    """

    name: str
    label: Text
    code: Coded
    unit: str
    minimum: Decimal
    maximum: Decimal
    fresh_s: int = 0
    accepts: tuple[Accepted, ...] = ()
    trait: Trait = Trait.AGE

    def __post_init__(self) -> None:
        if self.minimum >= self.maximum:
            raise Malformed(f"feature {self.name}: the plausible minimum is below the maximum")
        if bool(self.accepts) != (self.fresh_s > 0):
            raise Malformed(f"feature {self.name}: readings have an age limit, the patient's traits have none")
        units = [(code, row.unit) for row in self.accepts for code in row.codes]
        if len(units) != len(set(units)):
            raise Malformed(f"feature {self.name}: a code with a unit is converted in one way")

    @property
    def is_trait(self) -> bool:
        """Whether this is the patient's age or sex."""
        return not self.accepts


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """Another number of the same finding.

    Args:
        output: of the model, and the placeholder in the report.
        factor: the number is that output times this one.
    """

    output: str
    measure: Measure
    factor: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Where an equation ends: outside it, what it computed on the way says that the patient is not one it is for.

    Args:
        output: of the model.
        minimum: inclusive.
        below: exclusive.
        code: of the refusal.
    """

    output: str
    minimum: Decimal
    below: Decimal
    code: str

    def __post_init__(self) -> None:
        if self.minimum >= self.below:
            raise Malformed(f"bound on {self.output}: its minimum is below its end")

    def holds(self, value: Decimal) -> bool:
        """Return whether ``value`` is inside."""
        return self.minimum <= value < self.below


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingCautions:
    """What is said when a reading was there and was not used; placeholder {features}."""

    missing: Text
    implausible: Text
    stale: Text
    unit: Text
    future: Text

    def __post_init__(self) -> None:
        for text in (self.missing, self.implausible, self.stale, self.unit, self.future):
            require_placeholders(text, {"features"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsScore:
    """Parameters of the recipe "readings-score". The model's first output is the probability.

    Args:
        features: in the order of the model's input.
        required: names of features without which the model does not run.
        readings_min: how many of the others it needs.
        future_s: how far a reading may lie in the future (clocks differ) and still count as now.
        threshold: probability from which the finding is present; None when the card sets none.
        score_step: precision of the score shown with the threshold.
        report: text; placeholders {probability}, {used}, {total}, {missing}, and each further output.
        none_missing: what {missing} says when nothing is.
        further: other numbers of the same finding.
        bounds: on outputs; a case outside is not eligible.
    """

    features: tuple[Feature, ...]
    required: tuple[str, ...]
    readings_min: int
    future_s: int
    subject: Subject
    probability: Measure
    report: Text
    none_missing: Text
    cautions: ReadingCautions
    threshold: Decimal | None = None
    score_step: Decimal = Decimal("0.001")
    further: tuple[Further, ...] = ()
    bounds: tuple[Bound, ...] = ()

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        if not 0 < len(names) <= FEATURES_MAX or len(names) != len(set(names)):
            raise Malformed(f"between 1 and {FEATURES_MAX} features, each with its own name")
        if not set(self.required) <= set(names) or self.readings_min < 0:
            raise Malformed("required features exist, and readings_min is not negative")
        if self.readings_min > len(names) - len(set(self.required)):
            raise Malformed("readings_min asks for more readings than there are")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise Malformed("threshold lies between 0 and 1")
        if self.future_s < 0 or self.probability.unit.code != "%":
            raise Malformed("future_s is not negative, and the probability is given in %")
        require_step(self.score_step)
        further = {one.output for one in self.further}
        if len(further) != len(self.further) or further & _REPORTED:
            raise Malformed("a further number is the model's output of a name of its own")
        require_placeholders(self.report, _REPORTED | further)

    @property
    def kind(self) -> CaseKind:
        """What it reads."""
        return CaseKind.RECORD

    @property
    def needs(self) -> frozenset[Trait]:
        """What it must be told of the patient."""
        return frozenset(feature.trait for feature in self.features if feature.is_trait)

    @property
    def readings(self) -> frozenset[tuple[str, str]]:
        """LOINC code and UCUM unit of every reading it understands."""
        rows = [row for feature in self.features for row in feature.accepts]
        return frozenset((code, row.unit) for row in rows for code in row.codes)

    @property
    def outputs(self) -> frozenset[str]:
        """Outputs of the model that it names."""
        return frozenset(one.output for one in self.further) | {bound.output for bound in self.bounds}

    @property
    def files(self) -> frozenset[str]:
        """Nothing besides the model."""
        return frozenset()

    @property
    def thresholds(self) -> Mapping[str, str]:
        """As the reader sees them on the card."""
        return {} if self.threshold is None else {"present": decimal_text(self.threshold)}


_REPORTED: Final = {"probability", "used", "total", "missing"}
"""What every report of a score may say."""


def require_placeholders(text: Text, names: set[str]) -> None:
    """Return when both languages use exactly the placeholders ``names``, each written {name}.

    Raises:
        Malformed: one is missing, unknown, or carries a format of its own.
    """
    for language in (text.fr, text.en):
        found = {part.split("}")[0] for part in language.split("{")[1:]}
        if found != names or language.count("{") != language.count("}"):
            raise Malformed(f"a text uses the placeholders {sorted(found)}, not {sorted(names)}: {language[:60]!r}")


def require_step(step: Decimal) -> None:
    """Return when ``step`` is a power of ten.

    Raises:
        Malformed: it is not.
    """
    if step <= 0 or step.as_tuple().digits != (1,):
        raise Malformed(f"a precision is a power of ten such as 0.1, not {step}")
