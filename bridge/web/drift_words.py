"""What the page on drift says of features, bins and verdicts, in words."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

from bridge.drift import N_MIN as N_MIN  # noqa: PLC0414 - the page says it
from bridge.drift import ROUNDS, Bin, Side, Verdict
from bridge.web.drift import COUNTS as COUNTS  # noqa: PLC0414 - likewise
from bridge.web.drift import drawn as drawn  # noqa: PLC0414 - likewise
from bridge.web.drift import strongest as strongest  # noqa: PLC0414 - likewise
from bridge.web.i18n import N_, Language
from bridge.web.monitoring_words import NO_BREAK, OUTCOMES
from bridge.web.words import CAUSES, PRESENCES

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.STEADY: N_("nothing stands out"),
    Verdict.LOOK: N_("to be looked at"),
    Verdict.FEW: N_("insufficient n"),
}

SIDES: Final[Mapping[Side, str]] = {Side.INPUT: N_("Model input"), Side.OUTPUT: N_("Model output")}

GROUPS: Final[Mapping[str, str]] = {
    "": N_("all together"),
    "site": N_("Site"),
    "sender": N_("Sender"),
    "scanner": N_("Device"),
}

MODES: Final[Mapping[str, str]] = {"care": N_("in care"), "shadow": N_("shadow")}

FEATURES: Final[Mapping[str, str]] = {
    "modality": N_("Modality"),
    "manufacturer": N_("Manufacturer"),
    "device": N_("Device"),
    "sequence": N_("Sequence"),
    "slice-thickness": N_("Slice thickness (mm)"),
    "field-strength": N_("Field strength (T)"),
    "slices": N_("Slices"),
    "rows": N_("Rows"),
    "columns": N_("Columns"),
    "row-spacing": N_("Spacing of rows (mm)"),
    "column-spacing": N_("Spacing of columns (mm)"),
    "slice-spacing": N_("Spacing of slices (mm)"),
    "age-band": N_("Age, by decade"),
    "sex": N_("Sex"),
    "readings": N_("Readings in the record"),
    "outcome": N_("How it ended"),
    "findings-present": N_("Findings present"),
}

FAMILIES: Final[Mapping[str, str]] = {
    "reading": N_("Reading: %(what)s"),
    "presence": N_("Presence: %(what)s"),
    "score": N_("Score: %(what)s"),
    "quantity": N_("Quantity: %(what)s"),
}
"""Features that are named after something of the card."""

_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "outcome": {**OUTCOMES, **CAUSES},
    "presence": {str(presence): said for presence, said in PRESENCES.items()},
}
"""Words that have a meaning here; any other word is said by a header."""

OTHER: Final = N_("others, too rare to be told apart")
MISSING: Final = N_("missing")


def feature(name: str, language: Language) -> str:
    """Return what a feature is called."""
    family, colon, what = name.partition(":")
    if colon and family in FAMILIES:
        return language.text(FAMILIES[family], what=what)
    return language.text(FEATURES[name]) if name in FEATURES else name


def bin_words(one: Bin, name: str, language: Language) -> str:
    """Return what lies in a bin of the feature ``name``."""
    if one.kind == "range":
        ends = [figure(end, language) for end in (one.low, one.high)]
        return ends[0] if ends[0] == ends[1] else language.text(N_("%(low)s to %(high)s"), low=ends[0], high=ends[1])
    if one.kind == "word":
        return language.text(_VALUES.get(name.partition(":")[0], {}).get(one.word, one.word))
    return language.text(OTHER if one.kind == "other" else MISSING)


def figure(value: float, language: Language) -> str:
    """Return a number with the four digits that are kept of it."""
    return language.number(Decimal(f"{value:.4g}"))


def ratio(value: float, language: Language) -> str:
    """Return a distance, to three decimal places."""
    return language.number(Decimal(value).quantize(Decimal("0.001")))


def quantile(share: float, language: Language) -> str:
    """Return a quantile as a percentage; above the last permutation there is only "more than"."""
    most = Decimal(ROUNDS - 1) / ROUNDS
    shown = min(Decimal(share), most) * 100
    text = f"{language.number(shown.quantize(Decimal('0.01'), ROUND_DOWN))}{NO_BREAK}%"
    return f">{NO_BREAK}{text}" if share > most else text
