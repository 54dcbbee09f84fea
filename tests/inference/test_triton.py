"""Models whose network runs on a Triton Inference Server: the same answers and failures, and nobody's word taken."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from guarantee.case import CaseKind
from guarantee.errors import ModelFailed, NotEligible, PortError, Unavailable
from guarantee.ports import Proposal
from inference import golden
from inference.errors import WireBroken
from inference.golden import Head, failures
from inference.graph import Tensor
from inference.host import ModelHost
from inference.kserve import SERVICE, read_infer
from inference.options import Options, Triton
from inference.registry import Registry
from tests.inference import hostile
from tests.inference.bench import Bench
from tests.inference.builders import age_is_probability, mask_package, record
from tests.inference.test_together import several
from tests.peers.certificates import Authority
from tests.peers.fixtures import started
from tests.peers.triton import TritonServer

HEAD = Head(shape=(24, 32, 32), spacing_mm=(Decimal(8),) * 3, brain_mm=(Decimal(60), Decimal(80), Decimal(55)))

pytestmark = pytest.mark.peer("triton")


@pytest.fixture(scope="module")
def server() -> Iterator[TritonServer]:
    yield from started(TritonServer)


def options(address: str, **said: Any) -> Options:
    return Options(threads=2, triton=Triton(address=address, **said))


def refused(one: Bench, age: float = 2.5) -> PortError:
    with pytest.raises(PortError) as refusal:
        one.run(age)
    return refusal.value


# ------------------------------------------------------------------------------------------------------ the real server


def test_the_golden_cases_of_the_records_come_out_there(catalogue: Registry, server: TritonServer) -> None:
    packages = [found for card in catalogue.cards() if (found := catalogue.package(card.model.id)) is not None]
    assert failures([one for one in packages if one.card.kind is CaseKind.RECORD], options(server.address)) == []


def test_an_outline_is_the_same_voxel_by_voxel(tmp_path: Path, server: TritonServer) -> None:
    """The images are sampled here, the network runs there, and what it says is drawn here."""
    packages = Registry.load([mask_package(tmp_path / "probe")])
    (card,) = packages.cards()
    said = []
    for place in (options(server.address), Options(threads=1)):
        with ModelHost(packages, place) as host:
            said.append(host.run(card, golden.head(HEAD)))
    there, here = said
    assert there.segments
    assert replace(there, spent=None) == replace(here, spent=None)
    assert there.spent is not None
    assert there.spent.predict_s > 0


def told(answer: Proposal | NotEligible) -> object:
    return answer.code if isinstance(answer, NotEligible) else replace(answer, spent=None)


def test_cases_go_together_there_too(tmp_path: Path, server: TritonServer) -> None:
    asked = [record(age) for age in (12, 34, None, 56)]
    with several(tmp_path) as here:
        one = Bench(tmp_path / "probe", options(server.address))
        said = [[told(answer) for answer in at.host.run_together(at.card, asked)] for at in (here, one)]
        one.host.close()
    assert said[0] == said[1]


def test_a_server_that_starts_again_costs_one_run(bench: Callable[..., Bench], server: TritonServer) -> None:
    one = bench(options=options(server.address))
    assert one.percent(1) == Decimal("1.0")
    server.kill()
    server.restart()
    assert isinstance(refused(one), Unavailable)
    deadline = time.monotonic() + 60
    while (said := one_percent(one)) != Decimal("1.0"):  # gRPC waits a second and more before it connects again
        assert said == "server-missing"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def one_percent(one: Bench) -> Decimal | str:
    try:
        return one.percent(1)
    except Unavailable as error:
        return error.code


def test_a_server_without_that_device_takes_no_model(bench: Callable[..., Bench], server: TritonServer) -> None:
    error = refused(bench(options=options(server.address, device="gpu")))
    assert isinstance(error, ModelFailed)
    assert error.code == "not-loaded"


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (hostile.not_a_number, "nonsense"),
        (hostile.out_of_bounds, "run-refused"),
    ],
)
def test_a_hostile_model_costs_one_run_there_too(
    bench: Callable[..., Bench], server: TritonServer, model: Callable[[], bytes], code: str
) -> None:
    one = bench(model(), options=options(server.address))
    one.run(0.25)
    error = refused(one)
    assert isinstance(error, ModelFailed)
    assert error.code == code, error.detail
    assert "2.5" not in error.detail
    one.run(0.25)


def test_a_model_that_never_ends_there_is_given_up_at_its_deadline(bench: Callable[..., Bench]) -> None:
    for lonely in started(TritonServer):  # its only thread for that model never comes back
        one = bench(hostile.endless(), options=options(lonely.address), deadline_s=1)
        one.run(0.25)
        error = refused(one)
        assert isinstance(error, ModelFailed)
        assert error.code == "timeout"


def test_a_server_that_takes_no_models_is_not_used(bench: Callable[..., Bench]) -> None:
    for closed in started(lambda: TritonServer(control="none")):
        assert refused(bench(options=options(closed.address))).code == "server-missing"


def test_a_server_speaks_tls_or_nothing_is_sent(bench: Callable[..., Bench], tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    for safe in started(lambda: TritonServer(pair=ours.sign("triton"))):
        assert bench(options=options(safe.address, authorities=ours.file)).percent(1) == Decimal("1.0")
        for wrong in (other.file, None):
            one = Bench(tmp_path / "probe", options(safe.address, authorities=wrong))
            assert isinstance(refused(one), Unavailable)
            one.host.close()


# ------------------------------------------------------------------------------------------------- servers that lie


def text(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def output(name: bytes = b"probability", datatype: bytes = b"FP32", shape: bytes = b"\1") -> bytes:
    return text(5, text(1, name) + text(2, datatype) + text(3, shape))


NAME = text(1, b"probe")
ONE = np.array([0.5], dtype="<f4").tobytes()


@contextmanager
def saying(answer: Callable[[bytes], bytes], *, confirms: bool = True) -> Iterator[str]:
    """Yield the address of a server that loads everything, and answers a run as ``answer`` does."""
    config = b""

    def load(asked: bytes, _: object) -> bytes:
        nonlocal config
        for key in (b"aval_model", b"aval_card"):
            value = asked.partition(b'"' + key + b'": {"string_value": "')[2].partition(b'"')[0]
            config += text(14, text(1, key) + text(2, text(1, value if confirms else b"sha256:0")))
        return b""

    def held(_: bytes, __: object) -> bytes:
        head = bytearray((1 << 3 | 2,))
        number = len(config)
        while number > 0x7F:
            head.append(number & 0x7F | 0x80)
            number >>= 7
        return bytes(head) + bytes([number]) + config

    verbs = {"RepositoryModelLoad": load, "ModelConfig": held, "ModelInfer": lambda asked, _: answer(asked)}
    handlers = {verb: grpc.unary_unary_rpc_method_handler(does) for verb, does in verbs.items()}
    liar = grpc.server(ThreadPoolExecutor(1))
    liar.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE.removeprefix("/"), handlers),))
    port = liar.add_insecure_port("127.0.0.1:0")
    liar.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        liar.stop(None).wait()


def name(asked: bytes) -> bytes:
    return text(1, asked[2 : 2 + asked[1]])


def test_a_server_that_tells_the_truth_in_our_words_is_believed(bench: Callable[..., Bench]) -> None:
    with saying(lambda asked: name(asked) + output() + text(6, ONE)) as address:
        assert bench(options=options(address)).percent(1) == Decimal("50.0")


@pytest.mark.parametrize(
    "lie",
    [
        text(1, b"another") + output() + text(6, ONE),
        NAME + output(b"risk") + text(6, ONE),
        NAME + output() + output() + text(6, ONE) + text(6, ONE),
        NAME + output(datatype=b"FP64") + text(6, ONE + ONE),
        NAME + output(shape=b"\2") + text(6, ONE),
        NAME + output() + text(6, ONE + ONE),
        NAME + output(shape=b"\xff" * 9 + b"\1") + text(6, ONE),
        NAME + output(shape=b"\1" * 17) + text(6, ONE),
        NAME + text(5, b"") + text(6, ONE),
        NAME + output(),
        NAME,
        b"\xff\xff\xff",
        b"",
    ],
)
def test_an_answer_of_another_form_is_refused(lie: bytes) -> None:
    declared = [Tensor(name="probability", dtype="float32", shape=("N",))]
    assert read_infer(NAME + output() + text(6, ONE), "probe", declared)[0].tolist() == [0.5]
    with pytest.raises(WireBroken):
        read_infer(lie, "probe", declared)


def test_a_server_that_lies_has_answered_nonsense(bench: Callable[..., Bench]) -> None:
    with saying(lambda asked: name(asked) + output(shape=b"\2") + text(6, ONE)) as address:
        error = refused(bench(options=options(address)))
    assert (type(error), error.code) == (ModelFailed, "nonsense")


def test_a_server_that_does_not_confirm_the_digest_is_refused(bench: Callable[..., Bench]) -> None:
    with saying(lambda _: b"", confirms=False) as address:
        error = refused(bench(options=options(address)))
    assert isinstance(error, Unavailable)
    assert error.code == "package-changed"


def test_an_answer_larger_than_any_is_refused_before_it_is_held(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.triton.ANSWER_BYTES_MAX", 0)
    with saying(lambda asked: name(asked) + b"\x32\x80\x80\x08" + bytes(1 << 17)) as address:
        assert refused(bench(options=options(address))).code == "too-large"


def test_nobody_who_answers_is_said_so_at_once(bench: Callable[..., Bench]) -> None:
    error = refused(bench(options=options("127.0.0.1:1")))
    assert isinstance(error, Unavailable)
    assert error.code == "server-missing"


def test_certificates_that_cannot_be_read_are_said_so(bench: Callable[..., Bench], tmp_path: Path) -> None:
    error = refused(bench(options=options("127.0.0.1:1", authorities=tmp_path / "none.pem")))
    assert (type(error), error.code) == (Unavailable, "provider-missing")


def test_the_children_of_a_server_hold_no_network(bench: Callable[..., Bench], server: TritonServer) -> None:
    """The network is the server's; what a child has of it is its declared inputs and outputs."""
    one = bench(age_is_probability(), options=options(server.address))
    one.run(0.25)
    limits = Path(f"/proc/{one.child.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3] == "0"
    assert one.registry.package(one.card.model.id).outputs == (  # type: ignore[union-attr]
        Tensor(name="probability", dtype="float32", shape=("N",)),
    )
