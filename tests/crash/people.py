"""A modality that sends until it is believed, and a reader who signs whatever waits: neither ever gives up."""

import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.reader import AtDesk
from tests.installation import Installation
from tests.peers.base import program

RESPONSE: Final = re.compile(
    r"Message Type +: C-STORE RSP.*?Affected SOP Instance UID +: (?P<uid>[\d.]+)"
    r".*?DIMSE Status +: 0x(?P<status>[0-9a-f]{4})",
    re.DOTALL,
)
"""What dcmsend prints of each answer."""

AGAIN_S: Final = 0.2


def send_once(study: Study, port: int) -> dict[str, str]:
    """Send a study with dcmsend; return the status that each image was answered, by SOP Instance UID."""
    command = [program("dcmsend"), "-d", "-aet", "SCANNER1", "-aec", "AVAL", "--decompress-never", "--no-halt"]
    done = subprocess.run(
        [*command, "-to", "5", "-ta", "10", "-td", "20", "127.0.0.1", str(port), *map(str, study.files)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=inputs.SEND_S,
        check=False,
    )
    return {found["uid"]: found["status"] for found in RESPONSE.finditer(done.stdout + done.stderr)}


class Modality:
    """Sends one study after another, each again and again until every image of it was taken.

    Args:
        count: how many studies at most wait for their result at once.
        unfinished: how many wait now.
    """

    def __init__(
        self, installation: Installation, folder: Path, *, unfinished: Callable[[], int], count: int = 3
    ) -> None:
        self.sent: dict[str, Study] = {}
        self.acknowledged: dict[str, set[str]] = {}
        self.tries = 0
        self.sending = threading.Event()
        self._installation = installation
        self._folder = folder
        self._unfinished = unfinished
        self._count = count
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="modality")

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Finish the study at hand, and no other."""
        self._closing.set()
        self._thread.join()

    def abandon(self) -> None:
        """Go, whatever was not taken: the test has failed, or is over."""
        self._abandoned.set()
        self.finish()

    def _work(self) -> None:
        while not self._closing.is_set():
            if self._unfinished() < self._count:
                self._send(inputs.phantom(self._folder, f"crash-{time.monotonic_ns()}"))
            else:
                time.sleep(AGAIN_S)

    def _send(self, study: Study) -> None:
        self.sent[study.uid] = study
        taken = self.acknowledged[study.uid] = set()
        while len(taken) < len(study.files) and not self._abandoned.is_set():
            self.sending.set()
            self.tries += 1
            answers = send_once(study, self._installation.scp)
            taken.update(uid for uid, status in answers.items() if status == "0000")
            if len(taken) < len(study.files):
                time.sleep(AGAIN_S)


class Reader:
    """Signs every phantom that waits, as soon as it waits.

    Args:
        signed: results that this person was told are signed, or found signed after an answer that never came.
    """

    def __init__(self, installation: Installation) -> None:
        self.signed: set[str] = set()
        self.signing = threading.Event()
        self.released = threading.Event()
        self.surprises: list[str] = []
        self._desk = AtDesk(installation, installation.people["dr.martin"])
        self._desk.web.timeout = httpx2.Timeout(15)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="reader")

    def start(self) -> None:
        self._desk.sign_in()
        self._thread.start()

    def finish(self) -> None:
        """Go home."""
        self._closing.set()
        self._thread.join()
        self._desk.web.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                for line in self._waiting():
                    self._sign(line["id"])
            except httpx2.HTTPError:
                pass  # nobody answers just now, or the answer was cut off: look again
            time.sleep(AGAIN_S)

    def _waiting(self) -> list[dict[str, Any]]:
        answer = self._desk.web.get("/api/results")
        if answer.status_code != 200:
            self._note(answer)
            return []
        return [line for line in answer.json()["lines"] if line["model"].startswith(PHANTOM)]

    def _sign(self, result: str) -> None:
        opened = self._desk.web.post(f"/api/results/{result}/question")
        if opened.status_code != 201:
            self._note(opened)
            return
        self.signing.set()
        answer = self._desk.answer(result, opened.json())
        if answer.status_code == 201:
            self.signed.add(result)
            self.released.set()
        else:
            self._note(answer)

    def _note(self, answer: httpx2.Response) -> None:
        """Keep what no crash explains: 409 is a case that moved meanwhile, 503 a part that does not answer."""
        if answer.status_code not in {409, 503}:
            asked = answer.request.url.path.rpartition("/")[2]
            self.surprises.append(f"{asked}: {answer.status_code} {answer.text[:300]}")
