"""An identity provider of another hand: panva's oidc-provider for Node, shaped like Pro Santé Connect."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from tests.peers.base import Daemon, PeerMissing, folder, free_port, program, wait_until

MODULES = Path(__file__).parents[2] / ".peers" / "oidc" / "node_modules"
SCRIPT = Path(__file__).parent / "oidc" / "provider.mjs"
CLIENT = "aval-desk"
SECRET = "a secret: of / this+client"


class OidcProvider:
    """One provider on loopback.

    Args:
        desk: address of the desk, which is registered as its client.
        people: login there to professional identifier.
        fhir: root of a FHIR server, which then launches the desk at ``issuer``/fhir.
        context: what its launches say is on its screen.
        client: more of the registration, e.g. another algorithm.
    """

    def __init__(
        self, desk: str, people: Mapping[str, str], *, fhir: str = "", context: Mapping[str, Any] | None = None
    ) -> None:
        if not (MODULES / "oidc-provider").exists():
            raise PeerMissing("oidc-provider is not installed; run `make peers`")
        node = program("node", "nodejs")
        self.home = folder("oidc")
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        registered = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [f"{desk}/sign-in/callback", f"{desk}/launch/callback"],
            "post_logout_redirect_uris": [f"{desk}/sign-in"],
        }
        asked = {"modules": str(MODULES), "issuer": self.issuer, "port": port, "people": dict(people)}
        words = json.dumps(asked | {"client": registered, "fhir": fhir, "context": dict(context or {})})
        self.daemon = Daemon("oidc-provider", [node, str(SCRIPT), words], self.home)
        try:
            wait_until(self._answers, "oidc-provider", self.daemon.process)
        except PeerMissing as error:
            self.daemon.stop()
            raise PeerMissing(f"{error}\n{self.daemon.tail()}") from error

    def stop(self) -> None:
        """End it and remove its folder."""
        self.daemon.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            found = httpx2.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5, trust_env=False)
        except httpx2.HTTPError:
            return False
        return found.status_code == 200
