"""OHIF as files below /ohif/, where it was installed, under a policy of its own.

It is code of another project on the desk's own origin. Its policy lets it fetch below /dicom-web/ and /ohif/, and
nowhere else: not from other hosts, and not from the desk's API, where a session may sign.
"""

import base64
import hashlib
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import Response

PATH: Final = "/ohif/"
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class OhifFiles(StaticFiles):
    """The files; an address that is no file is a page of the viewer, which is always the same one."""

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        """Return a file, or the viewer's page."""
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or "." in path.rpartition("/")[2]:
                raise
            response = await super().get_response("index.html", scope)
        response.headers["Cache-Control"] = "no-cache"  # kept, and asked for again by its ETag: 5 MB
        return response


def policy_of(folder: Path, origin: str, ancestors: str) -> str:
    """Return the policy of its pages: WebAssembly decodes, workers are made of blobs, styles are written by scripts.

    What reads a segmentation for it (ndarray) makes functions of text, so eval is let through: without it no outline is
    drawn. Its scripts still come from its own files alone, and whatever runs in them reaches no other address.

    Args:
        folder: where it was installed.
        origin: of the desk.
        ancestors: who may show it in a frame.

    Source: CSP Level 3. Two scripts stand in its page; they are named by their digest.
    """
    inline = " ".join(f"'sha256-{_digest(text)}'" for text in _INLINE.findall((folder / "index.html").read_bytes()))
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-eval' {inline}; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; manifest-src 'self'; "
        f"connect-src {origin}/dicom-web/ {origin}{PATH} data: blob:; "
        f"form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}"
    )


def _digest(text: bytes) -> str:
    return base64.b64encode(hashlib.sha256(text).digest()).decode()
