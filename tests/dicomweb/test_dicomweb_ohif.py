"""OHIF beside the desk: put there by its digest, shown a draft, and kept from everything else."""

import hashlib
import io
import tarfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from bridge.cli import main
from bridge.wiring import ohif
from guarantee.errors import Refused
from tests.dicom import samples
from tests.dicomweb.place import HERE, Place
from tests.peers.chromium import Chromium
from tests.peers.fixtures import started
from tests.peers.ohif import Ohif, package

OUT = Path(__file__).parents[1] / "out" / "desk"
"""Screenshots, for people to look at."""

SHOWN_S = 60.0
"""Longest wait for a viewer of 5 MB that draws without a graphics card."""


def archive(*members: tuple[str, bytes]) -> bytes:
    """Return a package."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


# --------------------------------------------------------------------------------------------------------- put there


def test_another_package_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="this is not @ohif/app"):
        ohif.install(archive(("package/dist/index.html", b"<html>")), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["package/dist/../../../evil", "package/dist/a/../../../../evil"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="leads elsewhere"):
        ohif.unpack(archive((name, b"x")), tmp_path / "ohif")
    assert not (tmp_path / "evil").exists()


def test_scripts_that_are_not_the_known_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="0 scripts say where they are served from; 8 are known"):
        ohif.unpack(archive(("package/dist/app.bundle.js", b"x")), tmp_path / "ohif")


def test_a_package_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ohif, "SITE_BYTES_MAX", 10)
    with pytest.raises(Refused, match="more than 10 bytes"):
        ohif.unpack(archive(("package/dist/big.bin", b"x" * 11)), tmp_path / "ohif")


def test_the_verb_installs_a_file_that_was_carried_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(
        ("package/dist/index.html", b'<script>window.PUBLIC_URL="/"</script><link href="/a.css">'),
        *((f"package/dist/{n}.bundle.js", b'__webpack_require__.p = "/";') for n in range(8)),
        ("package/dist/ort/large.wasm", b"x"),
        ("package/README.md", b"x"),
    )
    monkeypatch.setattr(ohif, "INTEGRITY", b64encode(hashlib.sha512(data).digest()).decode())
    carried = tmp_path / "ohif.tgz"
    carried.write_bytes(data)
    for _ in range(2):  # again: over the one that is there
        done = CliRunner().invoke(main, ["ohif", "install", "--from", str(carried), "--dir", str(tmp_path)])
        assert (done.exit_code, "9 files" in done.output) == (0, True), done.output
    site = tmp_path / "ohif"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ohif", "ohif.tgz"]
    assert not (site / "ort").exists()
    assert b'window.PUBLIC_URL="/ohif/"' in (site / "index.html").read_bytes()
    assert b'href="/ohif/a.css"' in (site / "index.html").read_bytes()
    assert (site / "3.bundle.js").read_bytes() == b'__webpack_require__.p = "/ohif/";'
    assert "/dicom-web" in (site / "app-config.js").read_text()


def test_without_it_nothing_is_served(fresh: Place) -> None:
    assert fresh.client().get("/ohif/").status_code == 404


# -------------------------------------------------------------------------------------------------------------- shown


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ohif]:
    """OHIF, or a skip with the reason."""
    yield from started(lambda: Ohif(tmp_path_factory.mktemp("viewer")))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Chromium with WebGL drawn by the processor: OHIF shows nothing without."""
    yield from started(lambda: Chromium("--enable-unsafe-swiftshader"))


@pytest.fixture
def looking(fresh: Place, viewer: Ohif, chromium: Chromium) -> Iterator[Callable[[str], Any]]:
    """Return a function that opens a study in OHIF; no request may leave the desk, and none may fail."""
    fresh.ohif = viewer.folder
    url, faults = fresh.serve(), []
    context = chromium.context(base_url=url)
    context.add_cookies([{"name": "aval", "value": fresh.session(), "url": url}])

    def heard(request: Any) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            faults.append(f"request to {request.url}")

    def answered(response: Any) -> None:
        if response.url.startswith(f"{url}/dicom-web") and response.status >= 400:
            faults.append(f"{response.status} for {response.url}")

    def look(study: str) -> Any:
        page = context.new_page()
        page.on("request", heard)
        page.on("response", answered)
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.goto(f"/ohif/viewer?StudyInstanceUIDs={study}")
        return page

    yield look
    context.close()
    assert not faults, faults


def until(page: Any, seen: Callable[[], bool]) -> None:
    """Wait until something is seen."""
    deadline = time.monotonic() + SHOWN_S
    while not seen():
        if time.monotonic() > deadline:
            page.screenshot(path=str(OUT / "ohif-late.png"))
            pytest.fail(page.inner_text("body"))
        page.wait_for_timeout(200)


def outlined(page: Any) -> int:
    """Return how many pixels of the screen are red: the images are grey, the viewer is blue, a segment is red."""
    shown = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    return int((shown[..., 0] - shown[..., 2] > 40).sum())


@pytest.mark.peer("chromium")
@pytest.mark.peer("ohif")
@pytest.mark.timeout(240)
def test_ohif_shows_the_images_and_the_draft_and_reaches_nothing_else(
    fresh: Place, looking: Callable[[str], Any]
) -> None:
    study, _ = fresh.study("ohif", samples.to_files(samples.series("CT", slices=4, study="ohif")))
    reader = fresh.client()
    reader.cookies["aval"] = fresh.session()
    answer = reader.post(f"/api/results/{fresh.draft(study).id}/question", headers={"Origin": fresh.origin, **HERE})
    assert answer.status_code == 201, answer.text
    OUT.mkdir(parents=True, exist_ok=True)
    page = looking(study)
    until(page, lambda: page.locator("canvas").count() > 0)
    until(page, lambda: "AI draft, not validated" in page.inner_text("body"))
    assert "CT" in page.inner_text("body")
    assert outlined(page) == 0
    page.locator("text=Brouillon d'IA").last.dblclick(timeout=60_000)
    page.get_by_text("Yes", exact=True).click(timeout=60_000)
    until(page, lambda: outlined(page) > 50_000)
    page.screenshot(path=str(OUT / "ohif-draft.png"))
    reached = page.evaluate("fetch('/api/session').then((a) => a.status).catch((e) => String(e))")
    assert "Failed to fetch" in str(reached)


def test_the_package_is_the_one_that_is_pinned() -> None:
    """Whoever changes the version changes the digest: what npm publishes under a version does not change."""
    for data in _package():
        assert b64encode(hashlib.sha512(data).digest()).decode() == ohif.INTEGRITY
        assert len(data) < ohif.PACKAGE_BYTES_MAX


def _package() -> Iterator[bytes]:
    class Had:
        data = b""

        def stop(self) -> None:
            return

    def had() -> Had:
        made = Had()
        made.data = package()
        return made

    for one in started(had):
        yield one.data
