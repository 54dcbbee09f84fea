"""The host of a model: what it runs, how long its children live, and what it will not run."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from guarantee.errors import Malformed, NotEligible, Unavailable
from inference.card import Package
from inference.errors import PackageRefused
from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry
from tests.inference import hostile
from tests.inference.bench import Bench, is_gone
from tests.inference.builders import age_is_probability, mask_package, reading, record, score_package

# ---------------------------------------------------------------------------------------------------- an honest model


def test_a_model_answers_and_its_process_stays_warm(bench: Callable[..., Bench]) -> None:
    one = bench()
    assert one.percent(12.3) == Decimal("12.3")
    first = one.child.pid
    assert one.percent(50) == Decimal("50.0")
    assert one.child.pid == first


def test_an_answer_says_how_long_its_parts_took(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    began = time.monotonic()
    spent = one.run(2).spent
    whole_s = time.monotonic() - began
    assert spent is not None
    assert spent.predict_s > 0
    assert spent.total_s <= whole_s


def test_the_child_outlives_the_thread_that_first_asked(bench: Callable[..., Bench]) -> None:
    one = bench()
    thread = threading.Thread(target=one.run, args=(1,))
    thread.start()
    thread.join()
    first = one.child.pid
    assert one.percent(2) == Decimal("2.0")
    assert one.child.pid == first


def test_many_threads_are_answered_one_after_the_other(bench: Callable[..., Bench]) -> None:
    one = bench()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one.percent, range(1, 41)))
    assert answers == [Decimal(f"{age}.0") for age in range(1, 41)]


def test_a_refusal_reaches_the_flow_and_costs_no_process(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.percent(1)
    first = one.child.pid
    with pytest.raises(NotEligible) as refusal:
        one.run(None)
    assert (refusal.value.code, refusal.value.detail) == (
        "inputs-missing",
        "probe@1.0.0: without a usable age this model does not run",
    )
    assert one.percent(1) == Decimal("1.0")
    assert one.child.pid == first


def test_a_record_larger_than_a_child_takes_is_refused_and_costs_no_process(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    first = one.child.pid
    many = record(1, *[reading("80." + "0" * 90)] * 80_000)
    with pytest.raises(NotEligible) as refusal:
        one.host.run(one.card, many)
    assert refusal.value.code == "too-large"
    assert one.percent(1) == Decimal("1.0")
    assert one.child.pid == first


def test_a_number_that_is_never_written_is_refused_and_costs_no_process(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    first = one.child.pid
    with pytest.raises(NotEligible) as refusal:
        one.host.run(one.card, record(1, reading("80." + "0" * 100)))
    assert refusal.value.code == "too-large"
    assert one.percent(1) == Decimal("1.0")
    assert one.child.pid == first


def test_images_are_not_given_to_a_model_of_records(bench: Callable[..., Bench], tmp_path: Path) -> None:
    images = Registry.load([mask_package(tmp_path / "mask", name="drawer")])
    (card,) = images.cards()
    with ModelHost(images, Options()) as host, pytest.raises(NotEligible) as refusal:
        host.run(card, record(1))
    assert refusal.value.code == "kind"


# ------------------------------------------------------------------------------------------------ a host's own state


def test_closing_ends_every_child(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    pid = one.child.pid
    one.host.close()
    assert is_gone(pid)
    with pytest.raises(Unavailable) as refusal:
        one.run(1)
    assert refusal.value.code == "closed"
    one.host.close()


def test_closing_in_the_middle_of_a_run_leaves_the_case_for_another_worker(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.endless(), deadline_s=60)
    one.run(0.25)
    pid = one.child.pid
    error = one.interrupted(lambda _: one.host.close())
    assert isinstance(error, Unavailable)
    assert error.code == "closed"
    assert is_gone(pid)


def test_a_model_that_is_busy_for_too_long_is_unavailable(bench: Callable[..., Bench]) -> None:
    one = bench(deadline_s=1)
    one.run(1)
    with one.host._slots[one.card.model.id].lock, pytest.raises(Unavailable) as refusal:
        one.run(1)
    assert refusal.value.code == "busy"
    assert one.percent(1) == Decimal("1.0")


def test_a_card_that_this_worker_does_not_hold_is_not_run(bench: Callable[..., Bench], tmp_path: Path) -> None:
    one = bench()
    (other,) = Registry.load([score_package(tmp_path / "other", age_is_probability(), deadline_s=9)]).cards()
    assert other.model.id == one.card.model.id
    with pytest.raises(Unavailable) as refusal:
        one.run(1, card=other)
    assert refusal.value.code == "model-unknown"


def test_a_package_that_changed_on_disk_is_not_run(bench: Callable[..., Bench], tmp_path: Path) -> None:
    one = bench()
    score_package(tmp_path / "probe", age_is_probability(), deadline_s=9)
    with pytest.raises(Unavailable) as refusal:
        one.run(1)
    assert refusal.value.code == "package-changed"
    score_package(tmp_path / "probe", age_is_probability())
    assert one.percent(1) == Decimal("1.0")


@pytest.mark.parametrize(
    "providers", [("CUDAExecutionProvider", "CPUExecutionProvider"), ("TensorrtExecutionProvider",)]
)
def test_a_gpu_that_is_not_there_is_said_and_not_replaced_by_the_cpu(
    bench: Callable[..., Bench], providers: tuple[str, ...]
) -> None:
    one = bench(options=Options(threads=1, providers=providers))
    with pytest.raises(Unavailable) as refusal:
        one.host.warm(one.card)
    assert refusal.value.code == "provider-missing"


def test_warming_starts_the_child_before_the_first_patient(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.host.warm(one.card)
    pid = one.child.pid
    one.run(1)
    assert one.child.pid == pid


def test_the_child_that_was_idle_longest_makes_room(tmp_path: Path) -> None:
    folders = [score_package(tmp_path / name, age_is_probability(), name=name) for name in ("one", "two", "three")]
    registry = Registry.load(folders)
    cards = {card.model.name: card for card in registry.cards()}
    with ModelHost(registry, Options(threads=1, children_max=2)) as host:
        for name in ("one", "two", "one", "three"):
            host.run(cards[name], record(1))
        warm = {model for model, slot in host._slots.items() if slot.child is not None}
    assert warm == {"one@1.0.0", "three@1.0.0"}


def test_the_report_is_written_in_the_language_of_the_site(bench: Callable[..., Bench], tmp_path: Path) -> None:
    one = bench(options=Options(threads=1, language="en-GB"))
    answer = one.host.run(one.card, record(12.5, reading("80")))
    assert answer.report == "12.5 % from 2 of 2, without nothing (en) (en)"
    two = bench(options=Options(threads=1, language="fr-FR"))
    assert two.run(12.5).report == "12,5 % from 1 of 2, without Heart rate (fr) (fr)"


def test_onnx_runtime_neither_sends_nor_keeps_anything_about_its_use(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    program = f"""
from pathlib import Path
from inference.session import Session, SessionOptions
Session(Path({str(folder / "model.onnx")!r}).read_bytes(), SessionOptions())
held = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
assert not [name for name in held if "onnxruntime" in name], held
"""
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-c", program], env={"HOME": str(home)}, check=True)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"threads": 257}, {"children_max": 0}, {"providers": ()}, {"language": "de-DE"}]
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        Options(**wrong)  # type: ignore[arg-type]


def test_a_child_is_started_only_for_a_package_that_is_trusted_then(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    refusals = [PackageRefused("probe: not signed")]

    def trust(package: Package) -> None:
        asked.append(package.card.model.id)
        if refusals:
            raise refusals.pop()

    asked: list[str] = []
    registry = Registry.load([folder])
    card = registry.cards()[0]
    with ModelHost(registry, Options(threads=1), trust) as host:
        with pytest.raises(Unavailable) as refusal:
            host.run(card, record(age=12))
        assert (refusal.value.code, refusal.value.detail) == ("package-changed", "probe: not signed")
        for age in (12, 13):
            host.run(card, record(age=age))
    assert asked == ["probe@1.0.0"] * 2, "once for each start, not once for each run"


def test_a_registry_asks_whom_it_may_trust_when_it_loads_and_when_it_verifies(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    faults: list[str] = []

    def trust(package: Package) -> None:
        if faults:
            raise PackageRefused(f"{package.folder.name}: {faults[0]}")

    registry = Registry.load([folder], trust=trust)
    assert registry.verify() == []
    faults.append("not signed")
    assert registry.verify() == ["probe: not signed"]
    with pytest.raises(PackageRefused, match="not signed"):
        Registry.load([folder], trust=trust)
