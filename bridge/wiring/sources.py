"""The archives that may be asked, from the settings."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from bridge.config import ConfigError, Settings
from bridge.flows.asking import Ask, Asking
from bridge.wiring import tls
from dicom_adapters.ask.query import Options, Source
from guarantee.completeness import Basis, Status
from guarantee.judging import Expectation

QUESTIONS_MAX: Final = 4
"""Sources asked at once. One that is slow must not make the others unknown."""

NOWHERE: Final = "2.25.0"
"""The UID of no study, to ask whether an archive answers at all."""


def senders(settings: Settings) -> set[str]:
    """Return every name that inputs may come under here, as rules and stops see them."""
    hl7 = settings.intake.hl7.senders if settings.intake.hl7 else {}
    doors = (settings.scp.senders, settings.stow.senders, settings.intake.senders, hl7, settings.sources)
    return {"import", *(name for door in doors for name in door), *(f"priors:{name}" for name in settings.sources)}


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
    return {f"source {name}": partial(_answers, each) for name, each in sources(settings).items()}


def _answers(asked: Source) -> str:
    asked.count_instances(NOWHERE)
    return f"answers {'QIDO-RS' if asked.web else 'C-FIND'}"


def asking(settings: Settings) -> Asking | None:
    """Return what asks the sources how much they hold of a study; None when no source counts for a sender."""
    known = sources(settings)
    asks = {
        sender: _ask(known[name], is_whole=mine.whole)
        for name, mine in settings.sources.items()
        for sender in mine.senders
    }
    return Asking(asks, ThreadPoolExecutor(QUESTIONS_MAX, "ask-source")) if asks else None


def _ask(source: Source, *, is_whole: bool) -> Ask:
    """Return how ``source`` is asked.

    Args:
        is_whole: whether what it holds and did not send is missing. Otherwise only the series that came are counted:
            archives are often told to send some series of a study and not others.
    """

    def ask(uid: str, series: frozenset[str]) -> Sequence[Expectation]:
        counts = source.count_instances(uid)
        counted = {group: many for group, many in counts.items() if is_whole or group in series}
        if is_whole and counted:
            counted[""] = sum(counts.values())
        return [
            Expectation(
                source=f"query:{source.options.name}",
                group=group,
                basis=Basis.QUERY,
                status=Status.SAID,
                instances=many,
            )
            for group, many in counted.items()
        ]

    return ask
