"""Cards and packages: what is refused, and with which words."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml

from guarantee.case import CaseKind
from guarantee.ids import digest
from guarantee.result import Mode
from inference import card as card_module
from inference import form
from inference.card import load_package
from inference.errors import PackageRefused
from inference.options import Options
from inference.recipes.parameters import ReadingsScore, VolumeMask
from inference.registry import Registry
from tests.inference.builders import (
    SCORE_PARAMETERS,
    age_is_probability,
    identity_mask,
    mask_package,
    score_package,
    text,
    write_card,
)
from tests.inference.hostile import CUSTOM, EXTERNAL


def test_a_card_becomes_what_everybody_else_needs_to_know(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    package = load_package(folder)
    assert package.card.model.id == "probe@1.0.0"
    assert package.card.model.digest == digest(age_is_probability())
    assert package.card.model.card == digest((folder / "card.yaml").read_bytes())
    assert (package.card.kind, package.card.mode) == (CaseKind.RECORD, Mode.CARE)
    assert isinstance(package.parameters, ReadingsScore)
    assert package.parameters.features[1].accepts[1].convert(Decimal("1.5")) == 90
    assert package.changes() == []


def test_the_threshold_of_the_recipe_is_the_one_on_the_card(tmp_path: Path) -> None:
    masks = load_package(mask_package(tmp_path / "mask"))
    assert isinstance(masks.parameters, VolumeMask)
    assert masks.card.thresholds == {"mask": "0.5"}
    with_one = score_package(tmp_path / "score", age_is_probability(), {"threshold": Decimal("0.30")})
    assert load_package(with_one).card.thresholds == {"present": "0.30"}


def test_a_changed_sentence_is_another_card(tmp_path: Path) -> None:
    one = load_package(score_package(tmp_path / "one", age_is_probability()))
    two = load_package(score_package(tmp_path / "two", age_is_probability(), purpose=text("To be tested twice")))
    assert one.card.model.digest == two.card.model.digest
    assert one.card.model.card != two.card.model.card


WRONG_CARDS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"colour": "blue"}, r"unknown keys \['colour'\]"),
    "form": ({"schema": "aval.card/2"}, "a card of form 'aval.card/2'"),
    "name": ({"name": "Probe One"}, "a name is made of lower-case words"),
    "name as path": ({"name": "../probe"}, "a name is made of lower-case words"),
    "version": ({"version": "1.0-beta"}, "a version of numbers"),
    "version as number": ({"version": Decimal("1.5")}, "version: str expected, Decimal found"),
    "language missing": ({"label": {"fr": "Sonde"}}, r"label: unknown keys \[\], missing keys \['en'\]"),
    "empty label": ({"label": {"fr": " ", "en": "Probe"}}, "label: a label exists in French and in English"),
    "no limits": ({"limits": []}, "a model without limits does not exist"),
    "CE without class": (
        {"regulatory": {"status": "ce", "device_class": "", "udi": "", "statement": text("CE")}},
        "a CE-marked model has a device class",
    ),
    "mode": ({"mode": "live"}, "mode: 'live' is not one of"),
    "kind against recipe": ({"kind": "study"}, "the recipe readings-score reads a record, not a study"),
    "recipe": ({"recipe": "python"}, "recipe: 'python' is not one of"),
    "deadline": ({"deadline_s": 0}, "deadline and memory are positive"),
    "deadline as text": ({"deadline_s": "20"}, "deadline_s: int expected, str found"),
    "memory as truth": ({"memory_mb": True}, "memory_mb: int expected, bool found"),
    "condition": (
        {"envelope": [{"fact": "Age", "minimum": 9, "maximum": 1, "why": text("w"), "code": "c"}]},
        r"envelope\[0\]: condition c: minimum 9 is above maximum 1",
    ),
    "condition key": (
        {"envelope": [{"fact": "Age", "min": 9, "why": text("w"), "code": "c"}]},
        r"envelope\[0\]: unknown keys \['min'\]",
    ),
    "files without model": ({"files": {"golden.json": "0" * 64}}, "files lists model.onnx"),
    "files elsewhere": ({"files": {"model.onnx": "0" * 64, "../../etc/passwd": "0" * 64}}, "files lists model.onnx"),
    "digest form": ({"files": {"model.onnx": "abc"}}, "'abc' is not a SHA-256 digest"),
    "other digest": ({"files": {"model.onnx": "0" * 64}}, r"model.onnx: SHA-256 is [0-9a-f]{64}, the card says"),
    "input name": (
        {"inputs": [{"name": "x", "dtype": "float32", "shape": ["N", 2]}]},
        r"model.onnx: the card declares inputs x float32\['N', 2\]; the file has features",
    ),
    "input shape": (
        {"inputs": [{"name": "features", "dtype": "float32", "shape": ["N", 3]}]},
        "the card declares inputs features",
    ),
    "output type": (
        {"outputs": [{"name": "probability", "dtype": "float64", "shape": ["N"]}]},
        "the card declares outputs probability float64",
    ),
}


@pytest.mark.parametrize("what", WRONG_CARDS)
def test_a_wrong_card_is_refused_with_its_place(what: str, tmp_path: Path) -> None:
    change, words = WRONG_CARDS[what]
    with pytest.raises(PackageRefused, match=f"^probe/card.yaml: .*{words}"):
        load_package(score_package(tmp_path / "probe", age_is_probability(), **change))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    plain = yaml.safe_load((folder / "card.yaml").read_text())
    del plain["licence"]
    write_card(folder, plain)
    with pytest.raises(PackageRefused, match=r"missing keys \['licence'\]"):
        load_package(folder)


FEATURES = SCORE_PARAMETERS["features"]

WRONG_SCORES: dict[str, tuple[dict[str, Any], str]] = {
    "placeholder missing": ({"report": text("no number")}, "a text uses the placeholders"),
    "placeholder unknown": (
        {"report": text("{probability} {used} {total} {missing} {name}")},
        "a text uses the placeholders",
    ),
    "placeholder that reaches inside": (
        {"report": text("{probability.__class__} {used} {total} {missing}")},
        "a text uses the placeholders",
    ),
    "same feature twice": ({"features": [FEATURES[0], FEATURES[0]]}, "each with its own name"),
    "no features": ({"features": []}, "between 1 and 500 features"),
    "required feature": ({"required": ["height"]}, "required features exist"),
    "too many readings": ({"readings_min": 2}, "asks for more readings than there are"),
    "threshold": ({"threshold": 1}, "threshold lies between 0 and 1"),
    "step": ({"score_step": Decimal("0.25")}, "a precision is a power of ten"),
    "unit": (
        {"probability": {**SCORE_PARAMETERS["probability"], "unit": {"code": "1", "scheme": "UCUM", "meaning": "1"}}},
        "given in %",
    ),
    "plausible": ({"features": [{**FEATURES[0], "minimum": 200, "maximum": 100}, FEATURES[1]]}, "minimum is below"),
    "fresh": ({"features": [FEATURES[0], {**FEATURES[1], "fresh_s": 0}]}, "readings have an age limit"),
    "division by nothing": (
        {"features": [FEATURES[0], {**FEATURES[1], "accepts": [{"codes": ["1-1"], "unit": "g", "divide": 0}]}]},
        "divides by positive numbers",
    ),
    "two conversions": (
        {"features": [FEATURES[0], {**FEATURES[1], "accepts": [{"codes": ["1-1", "1-1"], "unit": "g"}]}]},
        "converted in one way",
    ),
    "no code": (
        {"features": [FEATURES[0], {**FEATURES[1], "accepts": [{"codes": [], "unit": "g"}]}]},
        "at least one LOINC code",
    ),
}


@pytest.mark.parametrize("what", WRONG_SCORES)
def test_wrong_parameters_of_a_score_are_refused(what: str, tmp_path: Path) -> None:
    change, words = WRONG_SCORES[what]
    with pytest.raises(PackageRefused, match=f"parameters.*{words}"):
        load_package(score_package(tmp_path / "probe", age_is_probability(), change))


WRONG_MASKS: dict[str, tuple[dict[str, Any], str]] = {
    "grid": ({"grid_size": 30}, "a multiple of twice pool"),
    "huge grid": ({"grid_size": 1024}, "at most 512"),
    "spacing": ({"grid_mm": 0}, "grid_mm is positive"),
    "threshold": ({"threshold": 0}, "threshold lies between 0 and 1"),
    "quantile": ({"ceiling_quantile": Decimal("1.1")}, "ceiling_quantile may be 1"),
    "key images": ({"key_images": 0}, "key images"),
    "silence": ({"volume_min_ml": 0}, "nothing found must be said"),
    "placeholder": ({"absent": text("{volume} mL")}, "a text uses the placeholders"),
    "unknown": ({"zoom": 2}, r"unknown keys \['zoom'\]"),
}


@pytest.mark.parametrize("what", WRONG_MASKS)
def test_wrong_parameters_of_a_mask_are_refused(what: str, tmp_path: Path) -> None:
    change, words = WRONG_MASKS[what]
    with pytest.raises(PackageRefused, match=f"parameters.*{words}"):
        load_package(mask_package(tmp_path / "mask", parameters=change))


@pytest.mark.parametrize("place", EXTERNAL)
def test_a_package_whose_model_reads_other_files_is_never_loaded(place: str, tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match=r"probe/card.yaml: model.onnx: .*data outside the file"):
        load_package(score_package(tmp_path / "probe", EXTERNAL[place]().SerializeToString()))


@pytest.mark.parametrize("place", CUSTOM)
def test_a_package_whose_model_brings_its_own_operators_is_never_loaded(place: str, tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="only ONNX's own are run"):
        load_package(score_package(tmp_path / "probe", CUSTOM[place]().SerializeToString()))


def test_a_hostile_preprocessing_graph_is_refused_like_a_hostile_model(tmp_path: Path) -> None:
    folder = mask_package(tmp_path / "mask")
    data = EXTERNAL["dense initialiser"]().SerializeToString()
    (folder / "preprocess.onnx").write_bytes(data)
    plain = yaml.safe_load((folder / "card.yaml").read_text())
    plain["files"]["preprocess.onnx"] = digest(data)
    write_card(folder, plain)
    with pytest.raises(PackageRefused, match=r"preprocess.onnx: .*data outside the file"):
        load_package(folder)


def test_a_mask_needs_its_sampling_graphs(tmp_path: Path) -> None:
    folder = mask_package(tmp_path / "mask")
    plain = yaml.safe_load((folder / "card.yaml").read_text())
    del plain["files"]["postprocess.onnx"]
    write_card(folder, plain)
    with pytest.raises(PackageRefused, match=r"also needs \['postprocess.onnx'\]"):
        load_package(folder)


def test_a_graph_that_the_card_does_not_list_is_refused(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    (folder / "other.onnx").write_bytes(identity_mask())
    with pytest.raises(PackageRefused, match=r"\['other.onnx'\] lie in the folder and are not listed"):
        load_package(folder)


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    monkeypatch.setattr(card_module, "MODEL_BYTES_MAX", 100)
    with pytest.raises(PackageRefused, match="more than 100 bytes"):
        load_package(folder)


def test_a_card_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    with (folder / "card.yaml").open("a") as file:
        file.write("#" * card_module.CARD_BYTES_MAX)
    with pytest.raises(PackageRefused, match=f"more than {card_module.CARD_BYTES_MAX} bytes"):
        load_package(folder)


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="No such file"):
        load_package(tmp_path)


def test_a_change_on_disk_is_noticed_and_the_bytes_are_not_given(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    package = load_package(folder)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)
    assert len(package.changes()) == 1
    with pytest.raises(PackageRefused, match="the card says otherwise"):
        package.read("model.onnx")


def test_another_card_on_disk_is_noticed(tmp_path: Path) -> None:
    package = load_package(score_package(tmp_path / "probe", age_is_probability()))
    score_package(tmp_path / "probe", age_is_probability(), deadline_s=21)
    assert package.changes() == ["probe/card.yaml: changed since it was loaded"]


# ------------------------------------------------------------------------------------------------------------- YAML

REFUSED_YAML: dict[str, tuple[str, str]] = {
    "alias": ("a: &x [1]\nb: *x\n", "aliases are not used"),
    "laughs": ("a: &x [1, 1]\nb: &y [*x, *x]\nc: [*y, *y]\n", "aliases are not used"),
    "merge": ("base: {a: 1}\n<<: {b: 2}\n", "written once, as plain text"),
    "repeated key": ("a: 1\na: 2\n", "line 2: a key is written once"),
    "repeated key inside": ("a:\n  b: 1\n  b: 2\n", "line 3: a key is written once"),
    "python object": ("a: !!python/object/apply:os.system ['true']\n", "not YAML"),
    "key that is a list": ("? [1, 2]\n: 3\n", "written once, as plain text"),
    "infinity": ("a: .inf\n", "not a decimal number|a number is finite"),
    "not a number": ("a: .nan\n", "not a decimal number|a number is finite"),
    "sixties": ("a: 1:30.5\n", "not a decimal number"),
    "broken": ("a: [1\n", "not YAML near line"),
    "bytes": ("a: \x00\n", "not YAML"),
    "two documents": ("a: 1\n---\na: 2\n", "not YAML"),
    "deep": ("[" * 40 + "]" * 40, "nested deeper"),
}


@pytest.mark.parametrize("what", REFUSED_YAML)
def test_yaml_beyond_what_a_card_needs_is_refused(what: str) -> None:
    data, words = REFUSED_YAML[what]
    with pytest.raises(PackageRefused, match=words):
        form.parse(data.encode())


def test_yaml_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(PackageRefused, match="not YAML"):
        form.parse(b"a: \xff\xfe\xfd")


def test_numbers_keep_their_digits() -> None:
    assert form.parse(b"a: 0.10\nb: 3\nc: 1.50e+3") == {"a": Decimal("0.10"), "b": 3, "c": Decimal("1.50e+3")}
    assert str(form.read(dict[str, Decimal], form.parse(b"a: 0.10"))["a"]) == "0.10"  # type: ignore[index]


def test_a_card_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(PackageRefused, match="top: dict expected, list found"):
        form.read(card_module.Form, form.parse(b"[1, 2]"))


def test_a_key_that_is_not_text_is_refused() -> None:
    with pytest.raises(PackageRefused, match="str expected, int found"):
        form.read(card_module.Form, form.parse(b"1: x"))


# --------------------------------------------------------------------------------------------------------- registry


@pytest.fixture
def versions(tmp_path: Path) -> Callable[..., list[Path]]:
    def make(*numbers: str) -> list[Path]:
        return [score_package(tmp_path / number, age_is_probability(), version=number) for number in numbers]

    return make


def test_the_highest_version_is_in_use(versions: Callable[..., list[Path]]) -> None:
    registry = Registry.load(versions("1.9.0", "1.10.0", "1.2"))
    card = registry.card("probe")
    assert card is not None
    assert card.model.version == "1.10.0"
    assert [found.model.version for found in registry.cards()] == ["1.2", "1.9.0", "1.10.0"]
    assert registry.card("other") is None


def test_a_selected_version_is_in_use_instead(versions: Callable[..., list[Path]]) -> None:
    registry = Registry.load(versions("1.0.0", "2.0.0"), {"probe": "1.0.0"})
    chosen, newest = registry.card("probe"), registry.card_of("probe@2.0.0")
    assert chosen is not None
    assert chosen.model.version == "1.0.0"
    assert newest is not None
    assert registry.package("probe@2.0.0") is not None
    assert registry.card_of("probe@3.0.0") is None
    assert registry.package("probe@3.0.0") is None


def test_a_selected_version_that_is_not_there_stops_the_start(versions: Callable[..., list[Path]]) -> None:
    with pytest.raises(PackageRefused, match=r"probe@3.0.0 is selected"):
        Registry.load(versions("1.0.0"), {"probe": "3.0.0"})


def test_the_same_version_in_two_folders_stops_the_start(tmp_path: Path) -> None:
    folders = [score_package(tmp_path / name, age_is_probability()) for name in ("one", "two")]
    with pytest.raises(PackageRefused, match=r"probe@1.0.0 lies in .*one and in .*two"):
        Registry.load(folders)


def test_one_bad_package_stops_the_start_of_all(versions: Callable[..., list[Path]], tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="No such file"):
        Registry.load([*versions("1.0.0"), tmp_path / "nothing"])


def test_verifying_names_what_changed_on_disk(versions: Callable[..., list[Path]]) -> None:
    (folder,) = versions("1.0.0")
    registry = Registry.load([folder])
    assert registry.verify() == []
    (folder / "model.onnx").write_bytes(onnx.ModelProto().SerializeToString() + b" ")
    (complaint,) = registry.verify(golden=Options(threads=1))
    assert "1.0.0/model.onnx: SHA-256 is" in complaint


def test_objectives_are_part_of_the_card_and_of_its_version(tmp_path: Path) -> None:
    plain = load_package(score_package(tmp_path / "plain", age_is_probability()))
    said = load_package(score_package(tmp_path / "said", age_is_probability(), objectives_s={"queue": 60}))
    assert (plain.card.objectives_s, said.card.objectives_s) == ({}, {"queue": 60})
    assert plain.card.model.card != said.card.model.card
    with pytest.raises(PackageRefused, match="objectives are for"):
        load_package(score_package(tmp_path / "wrong", age_is_probability(), objectives_s={"lunch": 60}))
