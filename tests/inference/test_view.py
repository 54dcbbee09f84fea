"""What crosses into a model's process: nothing that says who the patient is, and nothing the card does not ask for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dicom_adapters.image.series import read_volume
from guarantee.card import Card, Trait
from guarantee.content import KeyImage, Text, Used
from guarantee.errors import Malformed
from guarantee.inputs import Coded, Inputs, Reading, Record, Slice, Volume
from guarantee.mask import Grid, Mask
from guarantee.ports import Proposal
from inference.errors import PackageRefused
from inference.messages import write_inputs
from inference.process import Child
from inference.registry import Registry
from inference.view import GATHERED_AT, View, view_of
from inference.wire import pack
from tests.canary import patient
from tests.canary.sinks import found_in
from tests.dicom import samples
from tests.inference.bench import Bench
from tests.inference.builders import HEART_RATE, NOON, answering_package, mask_package, reading, record, score_package
from tests.inference.test_model_wire import proposal, volume

LABEL = Text(fr="Chose", en="Thing")
KNOWN = frozenset({(HEART_RATE.code, "/min")})


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., Card]:
    def make(**changes: object) -> Card:
        (found,) = Registry.load([mask_package(tmp_path / "card")]).cards()
        return replace(found, **changes)

    return make


def sent(view: View) -> bytes:
    return b"".join(bytes(part) for part in pack(*write_inputs(view)))


def canary_volume() -> Volume:
    """Return the patient's images as a volume, every UID one that gives the patient away."""
    images = samples.series("MR", slices=40, rows=48, columns=48)
    for number, image in enumerate(images):
        for keyword, value in patient.HEADER.items():
            setattr(image, keyword, value)
        image.SOPInstanceUID = f"{patient.STUDY_UID}.{number}"
        image.SeriesInstanceUID = f"{patient.STUDY_UID}.0"
        image.PatientAge = ""
    return read_volume([samples.to_file(image) for image in images])


def canary_record() -> Record:
    """Return a record whose every text is one of the patient's traits."""
    said = Coded(code=HEART_RATE.code, scheme="LN", meaning=f"Pouls de {patient.FAMILY}")
    name = f"Observation/{patient.IDENTIFIER}"
    good = Reading(code=said, value=Decimal(72), unit="/min", taken_at=NOON, source=name)
    return Record(
        readings=(
            good,
            replace(good, unit=patient.WORDS, source=f"{name}-2"),
            replace(good, code=Coded(code=patient.ACCESSION, scheme="LN", meaning=patient.NAME)),
        ),
        age_years=Decimal("95.3607"),
        sex="F",
        at=NOON,
    )


# ------------------------------------------------------------------------------------------------- nothing identifies


@pytest.mark.parametrize("inputs", [canary_volume, canary_record])
def test_no_trait_of_the_patient_crosses(card: Callable[..., Card], inputs: Callable[[], Inputs]) -> None:
    whole = View(inputs=inputs(), images={}, readings={})
    assert found_in([("pipe", sent(whole))]), "the control: without the view, it would cross"
    view = view_of(inputs(), card(needs=(Trait.AGE, Trait.SEX)), KNOWN)
    assert found_in([("pipe", sent(view))]) == {}


