"""Somebody at the desk, through its documented API, as a browser or a script would use it."""

from typing import Any, Self

import httpx2

from tests.installation import Installation, Person

ANSWER = {"verdict": "accept", "patient_informed": "yes"}


class AtDesk:
    """A person with a session.

    Args:
        installation: whose desk; anything with ``desk`` (its address) and ``eventually`` will do.
    """

    def __init__(self, installation: Installation, person: Person) -> None:
        self.installation = installation
        self.person = person
        self.web = httpx2.Client(
            base_url=installation.desk,
            headers={"Origin": installation.desk, "Accept-Language": "en"},
            trust_env=False,
            timeout=60,
        )

    def __enter__(self) -> Self:
        self.sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.web.close()

    def sign_in(self) -> None:
        """Open a session."""
        self.web.cookies.clear()
        person = self.person
        who = {"login": person.login, "password": person.password, "code": person.code}
        answer = self.web.post("/api/session", json=who)
        assert answer.status_code == 201, answer.text

    # ------------------------------------------------------------------------------------------------------- looking

    def lines(self, *states: str) -> list[dict[str, Any]]:
        """Return the worklist rows of ``states``."""
        answer = self.web.get("/api/results", params={"state": list(states)} if states else {})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["lines"]
        return found

    def view(self, result: str) -> dict[str, Any]:
        """Return a result as this person may see it."""
        answer = self.web.get(f"/api/results/{result}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def state(self, result: str) -> str:
        """Return where a result stands."""
        return str(self.view(result)["line"]["state"])

    def draft_of(self, case: str, model: str, *states: str) -> str:
        """Wait until a model has said something of a case, and return the result."""
        wanted = states or ("awaiting_review",)

        def look() -> str:
            rows = [line for line in self.lines(*wanted) if line["case"]["id"] == case]
            return next((str(row["id"]) for row in rows if row["model"].startswith(model)), "")

        return self.installation.eventually(look, f"{model} on case {case[:8]} to be {' or '.join(wanted)}")

    def wait_for(self, result: str, *states: str) -> dict[str, Any]:
        """Wait until a result is in one of ``states``, and return it."""

        def look() -> dict[str, Any] | None:
            seen = self.view(result)
            return seen if seen["line"]["state"] in states else None

        found = self.installation.eventually(look, f"result {result[:8]} to be {' or '.join(states)}")
        assert found is not None
        return found

    # -------------------------------------------------------------------------------------------------------- acting

    def open(self, result: str) -> dict[str, Any]:
        """Look at the draft; the answer holds it, and the one-time question."""
        answer = self.web.post(f"/api/results/{result}/question")
        assert answer.status_code == 201, answer.text
        opened: dict[str, Any] = answer.json()
        return opened

    def answer(self, result: str, opened: dict[str, Any], **said: Any) -> httpx2.Response:
        """Answer a question, and return whatever the desk says to that."""
        opinion = {"nonce": opened["nonce"], "shown": opened["shown"], **ANSWER, **said}
        return self.web.post(f"/api/results/{result}/opinions", json=opinion)

    def sign(self, result: str, **said: Any) -> dict[str, Any]:
        """Look at the draft and sign; return what was shown."""
        opened = self.open(result)
        answer = self.answer(result, opened, **said)
        assert answer.status_code == 201, answer.text
        return opened

    def retract(self, result: str, reason: str = "wrong-result", comment: str = "Mauvaise série.") -> None:
        """Take a released result back."""
        answer = self.web.post(f"/api/results/{result}/withdrawal", json={"reason": reason, "comment": comment})
        assert answer.status_code == 201, answer.text
