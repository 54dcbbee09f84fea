"""A PostgreSQL cluster of our own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.peers.base import Daemon, PeerMissing, folder, free_port, program, wait_until


class PostgreSQL:
    """One cluster, trust authentication on loopback, superuser ``owner``."""

    def __init__(self) -> None:
        self.bin = _bin()
        self.home = folder("postgresql", owner="postgres")
        self.port = free_port()
        self._databases = 0
        self._run("initdb", "-D", str(self.home / "data"), "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.daemon = Daemon(
            "postgres",
            [
                *self._as_postgres(),
                str(self.bin / "postgres"),
                *("-D", str(self.home / "data"), "-p", str(self.port), "-k", str(self.home)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "fsync=on"),
            ],
            self.home,
        )
        try:
            wait_until(self._answers, "postgres", self.daemon.process)
        except PeerMissing as error:
            raise PeerMissing(f"{error}\n{self.daemon.tail()}") from error

    def new_database(self) -> str:
        """Create an empty database and return its URL, as its owner."""
        self._databases += 1
        name = f"aval_{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "owner", name)
        return self.url(name)

    def url(self, database: str, user: str = "owner") -> str:
        """Return the URL of ``database`` as ``user``."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop the cluster and remove its folder."""
        self.daemon.stop(sign=signal.SIGINT)
        shutil.rmtree(self.home, ignore_errors=True)

    def _answers(self) -> bool:
        command = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _as_postgres(self) -> list[str]:
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_postgres(), str(self.bin / tool), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PeerMissing(f"{tool} failed: {done.stderr.strip()}")


def _bin() -> Path:
    for base in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (base / "postgres").exists() and (base / "initdb").exists():
            return base
    return Path(program("postgres")).parent
