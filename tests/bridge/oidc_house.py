"""An installation whose people sign in at a provider that lies."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import text

from bridge import accounts
from bridge.config import FILE, load
from bridge.oidc.provider import Provider
from bridge.oidc.request import new_browser
from bridge.wiring.entrance import RealEntrance, entrance
from bridge.wiring.parts import Parts
from bridge.wiring.processes import launching
from guarantee.opinion import Reader
from tests.bridge.forging_provider import Forger
from tests.flows.fakes import FakeClock

BROWSER = new_browser()
SECRET = "a b:c+d"
SETTINGS = """
[site]
namespace = "7f2c1c8e-0000-4000-8000-000000000001"

[desk]
public_url = "https://aval.chu.example"

[desk.oidc]
issuer = "{issuer}"
client_id = "aval"
client_secret = "{secret}"
"""


def settings(issuer: str) -> str:
    return SETTINGS.format(issuer=issuer, secret=SECRET)


class House:
    """An installation whose people sign in at the forger's."""

    def __init__(self, folder: Path, forger: Forger) -> None:
        self.folder, self.forger = folder, forger
        self.text = settings(forger.issuer)
        (folder / FILE).write_text(self.text)
        self.clock = FakeClock()
        self.seconds = 0.0
        forger.clock = self.clock
        self.parts = Parts(load(folder))
        self.parts.clock = self.clock  # type: ignore[assignment] # moved by hand
        self.ways = self.made()

    def made(self, **options: Any) -> RealEntrance:
        """Return the ways in, with a provider whose patience is counted by hand."""
        usual = entrance(self.parts, launching(self.parts, "desk"))
        assert usual.provider is not None
        provider = Provider(replace(usual.provider.options, **options), self.clock.now, clock_s=lambda: self.seconds)
        return replace(usual, provider=provider)

    def of_settings(self, text: str) -> Parts:
        """Return the parts of this installation under other settings."""
        (self.folder / FILE).write_text(text)
        self.parts.close()
        self.parts = Parts(load(self.folder))
        self.parts.clock = self.clock  # type: ignore[assignment] # moved by hand
        self.ways = entrance(self.parts, launching(self.parts, "desk"))
        return self.parts

    def depart(self, browser: str = BROWSER, target: str = "/worklist") -> dict[str, str]:
        address = urlsplit(self.ways.depart(target, browser, "fr"))
        query = {name: values[0] for name, values in parse_qs(address.query, strict_parsing=True).items()}
        self.forger.nonce = query["nonce"]
        return query

    def sign_in(self, browser: str = BROWSER) -> str:
        """Go there and come back; return the token of the session."""
        state = self.depart(browser)["state"]
        return self.ways.arrive({"state": state, "code": "one-time-code"}, browser).token

    def who(self, token: str) -> tuple[Reader, str]:
        found = accounts.session(token, self.parts.sign_in)
        assert found is not None
        return found[0], found[1]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.parts.store("desk").reading() as unit:
            return [tuple(row) for row in unit.connection.execute(text(query))]

    def journal(self) -> list[str]:
        return [action for (action,) in self.rows("SELECT action FROM journal WHERE action LIKE 'session.%'")]
