"""What other systems announce, and what they ask about: taken down, answered, never concluded from here."""

from collections.abc import Collection, Sequence

from guarantee.case import CaseKind
from guarantee.judging import Expectation, Held
from guarantee.ports import Clock, Store


def announce(study: str, said: Sequence[Expectation], *, store: Store, clock: Clock, actor: str) -> None:
    """Take down what was announced of a study, whether or not it has begun to arrive.

    Raises:
        Unavailable: the database does not answer; the peer must say it again.
    """
    with store.transaction(actor) as unit:
        unit.cases.latest(CaseKind.STUDY, study)  # its lock: two notices of one study must not meet
        for one in said:
            unit.judging.expect(CaseKind.STUDY, study, one, clock.now())


def announced_by(source: str, *, store: Store) -> tuple[tuple[str, Expectation], ...]:
    """Return what one source announced, each with its study."""
    with store.reading() as unit:
        return unit.judging.announced_by(source)


def held(uids: Collection[str], *, store: Store) -> tuple[Held, ...]:
    """Return what is held under these names, rows committed."""
    with store.reading() as unit:
        return unit.judging.held(uids)
