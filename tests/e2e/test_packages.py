"""Packages in the hands of a script: packed, signed, added, compared, put through their life; and whose they are."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.rules_file import SHIPPED
from bridge.wiring.install import to_toml
from guarantee.lifecycle import Line, Stage
from tests.e2e.script import DONE, FAULT, MISUSE, SAID_NO, called, require
from tests.inference.builders import age_is_probability, score_package
from tests.installation import Installation, json_of


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """An installation on which nothing runs."""
    return Installation(tmp_path / "data", {})


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return score_package(tmp_path / "probe", age_is_probability())


def set_models(site: Installation, **models: Any) -> None:
    """Say something else in the settings under ``[models]``."""
    file = site.folder / "aval.toml"
    settings = tomllib.loads(file.read_text(encoding="utf-8"))
    settings.setdefault("models", {}).update(models)
    file.write_text(to_toml(settings), encoding="utf-8")


def key(folder: Path, name: str) -> str:
    """Make a key pair and return its public half."""
    require(called("models", "keygen", str(folder / name)), DONE, name)
    return (folder / f"{name}.pub").read_text().strip()


def packed(package: Path, out: Path, *more: str) -> Path:
    require(called("models", "pack", str(package), "-o", str(out), *more), DONE, "probe@1")
    return out


def test_a_signed_archive_is_added_and_says_whose_it_is(fresh: Installation, package: Path, tmp_path: Path) -> None:
    public = key(tmp_path, "chu-lyon")
    assert (tmp_path / "chu-lyon.key").stat().st_mode & 0o077 == 0
    require(called("models", "keygen", str(tmp_path / "chu-lyon")), SAID_NO, "exists already")
    made = packed(package, tmp_path / "probe-1.0.0.avalmodel", "--key", str(tmp_path / "chu-lyon.key"))
    require(called("models", "pack", str(package), "-o", str(made)), SAID_NO, "exists already")
    require(called("models", "pack", str(package), "--key", str(package / "card.yaml")), SAID_NO, "not a private key")

    set_models(fresh, publishers={"chu-lyon": public}, require_signature=True)
    require(called("models", "add", str(package), folder=fresh.folder), SAID_NO, "is not signed")
    said = require(called("models", "add", str(made), folder=fresh.folder), DONE).stdout
    assert "It is signed by chu-lyon." in said
    assert "Re-validation: new-model" in said
    assert "Its life begins at idea" in said
    kept = fresh.folder / "models" / "probe-1.0.0"
    assert {path.name for path in kept.iterdir()} == {"card.yaml", "model.onnx", "signature.json"}
    assert {path.name for path in kept.parent.iterdir()} == {"probe-1.0.0"}

    use(fresh, tmp_path, kept)
    assert json_of(require(called("models", "verify", "--json", folder=fresh.folder), DONE))["faults"] == []
    require(called("models", "show", "probe", folder=fresh.folder), DONE, "signé par chu-lyon", "idée")
    value = json_of(require(called("models", "show", "probe", "--json", folder=fresh.folder), DONE))
    assert (value["origin"]["publisher"], value["stage"]) == ("chu-lyon", "idea")
    with fresh.reading() as unit:
        entry = unit.registry.entry("probe@1.0.0")
        (noted,) = [json.loads(link.body) for link in unit.journal.links() if link.subject == "probe@1.0.0"][:1]
    assert entry is not None
    assert (entry.publisher, entry.key) == ("chu-lyon", value["origin"]["key"])
    assert (noted["publisher"], noted["revalidation"]) == ("chu-lyon", "new-model")
    require(called("check", folder=fresh.folder), DONE, "probe@1.0.0 is signed by chu-lyon")


def test_another_key_a_changed_byte_and_no_signature_are_told_apart(
    fresh: Installation, package: Path, tmp_path: Path
) -> None:
    public, _ = key(tmp_path, "chu-lyon"), key(tmp_path, "stranger")
    set_models(fresh, publishers={"chu-lyon": str(tmp_path / "chu-lyon.pub")})
    assert (tmp_path / "chu-lyon.pub").read_text().strip() == public
    (package / "LICENSE.txt").write_text("MIT")
    foreign = packed(package, tmp_path / "foreign.avalmodel", "--key", str(tmp_path / "stranger.key"))
    require(called("models", "add", str(foreign), folder=fresh.folder), DONE, "which is nobody's here")
    kept = fresh.folder / "models" / "probe-1.0.0"
    use(fresh, tmp_path, kept)
    require(called("models", "show", "probe", folder=fresh.folder), DONE, "de personne à qui l’on se fie ici")
    require(called("check", folder=fresh.folder), DONE, "probe@1.0.0 is signed by key")
    set_models(fresh, require_signature=True)
    require(called("check", folder=fresh.folder), FAULT, "which is nobody's of models.publishers")
    require(fresh.aval("run", "infer", "--for", "1"), SAID_NO, "models.require_signature is true")
    found = json_of(require(called("models", "verify", "--json", folder=fresh.folder), FAULT))
    assert "models.require_signature is true" in found["faults"][0]

    shutil.rmtree(kept)
    honest = packed(package, tmp_path / "honest.avalmodel", "--key", str(tmp_path / "chu-lyon.key"))
    set_models(fresh, packages=[])
    require(called("models", "add", str(honest), folder=fresh.folder), DONE, "It is signed by chu-lyon.")
    set_models(fresh, packages=[str(kept)])
    (kept / "LICENSE.txt").write_text("MIT, but for us")
    require(called("models", "verify", folder=fresh.folder), FAULT, "not what chu-lyon signed")
    (kept / "LICENSE.txt").write_text("MIT")
    require(called("models", "verify", folder=fresh.folder), DONE)
    (kept / "signature.json").unlink()
    require(called("models", "verify", folder=fresh.folder), FAULT, "is not signed")


def test_a_wrong_key_in_the_settings_is_said_by_name(fresh: Installation, tmp_path: Path) -> None:
    public = key(tmp_path, "one")
    own = fresh.folder / "keys"
    require(called("models", "keygen", str(own / "chu")), SAID_NO, "an installation's own keys")
    shutil.copy(tmp_path / "one.pub", own / "one.pub")
    for publishers, said in (
        ({"one": "keys/one.pub"}, "lies among this installation's own keys"),
        ({"one": str(tmp_path / "nothing.pub")}, "models.publishers.one"),
        ({"one": str(fresh.folder / "aval.toml")}, "not an Ed25519 public key"),
        ({"one": public, "other": public}, "one and other are one key"),
    ):
        set_models(fresh, publishers=publishers)
        package = score_package(tmp_path / "probe", age_is_probability())
        made = tmp_path / "probe.avalmodel"
        made.unlink(missing_ok=True)
        packed(package, made, "--key", str(tmp_path / "one.key"))
        require(called("models", "add", str(made), folder=fresh.folder), SAID_NO, said)
        assert not (fresh.folder / "models").exists() or list((fresh.folder / "models").iterdir()) == []


def test_a_hostile_archive_leaves_nothing_behind(fresh: Installation, package: Path, tmp_path: Path) -> None:
    made = packed(package, tmp_path / "probe.avalmodel")
    made.write_bytes(made.read_bytes()[:-512] + b"\1" * 512)
    require(called("models", "add", str(made), folder=fresh.folder), SAID_NO, "probe.avalmodel", "two empty blocks")
    assert list((fresh.folder / "models").iterdir()) == []
    with fresh.reading() as unit:
        assert unit.registry.model("probe@1.0.0") is None


def test_a_new_version_says_what_it_changes_and_begins_where_that_lets_it(fresh: Installation, tmp_path: Path) -> None:
    versions = {
        "1.0.0": {},
        "1.0.1": {"label": {"fr": "Sonde", "en": "Sounder"}},
        "1.1.0": {"deadline_s": 5, "label": {"fr": "Sonde", "en": "Sounder"}},
    }
    folders = {
        number: score_package(tmp_path / number, age_is_probability(), version=number, **card)
        for number, card in versions.items()
    }
    for number, said in (("1.0.0", "new-model"), ("1.0.1", "texts changed"), ("1.1.0", "Changed since probe@1.0.1")):
        require(called("models", "add", str(folders[number]), folder=fresh.folder), DONE, said.replace(" changed", ""))
        if number == "1.0.0":
            put_at(fresh, "probe@1.0.0", Stage.PILOT)
    with fresh.reading() as unit:
        stages = {model: line.stage for model, line in unit.lives.last().items()}
        entry = unit.registry.entry("probe@1.1.0")
    assert {number: stages[f"probe@{number}"] for number in versions} == {
        "1.0.0": Stage.PILOT,
        "1.0.1": Stage.SHADOW,
        "1.1.0": Stage.SHADOW,
    }
    assert entry is not None
    assert (entry.before, [str(facet) for facet in entry.changed], str(entry.level)) == (
        "probe@1.0.1",
        ["runtime"],
        "golden",
    )
    value = json_of(
        require(
            called("models", "diff", str(folders["1.0.0"]), str(folders["1.1.0"]), "--json", folder=fresh.folder), 0
        )
    )
    assert value == {
        "before": "probe@1.0.0",
        "after": "probe@1.1.0",
        "changed": ["runtime", "texts"],
        "level": "golden",
    }
    require(called("models", "diff", str(folders["1.0.0"]), "nothing", folder=fresh.folder), SAID_NO, "neither")
    other = called("models", "diff", "kidney-failure@1.0.0", "series-check@1.0.0", folder=fresh.folder)
    require(other, DONE, "identity", "Re-validation: new-model")


def test_two_named_people_put_a_version_into_routine(fresh: Installation, package: Path) -> None:
    """From idea to routine by the command line alone: who may sign, who may grant, and what each is told."""
    version, people = "probe@1.0.0", fresh.people

    def advance(to: str, by: str) -> tuple[str, ...]:
        return ("models", "advance", version, "--to", to, "--as", by, "--code", people[by].code, "--reason", "essai")

    def promote(by: str, second: str) -> tuple[str, ...]:
        codes = ("--as", by, "--code", people[by].code, "--second", second, "--second-code", people[second].code)
        return ("models", "promote", version, *codes, "--reason", "essai")

    require(called(*advance("framing", "dr.martin"), folder=fresh.folder), SAID_NO, "was never known here")
    require(called("models", "add", str(package), folder=fresh.folder), DONE, "Its life begins at idea")
    use(fresh, package.parent, fresh.folder / "models" / "probe-1.0.0")
    require(called(*advance("routine", "dr.martin"), folder=fresh.folder), MISUSE, "routine")
    require(called(*advance("shadow", "dr.martin"), folder=fresh.folder), SAID_NO, "is at idea")
    with fresh.parts_of_the_owner() as parts, parts.store("").transaction("setup") as unit:
        for n, stage in enumerate((Stage.FRAMING, Stage.POC, Stage.SHADOW), 2):
            unit.lives.add(Line(model=version, n=n, stage=stage, by="ing.petit", reason="essai", at=parts.clock.now()))
    require(called(*promote("ing.petit", "dr.durand"), folder=fresh.folder), SAID_NO, "is promoted from pilot")
    require(called(*advance("pilot", "ing.petit"), folder=fresh.folder), SAID_NO, "radiologist or clinician")
    require(called(*advance("pilot", "dr.nguyen"), folder=fresh.folder), DONE, "probe@1.0.0: pilot")
    require(called(*promote("dr.martin", "ing.petit"), folder=fresh.folder), SAID_NO, "radiologist")
    require(called(*promote("ing.petit", "dr.nguyen"), folder=fresh.folder), SAID_NO, "asked for an earlier stage")
    wrong = [word if word != people["dr.martin"].code else "000000" for word in promote("ing.petit", "dr.martin")]
    require(called(*wrong, folder=fresh.folder), SAID_NO, "could not be verified")
    require(called(*promote("ing.petit", "dr.martin"), folder=fresh.folder), DONE, "in routine: probe@1.0.0")
    said = require(called("models", "show", "probe", folder=fresh.folder), DONE, "ing.petit + dr.martin: essai")
    assert "installer" in said.stdout
    with fresh.reading() as unit:
        (noted,) = [json.loads(link.body) for link in unit.journal.links() if link.subject == "probe"]
    assert (noted["by"], noted["second"]) == ("ing.petit", "dr.martin")


def test_what_aval_brings_is_in_routine_by_the_installer_and_says_so(fresh: Installation) -> None:
    value = json_of(require(called("models", "show", "kidney-failure", "--json", folder=fresh.folder), DONE))
    assert (value["stage"], [line["stage"] for line in value["stages"]]) == ("routine", ["pilot"])
    assert [(line["by"], line["step"]) for line in value["appointments"]] == [("installer", "first")]
    require(called("models", "show", "kidney-failure", folder=fresh.folder), DONE, "nobody of this hospital granted it")


def test_an_installation_that_works_with_its_own_models_begins_them_in_one_step(
    fresh: Installation, package: Path, tmp_path: Path
) -> None:
    use(fresh, tmp_path, package, routed=True)
    require(called("check", folder=fresh.folder), DONE, "probe@1.0.0 begins at the next start")
    require(called("migrate", "--begin", "routine", folder=fresh.folder), MISUSE, "routine")
    require(called("migrate", folder=fresh.folder), DONE)
    require(called("check", folder=fresh.folder), FAULT, "probe@1.0.0 is at idea")
    another = score_package(tmp_path / "other", age_is_probability(), name="other")
    use(fresh, tmp_path, another)
    require(called("migrate", "--begin", "pilot", folder=fresh.folder), DONE)
    with fresh.reading() as unit:
        assert unit.lives.last()["other@1.0.0"].stage is Stage.PILOT


def put_at(site: Installation, version: str, stage: Stage) -> None:
    """Bring a version that is at idea to ``stage``, as one radiologist."""
    for each in list(Stage)[1 : list(Stage).index(stage) + 1]:
        by = site.people["dr.martin"]
        words = ("models", "advance", version, "--to", str(each), "--as", by.login, "--code", by.code)
        require(called(*words, "--reason", "essai", folder=site.folder), DONE)


def use(site: Installation, folder: Path, package: Path, *, routed: bool = False) -> None:
    """Let a site know this package alone, and no route but one to it."""
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules["routes"] = [{"name": "stays", "kind": "record", "when": [], "models": ["probe"]}] if routed else []
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    set_models(site, packages=[str(package)])
    file = site.folder / "aval.toml"
    settings = tomllib.loads(file.read_text(encoding="utf-8")) | {"routing": {"rules": str(path)}}
    file.write_text(to_toml(settings), encoding="utf-8")
