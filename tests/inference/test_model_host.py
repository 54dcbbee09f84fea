"""Models in limited child processes: hostile ones, dying ones, and what the next run then sees."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest

from guarantee.card import Card
from guarantee.errors import Malformed, ModelFailed, NotEligible, PortError, Unavailable
from guarantee.ports import Proposal
from inference.host import ModelHost
from inference.options import Options
from inference.process import ENVIRONMENT, Child
from inference.registry import Registry
from tests.inference import hostile
from tests.inference.builders import age_is_probability, mask_package, reading, record, score_package

PATIENCE_S = 20.0
"""How long a test waits for something that happens at once, on a machine that may be busy."""


class Bench:
    """One model in one host."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.registry = Registry.load([folder])
        (self.card,) = self.registry.cards()
        self.host = ModelHost(self.registry, options or Options(threads=1))

    def run(self, age: float | None, card: Card | None = None) -> Proposal:
        return self.host.run(card or self.card, record(age))

    def percent(self, age: float) -> Decimal:
        return self.run(age).findings[0].quantities[0].value

    @property
    def child(self) -> Child:
        child = self.host._slots[self.card.model.id].child
        assert child is not None
        return child


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(model: bytes | None = None, options: Options | None = None, **card: object) -> Bench:
        folder = score_package(tmp_path / "probe", age_is_probability() if model is None else model, **card)
        made.append(Bench(folder, options))
        return made[-1]

    yield make
    for one in made:
        one.host.close()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


# ---------------------------------------------------------------------------------------------------- an honest model


def test_a_model_answers_and_its_process_stays_warm(bench: Callable[..., Bench]) -> None:
    one = bench()
    assert one.percent(12.3) == Decimal("12.3")
    first = one.child.pid
    assert one.percent(50) == Decimal("50.0")
    assert one.child.pid == first


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
    many = record(1, *[reading("80", source="Observation/" + "9" * 900)] * 20_000)
    with pytest.raises(NotEligible) as refusal:
        one.host.run(one.card, many)
    assert refusal.value.code == "too-large"
    assert one.percent(1) == Decimal("1.0")
    assert one.child.pid == first


def test_images_are_not_given_to_a_model_of_records(bench: Callable[..., Bench], tmp_path: Path) -> None:
    images = Registry.load([mask_package(tmp_path / "mask", name="drawer")])
    (card,) = images.cards()
    with ModelHost(images, Options()) as host, pytest.raises(NotEligible) as refusal:
        host.run(card, record(1))
    assert refusal.value.code == "kind"


# --------------------------------------------------------------------------------------------------- a hostile model


def expect(one: Bench, kind: type[PortError], code: str, age: float = 2.5) -> PortError:
    """Assert that a run fails as it must, and that the next one works, in another process."""
    one.run(0.25)
    before = one.child.pid
    with pytest.raises(kind) as failure:
        one.run(age)
    assert failure.value.code == code, failure.value.detail
    assert is_gone(before)
    one.run(0.25)
    assert one.child.pid != before
    return failure.value


def test_a_model_that_never_ends_is_stopped_at_its_deadline(bench: Callable[..., Bench]) -> None:
    error = expect(bench(hostile.endless(), deadline_s=1), ModelFailed, "timeout")
    assert error.detail == "probe@1.0.0 did not answer within 1 s and was stopped"


def test_a_model_that_wants_ten_gigabytes_is_refused_them(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.greedy()), ModelFailed, "memory")


def test_a_model_that_answers_what_is_not_a_number_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.not_a_number()), ModelFailed, "nonsense")


def test_a_model_that_answers_a_probability_above_one_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.beyond_one()), ModelFailed, "nonsense")


def test_a_model_that_answers_several_numbers_for_one_record_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.two_answers()), ModelFailed, "nonsense")


def test_a_model_that_onnx_runtime_will_not_run_has_failed_without_its_words(bench: Callable[..., Bench]) -> None:
    error = expect(bench(hostile.out_of_bounds()), ModelFailed, "run-refused")
    assert error.detail == "probe@1.0.0: ONNX Runtime refused the model (InvalidArgument)"


def test_a_model_that_wants_ten_gigabytes_to_load_is_refused_them(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.greedy_at_load())
    for _ in range(2):
        with pytest.raises(ModelFailed) as failure:
            one.run(0.25)
        assert failure.value.code == "memory", failure.value.detail


