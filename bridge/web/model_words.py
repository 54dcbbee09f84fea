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

NONE: Final = N_("none")

GOLDEN_CASE: Final = N_("a golden case does not come out on this worker: %(failure)s")
"""Why a worker suspends a version, in the language of the site: every reader sees it above the worklist."""

INSUFFICIENT: Final = N_("insufficient n")
"""Printed instead of a figure on too few cases."""
