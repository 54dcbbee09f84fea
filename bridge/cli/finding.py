"""Which result a person means who types its first characters."""

from bridge.config import ConfigError
from bridge.wiring.parts import Parts


def find(prefix: str, parts: Parts) -> str:
    """Return the one result whose identifier begins with ``prefix``.

    Raises:
        ConfigError: none, or more than one.
    """
    with parts.store("desk").reading() as unit:
        found = unit.journal.find_results(prefix)
    if len(found) != 1:
        raise ConfigError(f"{len(found) or 'no'} results begin with {prefix!r}; see `aval results list`")
    return found[0]
