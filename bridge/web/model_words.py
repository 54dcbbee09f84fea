"""What is said of model versions outside a page: on a terminal, and in the reason that a worker gives for a stop."""

from collections.abc import Mapping
from typing import Final

from bridge.web.i18n import N_

STATES: Final[Mapping[str, str]] = {
    "routed": N_("in use"),
    "canary": N_("tried, for a share of the cases"),
    "shadow": N_("tried in shadow mode"),
    "installed": N_("installed, gets no work"),
    "stopped": N_("stopped"),
    "retired": N_("retired"),
}

PARTS: Final[Mapping[str, str]] = {
    "state": N_("Where it stands"),
    "stage": N_("Stage of its life"),
    "lines": N_("Who signed for its stages"),
    "origin": N_("Signature of the package"),
    "change": N_("What it changes"),
    "revalidation": N_("Must be shown again"),
    "routes": N_("Routes that use it"),
    "purpose": N_("Intended purpose"),
    "limits": N_("Limits"),
    "when": N_("Conditions of use"),
    "status": N_("Regulatory status"),
    "maker": N_("Manufacturer"),
    "figures": N_("Measured by the manufacturer"),
    "thresholds": N_("Thresholds"),
    "policy": N_("Review policy"),
    "needs": N_("Is also told"),
    "limits_of_a_run": N_("One run"),
    "golden": N_("Golden cases"),
    "digests": N_("SHA-256 digests"),
    "licence": N_("Licence and origin"),
}

STAGES: Final[Mapping[str, str]] = {
    "idea": N_("idea: it is not run"),
    "framing": N_("framing: it is not run"),
    "poc": N_("proof of concept: shadow results only"),
    "shadow": N_("shadow mode: shadow results only"),
    "pilot": N_("pilot"),
    "routine": N_("routine"),
    "suspended": N_("suspended"),
    "retired": N_("retired"),
}

ORIGINS: Final[Mapping[str, str]] = {
    "shipped": N_("shipped with Aval"),
    "signed": N_("signed by %(publisher)s, key %(key)s"),
    "unknown-key": N_("not by anybody trusted here: key %(key)s"),
    "unsigned": N_("none: nobody answers for where this package comes from"),
}

FACETS: Final[Mapping[str, str]] = {
    "identity": N_("kind, recipe or regulatory status"),
    "purpose": N_("intended purpose"),
    "weights": N_("weights"),
    "preprocessing": N_("pre-processing"),
    "postprocessing": N_("post-processing"),
    "parameters": N_("threshold or other parameters"),
    "inputs": N_("inputs or outputs"),
    "conditions": N_("conditions of use"),
    "review": N_("review policy or mode"),
    "runtime": N_("time or memory of a run"),
    "golden": N_("golden cases"),
    "texts": N_("texts"),
}

LEVELS: Final[Mapping[str, str]] = {
    "none": N_("nothing: no part is another"),
    "texts": N_("the texts are read by those who answer for the model"),
    "golden": N_("its golden cases come out on the machines that run it"),
    "own-cases": N_("it is validated on the hospital’s own cases"),
    "new-model": N_("it is framed and validated as a model that nobody here knows"),
}

SINCE: Final = N_("since %(version)s: %(parts)s")

NONE: Final = N_("none")

GOLDEN_CASE: Final = N_("a golden case does not come out on this worker: %(failure)s")
"""Why a worker suspends a version, in the language of the site: every reader sees it above the worklist."""

TRIGGERS: Final[Mapping[str, str]] = {
    "wrong-patient": N_("suspended by itself: a reader rejected a result for the wrong patient"),
    "rejections": N_("suspended by itself: %(many)s results rejected in %(hours)s h"),
    "failures": N_("suspended by itself: %(failed)s of the last %(runs)s runs failed"),
    "discordances": N_("suspended by itself: %(many)s serious discordances reported in %(days)s days"),
    "discordance": N_("suspended with incident %(incident)s: a discordance of grade %(grade)s was reported"),
}
"""Why a version is suspended by what the site set (flows/holds.py), in the language of the site."""

INSUFFICIENT: Final = N_("insufficient n")
"""Printed instead of a figure on too few cases."""
