"""The page that a newcomer lands on: what to do next, as whom, and what arrived at the simulated PACS and record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

HERE: Final = Path(__file__).parent / "guide"

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_guide(status: Callable[[], dict[str, Any]]) -> FastAPI:
    """Return the application.

    Args:
        status: what the page shows, asked every second.
    """
    app = FastAPI(title="Aval demonstration", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        chosen = request.query_params.get("lang") or request.headers.get("accept-language", "fr")
        language = "en" if chosen.lower().startswith("en") else "fr"
        return HTMLResponse((HERE / f"guide.{language}.html").read_text(encoding="utf-8"))

    @app.get("/status")
    def tell() -> JSONResponse:
        return JSONResponse(status())

    for name, media_type in (("guide.css", "text/css"), ("guide.js", "text/javascript")):
        app.get(f"/{name}")(_file(HERE / name, media_type))
    return app


def _file(path: Path, media_type: str) -> Callable[[], FileResponse]:
    def serve() -> FileResponse:
        return FileResponse(path, media_type=media_type)

    return serve
