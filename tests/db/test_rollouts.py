"""Appointments and trials as both databases keep them; two versions on one case, side by side; people who meet."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from bridge.db import tables
from bridge.db.engine import engine_at
from bridge.db.pairs import Side
from bridge.db.store import SqlStore
from guarantee.errors import Malformed, Refused
from guarantee.lifecycle import Line, Stage
from guarantee.result import Cause, Mode, ModelVersion, Priority, Result
from guarantee.rollout import Appointment, Step, Trial, promoted, rolled_back
from guarantee.states import ResultState, ResultVerb
from tests.db.databases import Database, begun_row, model_row
from tests.db.steps import Steps, draft_of
from tests.db.test_kept_runs import a_run
from tests.db.test_races import at_the_same_moment
from tests.guarantee.samples import MANIFEST, MODEL, a_result, at

NEWER = replace(MODEL, version="2.0.0")
WORD: dict[str, Any] = {"by": "operator:root", "reason": "essai"}
BACK: dict[str, Any] = {**WORD, "step": Step.ROLLBACK, "second": ""}


@pytest.fixture
def known(database: Database) -> Database:
    """The database, which knows a second version."""
    with engine_at(database.url) as engine, engine.begin() as connection:
        make_known(connection, NEWER)
    return database


def make_known(connection: Connection, *models: ModelVersion) -> None:
    """Make versions known that stand at pilot."""
    connection.execute(insert(tables.models), [model_row(model) for model in models])
    connection.execute(insert(tables.stages), [begun_row(model) for model in models])


def appoint(unit: Any, model: str) -> None:
    lines = unit.rollouts.appointments(MODEL.name)
    unit.rollouts.appoint(promoted(model, lines, by="engineer", second="dr.leroy", reason="essai", at=at(1)))


def beside(first: Result, steps: Steps, mode: Mode = Mode.SHADOW) -> Result:
    """Return the result of the newer version on the case of ``first``, queued."""
    with steps.store_of("aval_sweep").transaction("sweep") as unit:
        case = replace(unit.cases.get(first.case), manifest=MANIFEST)
        made = a_result(case, model=NEWER, mode=mode)
        assert unit.results.add(made, at(5))
    return made


# ---------------------------------------------------------------------------------------------- lines and their order


@pytest.mark.usefixtures("known")
def test_what_is_written_comes_back_and_the_last_line_counts(store: SqlStore) -> None:
    with store.transaction("rollout") as unit:
        unit.registry.appoint_first(MODEL, at(0))
        unit.registry.appoint_first(NEWER, at(0))  # the name has one: nothing
        appoint(unit, NEWER.id)
    with store.transaction("rollout") as unit:
        unit.rollouts.appoint(rolled_back(MODEL.name, unit.rollouts.appointments(MODEL.name), at=at(2), **WORD))
    with store.reading() as unit:
        lines = unit.rollouts.appointments()
        assert [(line.seq, line.model, line.step, line.below) for line in lines] == [
            (1, MODEL.id, Step.FIRST, None),
            (2, NEWER.id, Step.PROMOTE, 1),
            (3, MODEL.id, Step.ROLLBACK, None),
        ]
        assert unit.rollouts.now().appointments == {MODEL.name: lines[2]}
        assert unit.rollouts.appointments("nobody") == ()


@pytest.mark.usefixtures("known")
def test_a_trial_whose_bound_is_not_its_share_does_not_come_out(database: Database, store: SqlStore) -> None:
    trial = Trial(model=NEWER.id, under=1, shadow=False, share=10, site="", seed="0" * 32, at=at(1), **WORD)
    with store.transaction("rollout") as unit:
        unit.registry.appoint_first(MODEL, at(0))
        unit.rollouts.begin(trial)
    with engine_at(database.url) as engine, engine.begin() as connection:
        on = " ON trials" if database.is_postgresql else ""
        connection.exec_driver_sql(f"DROP TRIGGER trials_never_updated{on}")
        connection.execute(update(tables.trials).values(drawn_below="ffffffff"))
    with store.reading() as unit, pytest.raises(Malformed, match="the row does not say what the trial says"):
        unit.rollouts.now()


def test_two_people_who_roll_back_at_once_go_back_once(postgresql_database: Database) -> None:
    third = replace(MODEL, version="3.0.0")
    with engine_at(postgresql_database.url) as engine:
        with engine.begin() as connection:
            make_known(connection, NEWER, third)
        store = SqlStore(engine)
        with store.transaction("rollout") as unit:
            unit.registry.appoint_first(MODEL, at(0))
            appoint(unit, NEWER.id)
            appoint(unit, third.id)
        with store.reading() as unit:
            line = rolled_back(MODEL.name, unit.rollouts.appointments(), at=at(2), **WORD)

        def first(unit: Any) -> None:
            unit.rollouts.appoint(line)

        with (
            at_the_same_moment(postgresql_database, first) as (second, _),
            pytest.raises(Refused, match="appointed another one meanwhile"),
            second.transaction("rollout:other") as unit,
        ):
            unit.rollouts.appoint(line)
        with store.reading() as unit:
            assert unit.rollouts.now().appointments[MODEL.name].model == NEWER.id


def test_a_promotion_and_a_return_that_meet_do_not_miss_each_other(postgresql_database: Database) -> None:
    """Whoever comes second is refused: nothing is in routine whose pilot was taken away, and the other way round."""
    third = replace(MODEL, version="3.0.0")
    with engine_at(postgresql_database.url) as engine:
        with engine.begin() as connection:
            make_known(connection, NEWER, third)
        with SqlStore(engine).transaction("rollout") as unit:
            unit.registry.appoint_first(MODEL, at(0))

    def returned(unit: Any, model: ModelVersion) -> None:
        unit.lives.add(Line(model=model.id, n=2, stage=Stage.SHADOW, by="dr.martin", reason="essai", at=at(1)))

    with (
        at_the_same_moment(postgresql_database, lambda unit: returned(unit, NEWER)) as (second, _),
        pytest.raises(Refused, match="appointments_of_the_piloted"),
        second.transaction("rollout:other") as unit,
    ):
        appoint(unit, NEWER.id)
    with (
        at_the_same_moment(postgresql_database, lambda unit: appoint(unit, third.id)) as (second, _),
        pytest.raises(Refused, match="stages_of_the_routine_stay"),
        second.transaction("advance:other") as unit,
    ):
        returned(unit, third)


def test_a_rollback_and_a_case_that_is_routed_meanwhile_do_not_miss_each_other(postgresql_database: Database) -> None:
    """Whoever had read the version that is left is refused, and routes again."""
    with engine_at(postgresql_database.url) as engine:
        with engine.begin() as connection:
            make_known(connection, NEWER)
        store = SqlStore(engine)
        steps = Steps(lambda _role: store)
        done = steps.queued("1.2")
        with store.transaction("rollout") as unit:
            unit.registry.appoint_first(MODEL, at(0))
            appoint(unit, NEWER.id)
        back = Appointment(seq=0, model=MODEL.id, below=None, at=at(2), **BACK)

        def first(unit: Any) -> None:
            unit.rollouts.appoint(back)

        with (
            at_the_same_moment(postgresql_database, first) as (second, _),
            pytest.raises(Refused, match="results_for_care_by_appointment"),
        ):
            beside(done, Steps(lambda _role: second), Mode.CARE)
        with store.reading() as unit:
            assert [row.result.model for row in unit.views.results((), limit=9)] == [MODEL]


@pytest.mark.usefixtures("known")
def test_what_waits_of_the_version_that_was_left_is_known_until_it_is_given_back(store: SqlStore, steps: Steps) -> None:
    cases = [steps.complete(steps.receive(f"1.{number}")) for number in range(2, 6)]
    with store.transaction("rollout") as unit:
        unit.registry.appoint_first(MODEL, at(0))
        appoint(unit, NEWER.id)
    first, urgent, failed, later = (a_result(replace(case, manifest=MANIFEST), model=NEWER) for case in cases)
    urgent = replace(urgent, priority=Priority.STAT)
    with store.transaction("sweep") as unit:
        for second, one in enumerate((first, urgent, failed)):
            assert unit.results.add(one, at(20 + second))
        unit.results.move(failed.after(ResultVerb.EXCLUDE, cause=Cause(code="because")), at(30))
        assert unit.rollouts.left_waiting() == ()
    back = Appointment(seq=0, model=MODEL.id, below=None, at=at(40), **BACK)
    with store.transaction("rollout") as unit:
        unit.rollouts.appoint(back)
        trial = Trial(model=NEWER.id, under=3, shadow=False, share=99, site="", seed="0" * 32, at=at(41), **WORD)
        unit.rollouts.begin(trial)
    with store.transaction("sweep") as unit:
        assert trial.takes(cases[3].kind, cases[3].uid)
        assert unit.results.add(later, at(50))
        assert unit.rollouts.left_waiting() == (urgent.id, first.id)
        unit.results.move(first.after(ResultVerb.OVERTAKE, cause=Cause(code="version-left")), at(51))
        assert unit.rollouts.left_waiting() == (urgent.id,)
        shadow = a_result(replace(cases[1], manifest=MANIFEST), mode=Mode.SHADOW)
        assert unit.results.add(shadow, at(52))
        assert unit.rollouts.left_waiting() == (), "the older version has looked at that case"


# ------------------------------------------------------------------------------------------------------ side by side


@pytest.mark.usefixtures("known")
def test_two_versions_on_one_case_are_read_side_by_side(store: SqlStore, steps: Steps) -> None:
    first = steps.drafted("1.2")
    with store.transaction("infer") as unit:
        unit.runs.add(a_run(first))
    second = steps.draft(beside(first, steps))
    failed = steps.conclude(beside(steps.drafted("1.3"), steps), ResultVerb.FAIL)
    steps.drafted("1.4")  # the older one alone
    with store.reading() as unit:
        newest, oldest = unit.pairs.of(MODEL.id, NEWER.id, at(-10))
        assert (oldest.case, newest.case) == (first.case, failed.case)
        assert oldest.first == Side(
            state="awaiting_review", cause="", focus=first.focus, draft=first.draft, seconds=2.6
        )
        assert oldest.second == replace(oldest.first, draft=draft_of(second), seconds=None)
        assert (newest.second.state, newest.second.cause, newest.second.draft) == ("failed", "because", None)
        assert unit.pairs.of(MODEL.id, NEWER.id, at(-10), limit=1) == (newest,)
        assert unit.pairs.of(MODEL.id, NEWER.id, at(100_000)) == ()
        assert (unit.pairs.given(MODEL.id, at(-10)), unit.pairs.given(NEWER.id, at(-10))) == (3, 2)
        assert unit.rollouts.work(NEWER.id) == {
            (Mode.SHADOW, ResultState.AWAITING_REVIEW): 1,
            (Mode.SHADOW, ResultState.FAILED): 1,
        }
