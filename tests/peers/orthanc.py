"""A real PACS: Orthanc with its DICOMweb plugin, on private ports and a private folder."""

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.peers.base import Daemon, PeerMissing, folder, free_port, program, wait_until
from tests.peers.certificates import Pair

_PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """One archive.

    Args:
        aet: of the peer that it answers storage commitment to.
        commitment_port: where that peer listens.
        tls: Orthanc's certificate, and who signs those of its peers; then DICOM is spoken in TLS alone, both ways.
    """

    def __init__(
        self, aet: str = "AVAL", commitment_port: int | None = None, tls: tuple[Pair, Path] | None = None
    ) -> None:
        if not _PLUGIN.exists():
            raise PeerMissing("orthanc-dicomweb is not installed; run `make peers`")
        self.aet = "ORTHANC"
        self.home = folder("orthanc")
        self.port, self._http_port = free_port(), free_port()
        self.commitment_port = commitment_port or free_port()
        self.url = f"http://127.0.0.1:{self._http_port}"
        config = self.home / "orthanc.json"
        config.write_text(json.dumps(self._configuration(aet, in_tls=tls is not None) | _in_tls(tls)))
        self.daemon = Daemon("orthanc", [program("Orthanc"), str(config)], self.home)
        try:
            wait_until(self._answers, "Orthanc", self.daemon.process)
        except PeerMissing as error:
            raise PeerMissing(f"{error}\n{self.daemon.tail()}") from error

    @property
    def dicomweb_url(self) -> str:
        """Root of the DICOMweb service."""
        return f"{self.url}/dicom-web"

    def instances(self) -> list[str]:
        """Return Orthanc's own identifiers of what it holds."""
        found: list[str] = self._get("/instances")
        return found

    def file_of(self, sop_instance_uid: str) -> bytes | None:
        """Return the stored file of an instance, or None when it has none."""
        for name in self.instances():
            if self._get(f"/instances/{name}/simplified-tags")["SOPInstanceUID"] == sop_instance_uid:
                with urllib.request.urlopen(f"{self.url}/instances/{name}/file", timeout=10) as answer:
                    return bytes(answer.read())
        return None

    def store(self, file: bytes) -> str:
        """Put one DICOM file into it; return Orthanc's own identifier of the instance."""
        name: str = self._ask("POST", "/instances", file)["ID"]
        return name

    def post_to(self, dicomweb_url: str, token: str, names: list[str]) -> Any:
        """Send instances by STOW-RS, as its DICOMweb plugin does; return what it says of how that went."""
        server = {"Url": dicomweb_url, "HttpHeaders": {"Authorization": f"Bearer {token}"}}
        self._ask("PUT", "/dicom-web/servers/peer", json.dumps(server).encode())
        asked = {"Resources": names, "Synchronous": True}
        return self._ask("POST", "/dicom-web/servers/peer/stow", json.dumps(asked).encode())

    def send(self, identifier: str) -> None:
        """Make it send one of its instances to its peer.

        Raises:
            OSError: the peer did not take it.
        """
        self._ask("POST", "/modalities/aval/store", identifier.encode())

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self.daemon.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return bool(self._get("/system"))
        except OSError:
            return False

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def _ask(self, method: str, path: str, body: bytes) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def _configuration(self, aet: str, *, in_tls: bool) -> dict[str, Any]:
        return {
            "Name": "Aval tests",
            "StorageDirectory": str(self.home / "storage"),
            "IndexDirectory": str(self.home / "storage"),
            "Plugins": [str(_PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "DicomAet": self.aet,
            "DicomPort": self.port,
            "DicomCheckCalledAet": True,
            "HttpPort": self._http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "OverwriteInstances": False,
            "DefaultEncoding": "Latin1",
            "DicomModalities": {
                "aval": {
                    "AET": aet,
                    "Host": "127.0.0.1",
                    "Port": self.commitment_port,
                    "AllowStorageCommitment": True,
                    "UseDicomTls": in_tls,
                }
            },
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
        }


def _in_tls(tls: tuple[Pair, Path] | None) -> dict[str, Any]:
    if tls is None:
        return {}
    pair, authorities = tls
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pair.certificate),
        "DicomTlsPrivateKey": str(pair.key),
        "DicomTlsTrustedCertificates": str(authorities),
        "DicomTlsRemoteCertificateRequired": True,
    }
