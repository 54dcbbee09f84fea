"""SeaweedFS: an S3-compatible store of another hand, with its own signatures, conditions, checksums and uploads."""

import json
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.vault import Bucket, BucketOptions, Login
from bridge.vault.body import Body
from guarantee.errors import Unavailable
from tests.peers.base import Daemon, PeerMissing, folder, free_ports, wait_until
from tests.peers.certificates import Pair

PROGRAM: Final = Path(__file__).parents[2] / ".peers" / "seaweedfs" / "bin" / "weed"

BUCKET: Final = "vault"

LOGIN: Final = Login(access_key="AKIDAVAL", secret_key="a/secret+of-the-tests", region="us-east-1")
"""May read, write and list in the bucket."""

READER: Final = Login(access_key="READER", secret_key="another-secret", region="us-east-1")
"""May only read and list."""

OWNER: Final = Login(access_key="OWNER", secret_key="the-owners-secret", region="us-east-1")
"""May do everything."""

DOMAIN: Final = "s3.aval.test"
"""Below it, the name of a host begins with the name of a bucket."""

_LOCK: Final = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
    "<Mode>GOVERNANCE</Mode><Days>{days}</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
)

_SOCKETS: Final = ("master-grpc", "volume-grpc", "filer", "filer-grpc", "s3", "s3-grpc")
"""Unix sockets that it makes in /tmp, whatever it is told, and leaves there."""


class SeaweedFS:
    """One store on loopback, with one empty bucket.

    Args:
        pair: its certificate, for HTTPS on a port of its own.
    """

    def __init__(self, pair: Pair | None = None) -> None:
        if not PROGRAM.exists():
            raise PeerMissing("SeaweedFS is not installed; run `make peers`")
        self.home = folder("seaweedfs")
        self._ports = range(first := free_ports(9), first + 9)
        self.port = self._ports[6]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.tls_endpoint = f"https://127.0.0.1:{self._ports[8]}"
        self._command = self._words(pair)
        (self.home / "s3.json").write_text(json.dumps({"identities": [_may(*one) for one in _RIGHTS]}))
        (self.home / "data").mkdir()
        self.daemon = self._start()
        self.make_bucket(BUCKET)

    def bucket(self, login: Login = LOGIN, name: str = BUCKET, endpoint: str = "") -> Bucket:
        """Return a client of a bucket; the caller closes it."""
        options = BucketOptions(endpoint=endpoint or self.endpoint, bucket=name, login=login)
        return Bucket(options, lambda: datetime.now(UTC), pause=lambda _: None)

    def make_bucket(self, name: str, *, locked_days: int = 0) -> None:
        """Make a bucket, as the store's owner; one whose objects stay for so many days, when it is more than 0."""
        with self.bucket(OWNER, name) as bucket:
            lock = {"x-amz-bucket-object-lock-enabled": "true"} if locked_days else {}
            assert bucket.ask("PUT", "", headers=lock).status == 200
            if locked_days:
                rule = Body.of(_LOCK.format(days=locked_days).encode())
                assert bucket.ask("PUT", "", query=[("object-lock", "")], body=rule).status == 200

    def kill(self) -> None:
        """End it as a power cut would."""
        self.daemon.stop(sign=signal.SIGKILL)

    def stop(self) -> None:
        """End it, and remove what it leaves. Asked politely it takes half a minute."""
        self.kill()
        for name in _SOCKETS:
            for port in self._ports:
                Path(f"/tmp/seaweedfs-{name}-{port}.sock").unlink(missing_ok=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def _words(self, pair: Pair | None) -> list[str]:
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
        ports = zip((*names, "s3.port", "s3.port.grpc"), self._ports, strict=False)
        words = [str(PROGRAM), "server", f"-dir={self.home / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        words += [f"-{name}={port}" for name, port in ports]
        words += ["-filer", "-s3", f"-s3.config={self.home / 's3.json'}", "-s3.iam=false", "-s3.autoCreateBucket=false"]
        words += [f"-s3.domainName={DOMAIN}"]
        words += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-master.volumeSizeLimitMB=64"]
        if pair:
            words += [f"-s3.port.https={self._ports[8]}", f"-s3.cert.file={pair.certificate}"]
            words += [f"-s3.key.file={pair.key}"]
        return words

    def _start(self) -> Daemon:
        daemon = Daemon("seaweedfs", self._command, self.home, cwd=self.home)
        try:
            wait_until(self._answers, "seaweedfs", daemon.process)
        except PeerMissing as error:
            daemon.stop(sign=signal.SIGKILL)
            raise PeerMissing(f"{error}\n{daemon.tail()}") from error
        return daemon

    def _answers(self) -> bool:
        """It opens its port before its volumes can be written to."""
        with self.bucket(OWNER, "ready") as bucket:
            try:
                if bucket.ask("GET", "").status == 404:
                    bucket.ask("PUT", "")
                return bucket.ask("PUT", "probe").status == 200
            except Unavailable:
                return False


_RIGHTS: Final = (
    ("owner", OWNER, ["Admin", "Read", "Write", "List"]),
    ("aval", LOGIN, ["Read", "Write", "List"]),
    ("reader", READER, ["Read", "List"]),
)


def _may(name: str, login: Login, actions: list[str]) -> dict[str, object]:
    keys = {"accessKey": login.access_key, "secretKey": login.secret_key}
    return {"name": name, "credentials": [keys], "actions": actions}
