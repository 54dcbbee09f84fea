"""What a card sets for the recipe "series-check"."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from guarantee.card import Trait
from guarantee.case import CaseKind
from guarantee.codec import decimal_text
from guarantee.content import Text
from guarantee.errors import Malformed
from inference.recipes.parameters import Measure, Subject, require_placeholders, require_step


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCheck:
    """Parameters of the recipe "series-check". The model's first output is the probability of ``high``.

    Args:
        low, high: the two modalities that are told apart (0008,0060).
        threshold: probability from which the pixels count as ``high``, and as contradicting a header that says ``low``.
        score_step: precision of the probability that they contradict.
        subject: the contradiction.
        probability: of what the pixels look like, in %.
        agrees, differs: text of the report; placeholders {header}, {pixels}, {probability}.
        caution: what the reader is told beside a contradiction.
        middle_image: label of the one key image.
    """

    low: str
    high: str
    threshold: Decimal
    subject: Subject
    probability: Measure
    agrees: Text
    differs: Text
    caution: Text
    middle_image: Text
    score_step: Decimal = Decimal("0.001")

    def __post_init__(self) -> None:
        if self.low == self.high or not 0 < self.threshold < 1:
            raise Malformed("two modalities are told apart, at a threshold between 0 and 1")
        if self.probability.unit.code != "%":
            raise Malformed("the probability is given in %")
        require_step(self.score_step)
        for text in (self.agrees, self.differs):
            require_placeholders(text, {"header", "pixels", "probability"})

    @property
    def kind(self) -> CaseKind:
        """What it reads."""
        return CaseKind.STUDY

    @property
    def needs(self) -> frozenset[Trait]:
        """It holds the pixels against what the header calls them."""
        return frozenset({Trait.MODALITY})

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
        """Nothing besides the model."""
        return frozenset()

    @property
    def thresholds(self) -> Mapping[str, str]:
        """As the reader sees them on the card."""
        return {"contradiction": decimal_text(self.threshold)}
