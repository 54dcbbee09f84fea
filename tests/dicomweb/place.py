"""A desk over a real store and vault, with real DICOM files in it, that viewers ask by DICOMweb."""

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import uvicorn
from cryptography.fernet import Fernet
from starlette.testclient import TestClient

from bridge import accounts
from bridge.web.app import Options, make_app
from bridge.wiring.desk import RealDesk
from bridge.wiring.launches import Launching
from bridge.wiring.viewing import RealImaging
from dicom_adapters.read.headers import read_header, to_arrival
from guarantee.card import Card
from guarantee.content import Content
from guarantee.inputs import Inputs
from guarantee.mask import Grid, Mask
from guarantee.policy import Policy, Role
from guarantee.ports import Proposal
from guarantee.result import Mode, Result
from guarantee.states import ResultState
from tests.dicom import endorsements, samples
from tests.flows.fakes import COMMITTEE, POLICY, READER, FakeModel, another_card, card
from tests.flows.world import World
from tests.guarantee.samples import a_right
from tests.peers.base import PeerMissing, free_port

HERE: Final = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request that a page of the desk makes."""

SITE: Final = "site-1"
SHADOW: Final = another_card("whisper", mode=Mode.SHADOW)


class OutliningModel(FakeModel):
    """Outlines a block on the images that it was last told of."""

    grid: Grid = Grid(frames=("1.2.3.1",), rows=2, columns=4)

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        said = super().run(card, inputs)
        voxels = np.zeros((len(self.grid.frames), self.grid.rows, self.grid.columns), np.uint8)
        voxels[:2, 8:20, 9:31] = 1
        mask = endorsements.to_mask(self.grid, voxels)
        return replace(said, segments=tuple(replace(one, mask=mask) for one in said.segments))


class Place(World):
    """A world whose desk is asked over HTTP.

    Args:
        first_read: in per mille.
    """

    def __init__(self, folder: Path, *, first_read: int = 0) -> None:
        self.policies: tuple[Policy, ...] = (replace(POLICY, first_read=first_read),)  # type: ignore[misc]
        super().__init__(folder, cards=(card(), SHADOW))
        self.outlining = OutliningModel()
        self.model = self.outlining
        self.readers = {Role.RADIOLOGIST: READER}
        for role in Role:
            if role is not Role.RADIOLOGIST:
                self.readers[role] = replace(READER, login=f"a.{role}", name=f"ESSAI^{role}", role=role)
                with self.sql.transaction("setup") as unit:
                    unit.accounts.add(self.readers[role], "x", "x", self.clock.now())
                    if role is Role.CLINICIAN:
                        right = a_right(self.readers[role].login, card().model, SITE, by=COMMITTEE.login)
                        unit.habilitations.grant(right)
        self.desk = self._desk()
        self.origin = "http://testserver"
        self.ohif: Path | None = None
        self._apps: dict[tuple[str, Path | None], Any] = {}
        self._server: uvicorn.Server | None = None

    def _desk(self) -> RealDesk:
        cipher = Fernet(Fernet.generate_key())
        sign_ins = accounts.Desk(accounts=self._accounts, secrets=cipher, now=self.clock.now)
        options = endorsements.OPTIONS
        return RealDesk(
            store=self.sql,
            review=self.review,
            sign_ins=sign_ins,
            catalogue=self.catalogue,
            installed=self.catalogue.cards,
            places=(),
            launching=Launching(store=self.sql, clock=self.clock, launchers=(), zone=ZoneInfo("Europe/Paris")),
            signing=Any,  # type: ignore[arg-type] # nobody signs here
            entrance=Any,  # type: ignore[arg-type] # nor comes from elsewhere
            reporting=Any,  # type: ignore[arg-type] # nor reports anything
            examine=self.examine,
            imaging=RealImaging(store=self.sql, review=self.review, sign_ins=sign_ins, options=options),
        )

    def _accounts(self, actor: str) -> Any:
        return _Accounts(self, actor)

    # ------------------------------------------------------------------------------------------------------- people

    def session(self, role: Role = Role.RADIOLOGIST) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(32)
        with self.sql.transaction("desk:setup") as unit:
            login = self.readers[role].login
            unit.accounts.open_session(accounts.token_digest(token), login, "password+totp", self.clock.now())
        return token

    def client(self, role: Role | None = Role.RADIOLOGIST, **headers: str) -> TestClient:
        """Return what asks as somebody with ``role`` on a page of the desk; nobody in particular when None."""
        said = {"Origin": self.origin, **HERE, **headers}
        made = TestClient(self.app(), base_url=self.origin, headers=said, raise_server_exceptions=False)
        if role is not None:
            made.cookies["aval"] = self.session(role)
        return made

    def app(self) -> Any:
        """Return the desk's application; making one takes 0.3 s."""
        key = (self.origin, self.ohif)
        if key not in self._apps:
            options = Options(
                public_url=self.origin, site_name="CHU", organisation="Imagerie", secure_cookies=False, ohif=self.ohif
            )
            self._apps[key] = make_app(self.desk, options, now=self.clock.now)
        return self._apps[key]

    # ------------------------------------------------------------------------------------------------------ studies

    def receive_files(self, files: Sequence[bytes]) -> None:
        """Take files in, as the listener does."""
        self.receive(
            *(
                to_arrival(read_header(data), digest=self.vault.put(data), site=SITE, sender="scanner", conversation="")
                for data in files
            )
        )

    def study(self, name: str, files: Sequence[bytes] | None = None) -> tuple[str, list[bytes]]:
        """Let a study come in and be drafted; return its UID and its files, in the order of space."""
        files = files or samples.to_files(samples.series("MR", slices=4, study=name))
        headers = [read_header(data) for data in files]
        frames = tuple(header.sop_instance_uid for header in headers)
        self.outlining.grid = Grid(frames=frames, rows=36, columns=44)
        self.receive_files(files)
        self.complete()
        self.infer_all()
        return headers[0].study_instance_uid, list(files)

    def draft(self, study: str, mode: Mode = Mode.CARE) -> Result:
        """Return the draft of a study that waits."""
        with self.sql.reading() as unit:
            rows = unit.views.results((), modes=(str(mode),), limit=1000)
        (found,) = [row.result for row in rows if row.case.uid == study]
        assert found.state is ResultState.AWAITING_REVIEW or mode is Mode.SHADOW
        return found

    def opened(self, study: str, client: TestClient) -> Result:
        """Open the draft of a study at the desk."""
        result = self.draft(study)
        answer = client.post(f"/api/results/{result.id}/question")
        assert answer.status_code == 201, answer.text
        return result

    # ------------------------------------------------------------------------------------------------------- served

    def serve(self) -> str:
        """Serve the desk on a port, for clients that bring their own HTTP; return its address."""
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        server = uvicorn.Server(uvicorn.Config(self.app(), host="127.0.0.1", port=port, log_level="critical"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            if time.monotonic() > deadline:
                raise PeerMissing("the desk did not start")
            time.sleep(0.01)
        self._server, self._thread = server, thread
        return self.origin

    def close(self) -> None:
        """End what runs."""
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(60)
        self.engine.dispose()


class _Accounts:
    """A transaction over the accounts."""

    def __init__(self, place: Place, actor: str) -> None:
        self._transaction = place.sql.transaction(actor)

    def __enter__(self) -> Any:
        return self._transaction.__enter__().accounts

    def __exit__(self, *error: Any) -> Any:
        return self._transaction.__exit__(*error)


def mask_of(place: Place, result: Result) -> Mask:
    """Return the mask that the model drafted."""
    assert result.draft is not None
    content = Content.from_bytes(place.vault.get(result.draft))
    return Mask.from_bytes(place.vault.get(content.segments[0].mask))
