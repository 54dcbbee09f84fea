"""How the browser tests read the review page."""

from typing import Any

ACCEPT, AMEND, REJECT = (f"input[name=verdict][value={verdict}]" for verdict in ("accept", "amend", "reject"))


def ready(page: Any) -> Any:
    """Wait until the draft can be accepted, and return the page."""
    page.wait_for_selector(f"{ACCEPT}:not([disabled])", state="attached")
    return page


def signed(page: Any) -> None:
    """Wait until the page says what became of the result."""
    page.wait_for_selector("#outcome")


def trouble(page: Any) -> str:
    """Wait for the message that says what happened, and return it."""
    page.wait_for_selector("#trouble:not([hidden])")
    return str(page.inner_text("#trouble"))
