"""Which version of a model is in routine and which is tried, in SQL: append-only."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, case, func, insert, select, text

from bridge.db import tables
from bridge.db.stages import SqlLives
from bridge.db.stops import LOCK
from guarantee.codec import parse_time, time_text
from guarantee.errors import Malformed
from guarantee.ids import Digest, ResultId
from guarantee.result import Mode, ModelVersion, Priority
from guarantee.rollout import Appointment, Rollout, Step, Trial, TrialEnd
from guarantee.states import ResultState

_APPOINTMENTS: Final = tables.appointments
_TRIALS: Final = tables.trials
_ENDS: Final = tables.trial_ends
_RESULTS: Final = tables.results


class SqlRollouts:
    """Appointments and trials, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def now(self) -> Rollout:
        """Return what is in routine and what is tried."""
        routine, opened = tables.routine_versions, tables.open_trials
        present = select(_APPOINTMENTS).join(routine, routine.c.seq == _APPOINTMENTS.c.seq)
        tried = select(_TRIALS).join(opened, opened.c.id == _TRIALS.c.id).order_by(_TRIALS.c.at, _TRIALS.c.id)
        lines = [_appointment(row) for row in self._connection.execute(present).mappings()]
        trials = tuple(_trial(row) for row in self._connection.execute(tried).mappings())
        known = self._known([*(line.model for line in lines), *(trial.model for trial in trials)])
        lives = SqlLives(self._connection).last()
        return Rollout(appointments={line.name: line for line in lines}, trials=trials, known=known, lives=lives)

    def _known(self, versions: Collection[str]) -> dict[str, ModelVersion]:
        rows = self._connection.execute(select(tables.models).where(tables.models.c.id.in_(versions)))
        return {
            row.id: ModelVersion(name=row.name, version=row.version, digest=Digest(row.digest), card=Digest(row.card))
            for row in rows
        }

    def appointments(self, name: str = "") -> tuple[Appointment, ...]:
        """Return every appointment of a name, or of all of them, oldest first."""
        query = select(_APPOINTMENTS).order_by(_APPOINTMENTS.c.seq)
        if name:
            query = query.where(_APPOINTMENTS.c.name == name)
        return tuple(_appointment(row) for row in self._connection.execute(query).mappings())

    def trials(self) -> tuple[tuple[Trial, TrialEnd | None], ...]:
        """Return every trial, oldest first, with its end when somebody ended it."""
        ends = {row["trial_id"]: _end(row) for row in self._connection.execute(select(_ENDS)).mappings()}
        query = select(_TRIALS).order_by(_TRIALS.c.at, _TRIALS.c.id)
        found = [_trial(row) for row in self._connection.execute(query).mappings()]
        return tuple((trial, ends.get(trial.id)) for trial in found)

    def appoint(self, line: Appointment) -> None:
        """Append an appointment; its number is given here."""
        self._in_turn()
        following = select(func.coalesce(func.max(_APPOINTMENTS.c.seq), 0) + 1).scalar_subquery()
        values: dict[str, Any] = {"name": line.name, "model_id": line.model, "step": str(line.step)}
        values |= {"below": line.below, "by_whom": line.by, "second": line.second}
        values |= {"reason": line.reason, "at": time_text(line.at)}
        self._connection.execute(insert(_APPOINTMENTS).values(seq=following, **values))

    def begin(self, trial: Trial) -> None:
        """Append a trial."""
        self._in_turn()
        self._connection.execute(
            insert(_TRIALS).values(
                id=trial.id,
                name=trial.name,
                model_id=trial.model,
                under=trial.under,
                shadow=int(trial.shadow),
                share=trial.share,
                drawn_below=trial.drawn_below,
                site=trial.site,
                seed=trial.seed,
                by_whom=trial.by,
                reason=trial.reason,
                at=time_text(trial.at),
            )
        )

    def end(self, line: TrialEnd) -> None:
        """Append the end of a trial."""
        self._in_turn()
        self._connection.execute(
            insert(_ENDS).values(trial_id=line.trial, by_whom=line.by, reason=line.reason, at=time_text(line.at))
        )

    def work(self, model: str) -> dict[tuple[Mode, ResultState], int]:
        """Return how many results of exactly this version there are, by mode and state."""
        names = (_RESULTS.c.mode, _RESULTS.c.state)
        query = select(*names, func.count().label("many")).where(_RESULTS.c.model_id == model).group_by(*names)
        return {(Mode(row.mode), ResultState(row.state)): row.many for row in self._connection.execute(query)}

    def left_waiting(self) -> tuple[ResultId, ...]:
        """Return what is to be given to the version that was gone back to (guarantee/rollout.py)."""
        present, before = _APPOINTMENTS.alias("present"), _APPOINTMENTS.alias("before")
        last = select(func.max(before.c.seq)).where(before.c.name == present.c.name, before.c.seq < present.c.seq)
        left, told = _APPOINTMENTS.alias("left_one"), _RESULTS.alias("told")
        waits = _RESULTS.c.state.in_([str(ResultState.QUEUED), str(ResultState.AWAITING_REVIEW)])
        looked = select(told.c.id).where(told.c.case_id == _RESULTS.c.case_id, told.c.model_id == present.c.model_id)
        query = (
            select(_RESULTS.c.id)
            .join(left, left.c.model_id == _RESULTS.c.model_id)
            .join(present, present.c.name == left.c.name)
            .join(tables.routine_versions, tables.routine_versions.c.seq == present.c.seq)
            .where(left.c.seq == last.correlate(present).scalar_subquery(), present.c.step == str(Step.ROLLBACK))
            .where(waits, _RESULTS.c.mode == str(Mode.CARE), _RESULTS.c.queued_at <= present.c.at, ~looked.exists())
            .order_by(case((_RESULTS.c.priority == str(Priority.STAT), 0), else_=1), _RESULTS.c.queued_at)
        )
        return tuple(ResultId(row) for row in self._connection.scalars(query))

    def _in_turn(self) -> None:
        """Hold the lock of the list of stops: a rollback writes into both lists, and nobody waits in a circle."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def _appointment(row: RowMapping) -> Appointment:
    return Appointment(
        seq=row["seq"],
        model=row["model_id"],
        step=Step(row["step"]),
        below=row["below"],
        by=row["by_whom"],
        second=row["second"],
        reason=row["reason"],
        at=parse_time(row["at"]),
    )


def _trial(row: RowMapping) -> Trial:
    """Return the trial of a row.

    Raises:
        Malformed: the share, which people read, and the bound, which the database draws by, disagree.
    """
    trial = Trial(
        model=row["model_id"],
        under=row["under"],
        shadow=bool(row["shadow"]),
        share=row["share"],
        site=row["site"],
        seed=row["seed"],
        by=row["by_whom"],
        reason=row["reason"],
        at=parse_time(row["at"]),
    )
    if (row["id"], row["drawn_below"]) != (trial.id, trial.drawn_below):
        raise Malformed(f"trial {row['id']}: the row does not say what the trial says")
    return trial


def _end(row: RowMapping) -> TrialEnd:
    return TrialEnd(trial=row["trial_id"], by=row["by_whom"], reason=row["reason"], at=parse_time(row["at"]))
