"""What our own FHIR endpoint can do, and nothing it cannot (R4 CapabilityStatement)."""

from dataclasses import dataclass

from fhir_adapters.wire import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this installation names its endpoint.

    Args:
        base_url: as senders reach it, e.g. "https://ia.chu-exemple.fr/fhir".
        version: of Aval.
        date: day of that version, YYYY-MM-DD.
    """

    base_url: str
    version: str
    date: str


def capability_statement(options: Options) -> Resource:
    """Return the CapabilityStatement of the door: it takes bundles, and no resource can be read from it."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": options.date,
        "kind": "instance",
        "software": {"name": "Aval", "version": options.version},
        "implementation": {
            "description": "Aval: takes what the record pushes. It stores no record and answers no search.",
            "url": options.base_url,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "POST a Bundle of type transaction, batch, collection or message to the base. Every entry is "
                    "stored as received and answered with 202 Accepted. Rest-hook notifications (R4, and the "
                    "Subscriptions Backport) are taken at the address given in the Subscription."
                ),
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }
