"""Debian's Chromium, driven by Playwright. Never downloaded: what the machine has, or nothing."""

import shutil
import tempfile
from typing import Any

from tests.peers.base import PeerMissing, program

FLAGS = (
    "--no-sandbox",  # tests run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # not one request leaves 127.0.0.1
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",  # grey 137 is grey 137 on every machine
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--hide-scrollbars",
)


class Chromium:
    """One browser; each test gets a context of its own, with its own cookies and its own clock zone.

    Args:
        flags: more than the usual ones.
    """

    def __init__(self, *flags: str) -> None:
        path = program("chromium", "chromium-browser", "google-chrome-stable")
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise PeerMissing("the Python package playwright is not installed; run `make test`") from error
        self._driver = sync_playwright().start()
        self._home = tempfile.mkdtemp(prefix="aval-chromium-")
        self.browser = self._driver.chromium.launch(
            executable_path=path, headless=True, args=[*FLAGS, *flags], downloads_path=self._home
        )

    def context(self, **options: Any) -> Any:
        """Return a new context: French, dark, 1440 x 900, no motion, unless ``options`` says otherwise.

        The browser is in Lima: pages show the time of the site, not of whoever looks.
        """
        usual = {
            "viewport": {"width": 1440, "height": 900},
            "locale": "fr-FR",
            "timezone_id": "America/Lima",
            "color_scheme": "dark",
            "reduced_motion": "reduce",
        }
        context = self.browser.new_context(**{**usual, **options})
        context.set_default_timeout(10_000)
        return context

    def stop(self) -> None:
        """Close the browser and end its driver."""
        self.browser.close()
        self._driver.stop()
        shutil.rmtree(self._home, ignore_errors=True)
