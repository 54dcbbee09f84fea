"""OHIF, a viewer of another project, put beside the desk: fetched once by its digest, and made fit for our path.

What npm publishes is a finished site for the root of a host. To serve it below /ohif/, its own addresses are rewritten
while it is unpacked, its configuration is replaced by one that knows our DICOMweb and nothing else, and what it does
not need here is left out (154 of 204 MB: a segmentation assistant, microscopy).
"""

import base64
import hashlib
import re
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

import httpx2

from guarantee.errors import Refused, Unavailable

VERSION: Final = "3.13.2"
URL: Final = f"https://registry.npmjs.org/@ohif/app/-/app-{VERSION}.tgz"
INTEGRITY: Final = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
"""SHA-512 of the package, in base64, as the registry states it."""

PACKAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Largest package, 64 MiB; this one has 49,906,651 bytes."""

SITE_BYTES_MAX: Final = 128 * 1024 * 1024
"""Most bytes unpacked; 50 MB of this one are."""

FETCH_S: Final = 600.0
"""Longest silence of the registry, in seconds."""

FOLDER: Final = "ohif"
"""Below the data folder."""

_SITE: Final = PurePosixPath("package/dist")
_LEFT_OUT: Final = frozenset({"ort", "dicom-microscopy-viewer"})
_ROOT: Final = b'__webpack_require__.p = "/"'
_BUNDLES: Final = 8
"""Scripts and workers that say where the rest is; one left as it is, and a worker is asked for at the desk's root."""

_CONFIGURATION: Final = """// its tour for new users would lie over the image
localStorage.setItem('shownTours', '["basicViewerTour"]');
window.config = {
  name: 'aval', routerBasename: '/ohif', extensions: [], modes: [], customizationService: {},
  showStudyList: false, showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: true,
  strictZSpacingForVolumeViewport: true, investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'aval',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'aval',
    configuration: {
      friendlyName: 'Aval', name: 'aval',
      wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false, supportsFuzzyMatching: false, supportsWildcard: true,
      imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true,
      dicomUploadEnabled: false, omitQuotationForMultipartRequest: true,
    },
  }],
};
"""


def fetch() -> bytes:
    """Return the package from the registry.

    Raises:
        Unavailable: it does not answer, or with something else.
    """
    data = bytearray()
    try:
        with httpx2.stream("GET", URL, timeout=FETCH_S, follow_redirects=True) as answer:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > PACKAGE_BYTES_MAX:
                    raise Unavailable("ohif", f"{URL} has more than {PACKAGE_BYTES_MAX} bytes")
    except httpx2.HTTPError as error:
        raise Unavailable(
            "ohif", f"{URL} cannot be fetched: {type(error).__name__}; give the file by --from"
        ) from error
    return bytes(data)


def install(package: bytes, folder: Path) -> int:
    """Unpack ``package`` into ``folder``/ohif, whole or not at all; return how many files there are.

    Raises:
        Refused: it is not the package that we know.
    """
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != INTEGRITY:
        raise Refused(f"this is not @ohif/app {VERSION}: its SHA-512 is {found}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".ohif-") as beside:
        made = Path(beside) / FOLDER
        files = unpack(package, made)
        before = folder / FOLDER
        if before.exists():
            before.rename(Path(beside) / "before")
        made.rename(before)
    return files


def unpack(package: bytes, folder: Path) -> int:
    """Write the site of a package into ``folder``; return how many files.

    Raises:
        Refused: it holds too much, a name that leads elsewhere, or not the scripts that are known.
    """
    files = size = rewritten = 0
    for name, data in _site(package):
        size += len(data)
        if size > SITE_BYTES_MAX:
            raise Refused(f"the package unpacks to more than {SITE_BYTES_MAX} bytes")
        fitted = _fitted(name, data)
        rewritten += fitted != data and name.name.endswith(".js")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(fitted)
        files += 1
    if rewritten != _BUNDLES:
        raise Refused(f"{rewritten} scripts say where they are served from; {_BUNDLES} are known")
    (folder / "app-config.js").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / "init-service-worker.js").write_bytes(b"")  # the original one fetches a library from elsewhere
    return files


def _site(package: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    with tarfile.open(fileobj=BytesIO(package), mode="r:gz") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or not path.is_relative_to(_SITE):
                continue
            name = path.relative_to(_SITE)
            if ".." in path.parts or not name.parts:
                raise Refused("a name in the package leads elsewhere")
            if name.parts[0] in _LEFT_OUT or name.suffix == ".map":
                continue
            content = archive.extractfile(member)
            if content is not None:
                yield name, content.read(SITE_BYTES_MAX + 1)


def _fitted(name: PurePosixPath, data: bytes) -> bytes:
    """Return a file as it is served below /ohif/."""
    if name.suffix == ".html":
        moved = re.sub(rb'(src|href|content)="/(?!/)', rb'\1="/ohif/', data)
        return moved.replace(b'window.PUBLIC_URL="/"', b'window.PUBLIC_URL="/ohif/"')
    if name.suffix == ".css":
        return data.replace(b"url(/", b"url(/ohif/")
    if name.suffix == ".js":
        return data.replace(_ROOT, b'__webpack_require__.p = "/ohif/"')
    return data