@pytest.mark.parametrize(
    ("header", "crosses"),
    [("MR", "MR"), ("OCT", "OCT"), ("IVUS", "IVUS"), (patient.NAME, ""), ("MR Mme D", ""), ("", "")],
)
def test_a_modality_crosses_as_a_code_or_not_at_all(card: Callable[..., Card], header: str, crosses: str) -> None:
    seen = view_of(replace(volume(), modality=header), card(needs=(Trait.MODALITY,)), KNOWN).inputs
    assert isinstance(seen, Volume)
    assert seen.modality == crosses


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Everything that is really written to a child."""
    crossed: list[bytes] = []
    ask = Child.ask

    def tapped(child: Child, header: Any, buffers: Any = (), **more: Any) -> Any:
        crossed.append(b"".join(bytes(part) for part in pack(header, buffers)))
        return ask(child, header, buffers, **more)

    monkeypatch.setattr(Child, "ask", tapped)
    return crossed


def test_no_trait_reaches_a_real_child_and_the_answer_is_about_the_real_images(
    pipe: list[bytes], tmp_path: Path
) -> None:
    one = Bench(mask_package(tmp_path / "probe"))
    with one.host:
        given = canary_volume()
        said = one.host.run(one.card, given)
    assert len(pipe) == 2
    assert found_in([("pipe", data) for data in pipe]) == {}
    uids = [image.sop_instance_uid for image in given.slices]
    assert {image.sop_instance_uid for image in said.key_images} <= set(uids)
    assert all(list(segment.mask.grid.frames) == uids for segment in said.segments)
    assert said.segments or said.key_images


def test_no_trait_of_a_record_reaches_a_real_child_and_the_answer_names_the_real_sources(
    pipe: list[bytes], bench: Callable[..., Bench]
) -> None:
    one = bench()
    said = one.host.run(one.card, canary_record())
    assert found_in([("pipe", data) for data in pipe]) == {}
    age, _rate = said.inputs
    assert (age.value, age.taken_at) == (Decimal("95.3607"), NOON)


def test_no_trait_of_several_records_in_one_run_reaches_a_real_child_and_each_answer_is_about_its_own(
    pipe: list[bytes], tmp_path: Path
) -> None:
    one = Bench(answering_package(tmp_path / "probe", {12: 12, 34: 34}, batch={"most": 2}))
    with one.host:
        said = one.host.run_together(one.card, [record(61, reading("72", source="Observation/61")), canary_record()])
    assert found_in([("pipe", data) for data in pipe]) == {}
    first, second = (answer.inputs for answer in said if isinstance(answer, Proposal))
    assert (first[0].value, first[1].source) == (61, "Observation/61")
    assert (second[0].value, second[0].taken_at) == (Decimal("95.3607"), NOON)


# ------------------------------------------------------------------------------------------------- only what is needed


def test_age_and_sex_cross_only_when_the_card_declares_them(card: Callable[..., Card]) -> None:
    for needs in ((), (Trait.AGE,), (Trait.SEX,)):
        seen = view_of(record(61.5), card(needs=needs), KNOWN).inputs
        assert isinstance(seen, Record)
        assert (seen.age_years is not None, seen.sex != "") == (Trait.AGE in needs, Trait.SEX in needs)
        images = view_of(volume(), card(needs=needs), KNOWN).inputs
        assert isinstance(images, Volume)
        assert (images.patient_age_years is not None) == (Trait.AGE in needs)


def test_a_card_that_does_not_declare_what_its_recipe_uses_is_refused(tmp_path: Path) -> None:
    for make in (mask_package, lambda folder, **more: score_package(folder, b"", **more)):
        with pytest.raises(PackageRefused, match=r"needs: .*\['age'\], which the card does not declare"):
            Registry.load([make(tmp_path / "undeclared", needs=[])])


def test_readings_that_the_card_does_not_name_stay_here(card: Callable[..., Card]) -> None:
    other = Coded(code="2345-7", scheme="LN", meaning="Glucose")
    seen = view_of(record(61.5, reading("72"), reading("5", code=other)), card(), KNOWN).inputs
    assert isinstance(seen, Record)
    assert [found.code.code for found in seen.readings] == [HEART_RATE.code]


def test_ages_of_readings_are_unchanged_and_their_dates_are_not_given(card: Callable[..., Card]) -> None:
    paris = timezone(timedelta(hours=1))
    at_home = replace(record(61.5, reading("72", hours_ago=2.5)), at=NOON.astimezone(paris))
    view = view_of(at_home, card(), KNOWN)
    assert isinstance(view.inputs, Record)
    assert view.inputs.at == GATHERED_AT
    assert GATHERED_AT - view.inputs.readings[0].taken_at == timedelta(hours=2.5)
    assert str(NOON.year).encode() not in sent(view)


def test_a_reading_from_before_the_calendar_began_is_left_out(card: Callable[..., Card]) -> None:
    ancient = replace(reading("72"), taken_at=datetime(1, 1, 1, tzinfo=UTC))
    seen = view_of(record(61.5, ancient), card(), KNOWN).inputs
    assert isinstance(seen, Record)
    assert seen.readings == ()


def test_sources_keep_their_order(card: Callable[..., Card]) -> None:
    many = [reading("72", source=f"Observation/{n}") for n in (9, 10, 101, 2)]
    view = view_of(record(61.5, *many), card(), KNOWN)
    assert isinstance(view.inputs, Record)
    names = [found.source for found in view.inputs.readings]
    assert sorted(range(4), key=names.__getitem__) == sorted(range(4), key=lambda n: many[n].source)


# ------------------------------------------------------------------------------------------------- the way back


def used(**changes: Any) -> Used:
    values = {"label": LABEL, "code": HEART_RATE, "value": Decimal(72), "unit": "/min"}
    return Used(**values | {"taken_at": GATHERED_AT, "source": "reading/000001"} | changes)


def test_what_a_model_says_is_about_the_real_images_and_readings(card: Callable[..., Card]) -> None:
    view = view_of(volume(), card(), KNOWN)
    grid = Grid(frames=("1", "2", "3"), rows=2, columns=4)
    mask = Mask(grid=grid, bits=b"\x01\x02\x03")
    key = KeyImage(sop_class_uid="1.2", sop_instance_uid="2", frame=1, label=LABEL)
    (segment,) = proposal().segments
    said = view.restore(replace(proposal(), segments=(replace(segment, mask=mask),), key_images=(key,)))
    assert said.segments[0].mask.grid.frames == tuple(image.sop_instance_uid for image in volume().slices)
    assert said.segments[0].mask.bits == mask.bits
    assert said.key_images[0].sop_instance_uid == volume().slices[1].sop_instance_uid
    theirs = Coded(code=HEART_RATE.code, scheme="LN", meaning="Pouls")
    asked = view_of(record(61.5, replace(reading("72", source="Observation/7"), code=theirs)), card(), KNOWN)
    (back,) = asked.restore(about(used())).inputs
    assert (back.source, back.code, back.taken_at) == ("Observation/7", theirs, reading("72").taken_at)


def test_what_a_model_says_of_frames_names_the_frames(card: Callable[..., Card]) -> None:
    frames = tuple(Slice(sop_class_uid="1.2", sop_instance_uid="1.2.3", frame=n) for n in (2, 3, 1))
    view = view_of(replace(volume(), slices=frames), card(), KNOWN)
    mask = Mask(grid=Grid(frames=("1", "2", "3"), rows=2, columns=4), bits=b"\x01\x02\x03")
    key = KeyImage(sop_class_uid="1.2", sop_instance_uid="2", frame=1, label=LABEL)
    (segment,) = proposal().segments

    said = view.restore(replace(proposal(), segments=(replace(segment, mask=mask),), key_images=(key,)))

    assert isinstance(view.inputs, Volume)
    assert [image.name for image in view.inputs.slices] == ["1", "2", "3"]
    assert said.segments[0].mask.grid.frames == ("1.2.3#2", "1.2.3#3", "1.2.3#1")
    assert (said.key_images[0].sop_instance_uid, said.key_images[0].frame) == ("1.2.3", 3)


def about(*inputs: Used) -> Proposal:
    return replace(proposal(), segments=(), key_images=(), inputs=inputs)


@pytest.mark.parametrize(
    "said",
    [
        about(used(source="reading/000009")),
        about(used(source="Patient.birthDate", taken_at=datetime.max.replace(tzinfo=UTC))),
        replace(about(), key_images=(KeyImage(sop_class_uid="1.2", sop_instance_uid="9", frame=1, label=LABEL),)),
        proposal(),
    ],
)
def test_what_was_not_given_cannot_be_named(card: Callable[..., Card], said: Proposal) -> None:
    with pytest.raises(Malformed):
        view_of(record(61.5, reading("72")), card(), KNOWN).restore(said)


def test_the_same_case_gives_the_same_view(card: Callable[..., Card]) -> None:
    assert sent(view_of(volume(), card(), KNOWN)) == sent(view_of(volume(), card(), KNOWN))
