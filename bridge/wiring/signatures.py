"""The signatures of the installed packages, as the page of the systems shows them."""

from bridge.web.package_words import Signature
from bridge.wiring.parts import Parts
from bridge.wiring.publishers import Origin
from inference.errors import PackageRefused


def signatures(parts: Parts) -> dict[str, Signature]:
    """Return the signature of each package, checked now, beside what the database kept when it was made known."""
    with parts.store("desk").reading() as unit:
        since = unit.registry.known_since()
        kept = {model: entry.publisher for model in since if (entry := unit.registry.entry(model)) is not None}
    found = {}
    for package in parts.catalogue.packages():
        model = package.card.model.id
        try:
            origin = parts.publishers.origin(package)
        except PackageRefused:
            origin = Origin(word="refused")
        found[model] = Signature(
            word=origin.word,
            publisher=origin.publisher,
            key=origin.key,
            known_at=since.get(model),
            first=kept.get(model, ""),
        )
    return found
