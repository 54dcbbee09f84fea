"""What the desk's pages and API ask of incidents, as one protocol with plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.fei import Sheet
from guarantee.declarations import Answer
from guarantee.ids import ResultId
from guarantee.incident import File, Grade
from guarantee.opinion import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One incident as the desk lists it.

    Args:
        model: "name@version" of the result.
        frozen: whether its evidence is frozen.
    """

    file: File
    model: str
    site: str
    frozen: bool


class Reporting(Protocol):
    """What people say of discordances; each method that acts raises what guarantee/incident.py says."""

    def listed(self, *, limit: int) -> Sequence[Reported]:
        """Return the last incidents, the newest first."""

    def report(self, result: ResultId, grade: Grade, reason: str, reader: Reader) -> str:
        """Report a discordance, with what its grade sets off, and return the incident.

        Raises:
            Absent: there is no such result, or it is in shadow mode.
        """

    def answer(self, incident: str, answers: Mapping[str, Answer], reader: Reader) -> None:
        """Append the answers of the form."""

    def declare(self, incident: str, duty: str, reference: str, reader: Reader) -> None:
        """Append that a declaration was made."""

    def set_aside(self, incident: str, duty: str, reason: str, reader: Reader) -> None:
        """Append that a person judged that something is not to be declared."""

    def act(self, incident: str, what: str, due: str, reader: Reader) -> None:
        """Append a corrective action."""

    def done(self, incident: str, number: str, what: str, reader: Reader) -> None:
        """Append that an action was done."""

    def sheet(self, incident: str, reader: Reader) -> Sheet:
        """Return the filled-in fiche d'événement indésirable.

        Raises:
            Absent: there is no such incident, or this reader may not see it.
        """
