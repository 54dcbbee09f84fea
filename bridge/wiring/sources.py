"""The archives that may be asked, from the settings."""

from collections.abc import Callable
from functools import partial
from typing import Final

from bridge.config import ConfigError, Settings
from bridge.wiring import tls
from dicom_adapters.query import Options, Source

NOWHERE: Final = "2.25.0"
"""The UID of no study, to ask whether an archive answers at all."""


def sources(settings: Settings) -> dict[str, Source]:
    """Return every source by its name."""
    return {
        name: Source(
            Options(
                name=name,
                aet=mine.aet,
                host=mine.host,
                port=mine.port,
                our_aet=mine.our_aet or settings.scp.aet,
                dicomweb_url=mine.dicomweb_url,
                token=mine.token.get_secret_value(),
                silence_s=mine.silence_s,
                tls=tls.calling(settings, mine),
            )
        )
        for name, mine in settings.sources.items()
    }


def source(settings: Settings, name: str) -> Source:
    """Return one source.

    Raises:
        ConfigError: there is none of this name.
    """
    known = sources(settings)
    if name not in known:
        raise ConfigError(f"no source is called {name!r}; aval.toml has {', '.join(sorted(known)) or 'none'}")
    return known[name]


def reachable(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return, for each source, a question whether it answers questions."""
    return {f"source {name}": partial(_ask, each) for name, each in sources(settings).items()}


def _ask(asked: Source) -> str:
    asked.count_instances(NOWHERE)
    return f"answers {'QIDO-RS' if asked.web else 'C-FIND'}"
