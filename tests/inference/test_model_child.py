"""What the child process of a model may reach: no environment, no files, no life after its parent."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

from inference.limits import NICENESS
from inference.process import ENVIRONMENT
from tests.inference import hostile
from tests.inference.bench import Bench, is_gone, wait_for, wait_until_busy
from tests.inference.builders import score_package


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


def test_a_child_gives_way_to_who_started_it(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, one.child.pid) == min(19, ours + NICENESS)


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
