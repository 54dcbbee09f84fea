"""Which exams a launch asks for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from guarantee.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which exams are asked for; every condition that is given must hold.

    Args:
        studies: Study Instance UIDs (0020,000D).
        accession: Accession Number (0008,0050), or the order's identifier.
        patient: Patient ID (0010,0020).
        issuers: how the issuer of ``patient`` may be called (0010,0021); none when it was not said.
        modalities: e.g. ("CT",); none for every one.
        since, until: ISO 8601; "" for no bound. Without a zone, the site's own.
        newest: how many of the newest exams; None for all.
    """

    studies: tuple[str, ...] = ()
    accession: str = ""
    patient: str = ""
    issuers: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    newest: int | None = None

    def names_patient_of(self, case: Case) -> bool:
        """Return whether ``case`` is of the patient that was asked for; of any, when none was.

        A case whose sender gave no issuer is taken: the number is all that is known of it.
        """
        if self.patient and case.patient.identifier != self.patient:
            return False
        return not (self.issuers and case.patient.issuer) or case.patient.issuer in self.issuers

    def covers(self, case: Case, zone: ZoneInfo) -> bool:
        """Return whether modality and time are those asked for. An exam without a time we can read is not left out."""
        if self.modalities and case.modality not in self.modalities:
            return False
        started = moment_of(case.started, zone)
        if started is None:
            return True
        since, until = moment_of(self.since, zone), moment_of(self.until, zone, end_of_day=True)
        return (since is None or started >= since) and (until is None or started <= until)


def moment_of(text: str, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime | None:
    """Return a time in UTC; None when ``text`` is none. A day alone is its beginning, or its end."""
    try:
        if len(text) == 10:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), zone)
            return (day + timedelta(days=1) if end_of_day else day).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
