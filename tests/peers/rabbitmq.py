"""A RabbitMQ broker of our own: private node name, ports, folder and Erlang port mapper."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.peers.base import Daemon, PeerMissing, folder, free_port, listens, program, wait_until

MAPPER_S = 15.0
"""Longest wait for the port mapper to let go of a node that has ended."""

CTL_S = 120.0
"""Longest run of the administrator's tool: it starts an Erlang node of its own."""


class RabbitMQ:
    """One broker on loopback, user guest.

    Args:
        more: lines of rabbitmq.conf beside ours; "{home}" is the broker's folder.
        files: written into that folder first, by name.
    """

    def __init__(self, more: str = "", files: Mapping[str, str] | None = None) -> None:
        self._program = _server()
        self.home = folder("rabbitmq", owner="rabbitmq")
        self.port = free_port()
        self._mapper = free_port()
        self._distribution = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        (self.home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\nlog.console.level = warning\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.relative = 0.5\n"
            + more.replace("{home}", str(self.home))
        )
        for name, text in (files or {}).items():
            (self.home / name).write_text(text)
        (self.home / "enabled_plugins").write_text("[].\n")
        self.daemon = self._start()

    def _start(self) -> Daemon:
        daemon = Daemon(
            "rabbitmq", [*self._as_rabbitmq(), str(self._program)], self.home, env=self._env(), cwd=self.home
        )
        try:
            wait_until(lambda: listens(self.port), "rabbitmq", daemon.process)
        except PeerMissing as error:
            daemon.stop(sign=signal.SIGKILL)
            raise PeerMissing(f"{error}\n{daemon.tail()}") from error
        return daemon

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self.daemon.stop(sign=signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same data and port."""
        self.daemon = self._start()

    def ctl(self, *words: str) -> str:
        """Return what an administrator's `rabbitmqctl` answers on this node."""
        tool = self._program.with_name("rabbitmqctl")
        done = subprocess.run(
            [*self._as_rabbitmq(), str(tool), "-q", "-n", f"aval{self.port}@localhost", *words],
            env=self._env(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=CTL_S,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {words[0]}: {done.stdout[-500:]}{done.stderr[-500:]}"
        return done.stdout

    def stop(self) -> None:
        """Stop the broker and its port mapper, and remove the folder."""
        self.daemon.stop(grace_s=20)
        self._stop_mapper()
        shutil.rmtree(self.home, ignore_errors=True)

    def _stop_mapper(self) -> None:
        """End the port mapper; it refuses while it still has a node in its list, so ask until it is gone."""
        mapper = shutil.which("epmd")
        deadline = time.monotonic() + MAPPER_S
        while mapper and listens(self._mapper) and time.monotonic() < deadline:
            subprocess.run([mapper, "-port", str(self._mapper), "-kill"], capture_output=True, check=False)
            time.sleep(0.1)

    def _env(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"aval{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def _as_rabbitmq(self) -> list[str]:
        return ["runuser", "-u", "rabbitmq", "--"] if os.geteuid() == 0 else []


def _server() -> Path:
    """Return the real server script; Debian's wrapper insists on its own user and folders."""
    for base in Path("/usr/lib/rabbitmq").glob("lib/rabbitmq_server-*/sbin/rabbitmq-server"):
        return base
    return Path(program("rabbitmq-server"))
