"""The ways in of a desk in memory: a provider that sends everybody back, or says no."""

from collections.abc import Mapping

from bridge.links.errors import UntrustedLink
from bridge.oidc.errors import Astray
from bridge.web.entrance import Arrived
from bridge.web.errors import LocalClosed


class FakeEntrance:
    """Gives out one state at a time, and takes it once from the browser that left with it."""

    def __init__(self) -> None:
        self.is_local = True
        self.left: dict[str, tuple[str, str]] = {}
        self.refuses: Exception | None = None
        self.token = ""
        self.ticket = "t" * 43
        self.goodbye = "https://idp.test/bye"

    def local(self) -> bool:
        return self.is_local

    def require_local(self) -> None:
        """Refuse a password while local accounts are closed."""
        if not self.is_local:
            raise LocalClosed("desk.oidc.local_accounts")

    def depart(self, target: str, browser: str, language: str) -> str:
        if self.refuses:
            raise self.refuses
        state = f"state-{len(self.left)}"
        self.left[state] = (browser, target)
        return f"https://idp.test/authorize?state={state}&ui_locales={language}"

    def arrive(self, answer: Mapping[str, str], browser: str) -> Arrived:
        state = answer.get("state", "")
        left, target = self.left.get(state, ("", ""))
        if left != browser:
            raise Astray("another browser")
        del self.left[state]
        if self.refuses:
            raise self.refuses
        return Arrived(token=self.token, target=target)

    def begin_launch(self, issuer: str, launch: str, browser: str, language: str) -> str:
        if issuer != "https://dpi.test/fhir":
            raise UntrustedLink("launcher")
        return self.depart(f"launch:{launch}", browser, language)

    def end_launch(self, answer: Mapping[str, str], browser: str) -> str:
        self.arrive(answer, browser)
        return self.ticket

    def leave(self) -> str:
        return self.goodbye
