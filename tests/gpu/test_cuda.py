"""On a machine with a GPU: ``make test ARGS=tests/gpu``, with onnxruntime-gpu in the place of onnxruntime.

Everywhere else these tests say why they are skipped. That a worker which was promised a GPU does not start without one
is tested without one (tests/e2e/test_models.py).
"""

import pytest

from guarantee.errors import ModelFailed, Unavailable
from inference.golden import cases, failures
from inference.host import ModelHost
from inference.options import PROVIDERS, Options
from inference.registry import Registry, shipped

CUDA = Options(providers=PROVIDERS["cuda"])


@pytest.fixture(scope="module")
def catalogue() -> Registry:
    """The shipped models, where CUDA is really first: a session says so, not a list of what was compiled in."""
    found = Registry.load(shipped())
    with ModelHost(found, CUDA) as host:
        try:
            host.warm(min(found.cards(), key=lambda card: card.memory_mb))
        except (ModelFailed, Unavailable) as reason:
            pytest.skip(f"no model runs on CUDA here: {reason}")
    return found


def test_golden_cases_come_out_on_the_gpu_within_their_tolerance(catalogue: Registry) -> None:
    packages = [found for card in catalogue.cards() if (found := catalogue.package(card.model.id)) is not None]
    assert failures(packages, CUDA) == []


def test_the_gpu_and_the_cpu_draw_the_same_outline_but_for_the_last_bits(catalogue: Registry) -> None:
    card = catalogue.card("brain-extractor")
    assert card is not None
    package = catalogue.package(card.model.id)
    assert package is not None
    head = next(case for case in cases(package) if case.expect.value is not None).inputs()
    volumes = []
    for options in (CUDA, Options()):
        with ModelHost(catalogue, options) as host:
            volumes.append(float(host.run(card, head).findings[0].quantities[0].value))
    assert volumes[0] == pytest.approx(volumes[1], rel=1e-3)