def test_a_model_that_onnx_runtime_cannot_load_has_failed(bench: Callable[..., Bench]) -> None:
    model = hostile.score_model([hostile.helper.make_node("NoSuchOperator", ["age"], ["probability"])])
    one = bench(model.SerializeToString())
    with pytest.raises(ModelFailed) as failure:
        one.run(0.25)
    assert failure.value.code == "not-loaded"


def test_the_kernel_ends_a_child_whose_host_cannot(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.endless(), deadline_s=60)
    one.run(0.25)
    pid = one.child.pid
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(one.run, 2.5)
        wait_until_busy(pid)
        resource.prlimit(pid, resource.RLIMIT_CPU, (1, resource.prlimit(pid, resource.RLIMIT_CPU)[1]))
        error = run.exception()
    assert isinstance(error, ModelFailed)
    assert error.code == "timeout"
    assert "processor time" in error.detail


def test_a_child_killed_in_the_middle_is_a_crash_and_the_next_run_works(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.endless(), deadline_s=60)
    one.run(0.25)
    pid = one.child.pid
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(one.run, 2.5)
        wait_until_busy(pid)
        os.kill(pid, signal.SIGKILL)
        error = run.exception()
    assert isinstance(error, ModelFailed)
    assert error.code == "crashed"
    assert "SIGKILL" in error.detail
    one.run(0.25)


def test_a_child_killed_between_two_runs_costs_one_run(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    os.kill(one.child.pid, signal.SIGKILL)
    with pytest.raises(ModelFailed) as failure:
        one.run(1)
    assert failure.value.code == "crashed"
    assert one.percent(1) == Decimal("1.0")


def wait_until_busy(pid: int) -> None:
    """Return when an idle child has begun to compute."""
    idle_s = _cpu_s(pid)
    wait_for(lambda: _cpu_s(pid) > idle_s + 0.2)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------------------------------- what a child may reach


def test_a_child_has_none_of_our_environment(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_STORAGE__DATABASE", "postgresql://aval:secret@db/aval")
    one = bench()
    one.run(1)
    seen = Path(f"/proc/{one.child.pid}/environ").read_bytes().rstrip(b"\0").split(b"\0")
    assert dict(line.decode().split("=", 1) for line in seen) == dict(MappingProxyType(ENVIRONMENT))


def test_a_child_holds_three_pipes_and_nothing_else(bench: Callable[..., Bench], tmp_path: Path) -> None:
    one = bench()
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        one.run(1)
    held = sorted(str(link.readlink()) for link in Path(f"/proc/{one.child.pid}/fd").iterdir())
    assert [name.split(":")[0] for name in held] == ["/dev/null", "/dev/null", "pipe", "pipe"]


def test_a_child_can_open_nothing_and_write_nothing(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    pid = one.child.pid
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        assert resource.prlimit(pid, what) == (0, 0)
    assert resource.prlimit(pid, resource.RLIMIT_AS)[1] < 2 * 1024**3
    assert resource.prlimit(pid, resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY
    assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()


def test_a_child_leads_a_group_and_session_of_its_own(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    assert os.getpgid(one.child.pid) == os.getsid(one.child.pid) == one.child.pid


HOST_PROGRAM = """
import sys, time
from pathlib import Path
from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry
from tests.inference.builders import record

registry = Registry.load([Path(sys.argv[1])])
(card,) = registry.cards()
host = ModelHost(registry, Options(threads=1))
host.warm(card)
print(host._slots[card.model.id].child.pid, flush=True)
host.run(card, record(float(sys.argv[2])))
time.sleep(600)
"""


@pytest.mark.parametrize("age", [0.25, 2.5], ids=["idle", "in the middle of a run"])
def test_a_child_dies_with_its_parent(tmp_path: Path, age: float) -> None:
    folder = score_package(tmp_path / "probe", hostile.endless(), deadline_s=60)
    command = [sys.executable, "-c", HOST_PROGRAM, str(folder), str(age)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if age > 1:
            wait_until_busy(pid)
        assert not is_gone(pid)
        parent.kill()
        parent.wait()
    wait_for(lambda: is_gone(pid))


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
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(one.run, 2.5)
        wait_until_busy(pid)
        one.host.close()
        error = run.exception()
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
