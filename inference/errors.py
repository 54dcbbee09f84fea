"""What can be wrong with a model package. What goes wrong in a run is in guarantee.errors (ModelFailed, NotEligible).

InferenceError
├── PackageRefused     a folder that must not be run: the message gives file, place and reason
└── WireBroken         bytes between host and child that are not one of our messages
"""


class InferenceError(Exception):
    """Root of what this package refuses outside a run."""


class PackageRefused(InferenceError):
    """A folder that must not be run."""


class WireBroken(InferenceError):
    """Bytes between host and child that are not one of our messages."""
