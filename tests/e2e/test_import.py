"""``aval import``: files become cases as if they had been sent, beside ``aval run`` or without it, and only once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guarantee.case import CaseKind
from tests.dicom import samples
from tests.dicom.test_directory import dicomdir
from tests.e2e import inputs
from tests.installation import Installation, json_of
from tests.peers.postgresql import PostgreSQL


@pytest.fixture(params=["embedded", pytest.param("distributed", marks=pytest.mark.peer("postgresql"))])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    cluster: PostgreSQL | None = None
    if request.param == "distributed":
        cluster = request.getfixturevalue("cluster")
    made = Installation(tmp_path / "data", {}, cluster=cluster)
    yield made
    made.kill()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for several tests, each with a study of its own."""
    made = Installation(tmp_path_factory.mktemp("import") / "data", {})
    yield made
    made.kill()


def disc(folder: Path, *, slices: int = 5, study: str = "import") -> Path:
    """Write a study, and what lies about on such discs."""
    (folder / "IMAGES").mkdir(parents=True)
    for number, dataset in enumerate(samples.series(slices=slices, study=study)):
        (folder / "IMAGES" / f"IM{number}").write_bytes(samples.to_file(dataset))
    (folder / "DICOMDIR").write_bytes(dicomdir([["IMAGES", f"IM{number}"] for number in range(slices)]))
    return folder


def kept(installation: Installation, study: str = "import") -> set[str]:
    with installation.reading() as unit:
        found = unit.cases.inputs(CaseKind.STUDY, samples.uid("study", study))
        return {one.source.uid for one in found if installation.vault.get(one.source.digest)}


def names(slices: int = 5, study: str = "import") -> set[str]:
    return {str(dataset.SOPInstanceUID) for dataset in samples.series(slices=slices, study=study)}


def test_a_folder_is_taken_once_and_what_was_left_out_is_taken_the_next_time(
    installed: Installation, tmp_path: Path
) -> None:
    place = disc(tmp_path / "disc")
    last, hidden = place / "IMAGES" / "IM4", tmp_path / "hidden"
    last.rename(hidden)
    said = installed.aval("import", str(place), "--json")
    assert said.returncode == 0, said.stderr
    study = samples.uid("study", "import")
    assert json_of(said) == {"new": 4, "known": 0, "conflicts": 0, "refused": [], "studies": {study: 4}}
    hidden.rename(last)
    again = installed.aval("import", str(place), "--json")
    assert (again.returncode, json_of(again)["known"], json_of(again)["new"]) == (0, 4, 1)
    assert kept(installed) == names()


def test_a_dicomdir_that_leads_elsewhere_is_refused_and_the_rest_is_taken(
    embedded: Installation, tmp_path: Path
) -> None:
    place = disc(tmp_path / "disc", study="dicomdir")
    (tmp_path / "other").write_bytes(samples.to_file(samples.series(slices=1, study="other")[0]))
    (place / "LINK").symlink_to(tmp_path / "other")
    references = [["IMAGES", "IM0"], ["..", "other"], ["LINK"], ["IMAGES", "IM9"]]
    (place / "DICOMDIR").write_bytes(dicomdir(references))
    said = embedded.aval("import", str(place / "DICOMDIR"), "--json")
    assert said.returncode == 1
    assert {one["file"]: one["code"] for one in json_of(said)["refused"]} == {
        "../other": "outside",
        "LINK": "link",
        "IMAGES/IM9": "missing",
    }
    assert json_of(said)["new"] == 1
    assert kept(embedded, "other") == set()


def test_what_is_no_instance_is_listed_with_its_reason_and_recorded_without_its_name(
    embedded: Installation, tmp_path: Path
) -> None:
    place = disc(tmp_path / "disc", study="litter")
    (place / "AUTORUN.INF").write_text("[autorun]")
    (place / "viewer.exe").write_bytes(b"MZ" + bytes(500))
    (place / "DURAND.dcm").write_bytes((place / "IMAGES" / "IM0").read_bytes()[:-50])
    said = embedded.aval("import", str(place), "--sender", "disc-7")
    assert said.returncode == 1
    assert "5 new, 0 known already, 0 in conflict with what is known, 3 refused; 1 studies" in said.stdout
    for line in ("AUTORUN.INF: not-dicom", "viewer.exe: executable", "DURAND.dcm: truncated"):
        assert f"  {line}, " in said.stdout
    with embedded.reading() as unit:
        recorded = [row for row in unit.views.turned_away(100) if row["sender"] == "disc-7"]
    assert {(row["door"], row["code"]) for row in recorded} == {
        ("import", "truncated"),
        ("import", "not-dicom"),
        ("import", "executable"),
    }
    assert "DURAND" not in str(recorded)


def test_other_bytes_under_a_known_name_are_said(embedded: Installation, tmp_path: Path) -> None:
    place = disc(tmp_path / "disc", study="changed")
    embedded.aval("import", str(place))
    (dataset, *_) = samples.series(slices=5, study="changed")
    dataset.SeriesDescription = "changed"
    (place / "IMAGES" / "IM0").write_bytes(samples.to_file(dataset))
    said = embedded.aval("import", str(place), "--json")
    assert (said.returncode, json_of(said)["conflicts"], json_of(said)["known"]) == (1, 1, 4)


def test_it_runs_beside_the_installation_which_takes_the_study_on(tmp_path: Path) -> None:
    made = Installation(tmp_path / "data", inputs.models(tmp_path))
    try:
        made.start()
        study = inputs.phantom(tmp_path, "imported")
        said = made.aval("import", str(study.files[0].parent), "--json")
        assert json_of(said)["studies"] == {study.uid: len(study.files)}, said.stderr

        def routed() -> Any:
            with made.reading() as unit:
                return unit.results.of_case(study.case())

        made.eventually(routed, "the study to be judged complete and routed")
        made.stop()
    finally:
        made.kill()


def test_a_database_that_is_not_there_is_no_success(embedded: Installation, tmp_path: Path) -> None:
    place = disc(tmp_path / "disc")
    said = embedded.aval("import", str(place), AVAL_DATABASE__URL="postgresql://nobody@127.0.0.1:1/none")
    assert said.returncode == 4
    assert "no answer" in said.stderr


def test_nothing_there_is_wrong_use(embedded: Installation, tmp_path: Path) -> None:
    assert embedded.aval("import", str(tmp_path / "nowhere")).returncode == 2
