"""The model versions of this installation, each loaded and checked once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from guarantee.card import Card
from inference.card import CARD_FILE, Package, load_package
from inference.errors import PackageRefused
from inference.golden import failures
from inference.options import Options

SHIPPED: Final = Path(__file__).parent / "packages"
"""The packages that come with Aval."""

PACKAGES_MAX: Final = 200
"""Most model versions of one installation. A hospital runs tens."""


def shipped() -> tuple[Path, ...]:
    """Return the folders of the packages that come with Aval, sorted by name."""
    return tuple(sorted(path.parent for path in SHIPPED.glob(f"*/{CARD_FILE}")))


class Registry:
    """Implements guarantee.ports.Catalogue."""

    def __init__(
        self,
        packages: Iterable[Package],
        selected: Mapping[str, str] | None = None,
        trust: Callable[[Package], object] = lambda _: None,
    ) -> None:
        """Keep ``packages``.

        Args:
            selected: name to version, where another than the highest version is in use.
            trust: raises PackageRefused for a package that nobody trusted signed; asked now and at each verification.

        Raises:
            PackageRefused: the same version twice, too many, a selected version that is not there, or as ``trust``.
        """
        self._trust = trust
        self._packages: dict[str, Package] = {}
        for package in packages:
            trust(package)
            known = self._packages.setdefault(package.card.model.id, package)
            if known is not package:
                raise PackageRefused(f"{package.card.model.id} lies in {known.folder} and in {package.folder}")
        if len(self._packages) > PACKAGES_MAX:
            raise PackageRefused(f"{len(self._packages)} packages; at most {PACKAGES_MAX}")
        self._in_use = self._choose(selected or {})

    @classmethod
    def load(
        cls,
        folders: Sequence[Path],
        selected: Mapping[str, str] | None = None,
        trust: Callable[[Package], object] = lambda _: None,
    ) -> "Registry":
        """Return the registry of the packages in ``folders``, one package in each.

        Raises:
            PackageRefused: one of them must not be run; nothing is loaded then, because a model that silently is
                not there looks like a model that found nothing.
        """
        return cls([load_package(folder) for folder in folders], selected, trust)

    def card(self, name: str) -> Card | None:
        """Return the card of the selected version, or of the highest one; None for a name that is not installed.

        What works for patients may be another one: that is an appointment (guarantee/rollout.py).
        """
        return self._in_use.get(name)

    def in_use(self) -> tuple[Card, ...]:
        """Return the card of one version of each name: the selected one, or the highest; by name."""
        return tuple(self._in_use[name] for name in sorted(self._in_use))

    def card_of(self, model_id: str) -> Card | None:
        """Return the card of exactly this version ("name@version"), or None."""
        package = self._packages.get(model_id)
        return package.card if package else None

    def package(self, model_id: str) -> Package | None:
        """Return the package of exactly this version, or None."""
        return self._packages.get(model_id)

    def packages(self) -> tuple[Package, ...]:
        """Return every package, by name, lowest version first."""
        return tuple(self._packages[card.model.id] for card in self.cards())

    def cards(self) -> tuple[Card, ...]:
        """Return every card, by name, lowest version first."""
        return tuple(
            sorted((p.card for p in self._packages.values()), key=lambda card: (card.model.name, _order(card)))
        )

    def verify(self, *, golden: Options | None = None) -> list[str]:
        """Return what is wrong with the packages on disk, one sentence each; empty when all is as it was loaded.

        Args:
            golden: how to run every golden case too, each in a limited child process as for a patient (seconds
                each); None for none.
        """
        found = [
            fault for package in self._packages.values() for fault in (package.changes() or self._mistrust(package))
        ]
        if golden is not None and not found:
            found = failures(tuple(self._packages.values()), golden)
        return found

    def _mistrust(self, package: Package) -> list[str]:
        try:
            self._trust(package)
        except PackageRefused as error:
            return [str(error)]
        return []

    def _choose(self, selected: Mapping[str, str]) -> dict[str, Card]:
        chosen = {card.model.name: card for card in self.cards()}
        for name, version in selected.items():
            card = self.card_of(f"{name}@{version}")
            if card is None:
                raise PackageRefused(f"{name}@{version} is selected and is not in any package folder")
            chosen[name] = card
        return chosen


def _order(card: Card) -> tuple[int, ...]:
    return tuple(int(part) for part in card.model.version.split("."))
