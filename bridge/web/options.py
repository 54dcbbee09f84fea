"""What the composition root tells the desk. Settings are read there, never here."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_PLAIN = {"http", "https"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the desk presents itself.

    Args:
        public_url: scheme, host and port that browsers use, e.g. "https://aval.chu.example". Unsafe requests from any
            other origin are refused.
        site_name, organisation: shown in the page frame, e.g. "CHU Démo", "Service d'imagerie".
        secure_cookies: cookies for https only, with the ``__Host-`` prefix. False only for a demonstration on loopback.
        languages: of the pages, the default first.
        time_zone: of every date on screen; the database keeps UTC.
        ui_build: version of the program, shown in the frame and kept out of every address.
        frame_ancestors: origins that may show the desk in a frame, e.g. a PACS; none by default. One of another site
            needs secure cookies.
        banner: a line above every page, e.g. "Démonstration".
        provider: name of the identity provider where people sign in; "" for none.
        demo_hint: shown under the sign-in form, e.g. fictitious accounts; "" for none.
        ohif: where OHIF was installed; None where it was not.
    """

    public_url: str
    site_name: str
    organisation: str
    secure_cookies: bool = True
    languages: tuple[str, ...] = ("fr", "en")
    time_zone: str = "Europe/Paris"
    ui_build: str = ""
    frame_ancestors: tuple[str, ...] = ()
    banner: str = ""
    demo_hint: str = ""
    provider: str = ""
    ohif: Path | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if parts.scheme not in _PLAIN or not parts.netloc or parts.path.strip("/"):
            raise ValueError(f"public_url is scheme://host[:port], not {self.public_url!r}")
        if self.secure_cookies and parts.scheme != "https":
            raise ValueError("secure cookies need an https public_url; set secure_cookies=False for a demonstration")
        if self.is_framed_across_sites and not self.secure_cookies:
            raise ValueError("browsers keep a cookie in a frame of another site only over https (public_url)")
        if not self.languages:
            raise ValueError("the desk speaks at least one language")

    @property
    def origin(self) -> str:
        """Return what a browser writes in Origin (RFC 6454, 6.2)."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def is_framed_across_sites(self) -> bool:
        """Return whether a frame ancestor is of another site, as far as that can be told without a list of suffixes.

        Hosts that share their last two labels count as one site. Where that is wrong (``a.co.uk``, ``b.co.uk``) the
        cookie is the stricter one: it is lost in the frame, and the page offers a window of its own.
        """
        return any(_site(urlsplit(origin)) != _site(urlsplit(self.origin)) for origin in self.frame_ancestors)


def _site(origin: SplitResult) -> tuple[str, str]:
    host = origin.hostname or ""
    is_address = host.replace(".", "").isdecimal() or ":" in host
    return origin.scheme, host if is_address else ".".join(host.split(".")[-2:])
