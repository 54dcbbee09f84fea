"""A table of rights: what is wrong with it is said line by line, and nothing is guessed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.wiring import rights_table
from bridge.wiring.rights_table import FAULTS_MAX, FILE_BYTES_MAX, House, RightsMalformed, read_table
from guarantee.policy import Role

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
HOUSE = House(
    roles={
        "dr.martin": Role.RADIOLOGIST,
        "dr.leroy": Role.CLINICIAN,
        "learner": Role.LEARNER,
        "committee": Role.COMMITTEE,
    },
    majors={("brain", "1")},
)
NAMES = "person,model,major,site,evidence,since,until"
GOOD = 'dr.martin,brain,1,chu,"module 1, 18/20",,'


def read(folder: Path, *lines: str, names: str = NAMES) -> tuple[rights_table.Wish, ...]:
    path = folder / "table.csv"
    path.write_text("\n".join([names, *lines]), encoding="utf-8")
    return read_table(path, HOUSE, by="committee", now=NOW)


def faults(folder: Path, *lines: str, names: str = NAMES) -> tuple[str, ...]:
    with pytest.raises(RightsMalformed) as wrong:
        read(folder, *lines, names=names)
    return wrong.value.faults


def test_a_table_says_who_may_endorse_what(tmp_path: Path) -> None:
    dated = "dr.leroy,brain,1,chu,module 1,2026-12-01,2027-06-30"
    first, second = read(tmp_path, GOOD, "", dated)
    assert (first.person, first.evidence, first.since, first.until) == ("dr.martin", "module 1, 18/20", None, None)
    assert second.since == datetime(2026, 12, 1, tzinfo=UTC)
    assert second.until == datetime(2027, 6, 30, tzinfo=UTC)


def test_columns_come_in_any_order_and_with_semicolons(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "chu;1;brain;dr.martin;;;module 1", names="Site;Major;Model;Person;Since;Until;Evidence")
    assert (one.person, one.site, one.evidence) == ("dr.martin", "chu", "module 1")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (",brain,1,chu,module 1,,", "person is empty"),
        ("dr.martin,brain,1,chu,,,", "evidence is empty"),
        ("dr.martin,brain,1,chu,module 1,", "7 values"),
        ("dr.martin,brain,1,chu,module 1,,,more", "7 values"),
        ("nobody,brain,1,chu,module 1,,", "nobody with an open account"),
        ("learner,brain,1,chu,module 1,,", "is a learner"),
        ("committee,brain,1,chu,module 1,,", "to themselves"),
        ("dr.martin,other,1,chu,module 1,,", "no model 'other'"),
        ("dr.martin,brain,2,chu,module 1,,", "major version '2'"),
        ("dr.martin,brain,1.0,chu,module 1,,", "without a point"),
        ("dr.martin,brain,1,chu,module 1,28/11/2026,", "is no day"),
        ("dr.martin,brain,1,chu,module 1,2026-11-27,", "begins when it is given or later"),
        ("dr.martin,brain,1,chu,module 1,,2027-11-29", "12 months"),
        ("dr.martin,brain,1,chu,module 1,2026-12-02,2026-12-01", "ends after it begins"),
        (GOOD, "the same as line 2"),
        ('dr.martin,brain,1,chu,"module 1,,', "line 3"),
    ],
)
def test_each_fault_is_told_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    (fault,) = faults(tmp_path, GOOD, line)
    assert fault.startswith("line 3: ")
    assert says in fault


def test_every_fault_is_told_up_to_a_limit(tmp_path: Path) -> None:
    assert len(faults(tmp_path, *["nobody,brain,1,chu,module 1,,"] * (FAULTS_MAX + 5))) == FAULTS_MAX


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1"),
        (b"person,model\n", "line 1"),
        (NAMES.encode(), "no line but its names"),
        (NAMES.encode("utf-16"), "not UTF-8"),
        (b"x" * (FILE_BYTES_MAX + 1), "bytes"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    with pytest.raises(RightsMalformed, match=says):
        read_table(path, HOUSE, by="committee", now=NOW)


def test_a_table_of_too_many_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights_table, "LINES_MAX", 2)
    lines = [f"dr.martin,brain,1,site-{n},module 1,," for n in range(3)]
    assert len(read(tmp_path, *lines[:2])) == 2
    (fault,) = faults(tmp_path, *lines)
    assert fault == "line 4: more than 2 rights in one table"


def test_a_day_begins_in_utc() -> None:
    assert rights_table.day("2026-12-01") == NOW.replace(hour=0) + timedelta(days=3)
