"""Logs: one line per event, a name and allowed keys; never patient data.

Messages are written as ``event.name key=value``; what is handed over as ``extra`` is written so too. The libraries
below us log what they receive at INFO and DEBUG (tags, bodies, addresses), so they are held to WARNING,
and pynetdicom and pydicom to ERROR.
"""

import logging
import sys
import traceback
from pathlib import Path
from typing import Final

_LIBRARIES: Final = {
    "aio_pika": logging.WARNING,
    "aiormq": logging.CRITICAL,  # reports every lost connection with its full URL
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "highdicom": logging.ERROR,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "pydicom": logging.ERROR,
    "pynetdicom": logging.CRITICAL,  # prints data sets and AE addresses
    "sqlalchemy": logging.WARNING,
    "uvicorn": logging.WARNING,
}

_RECORD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
"""What every record has; uvicorn adds a coloured copy of its message."""


class Lines(logging.Formatter):
    """One line for each record, with the keys of its event behind its name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the line, keys included; a value with spaces or line ends in it is quoted."""
        keys = ((key, str(value)) for key, value in record.__dict__.items() if key not in _RECORD)
        return " ".join((super().formatMessage(record), *(f"{key}={_plain(value)}" for key, value in keys)))


def _plain(value: str) -> str:
    return value if value.isascii() and value.isprintable() and " " not in value else ascii(value)


def set_up(level: str = "INFO") -> None:
    """Send our events to standard error; hold the libraries back."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    hold_libraries()
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.CRITICAL)  # pydicom's warnings quote the values they are about


def hold_libraries() -> None:
    """Hold the libraries back, for verbs that print an answer instead of logging."""
    for name, library_level in _LIBRARIES.items():
        logging.getLogger(name).setLevel(library_level)


def where(error: BaseException) -> str:
    """Return the class of an error and the lines it came through, never its message: a message may quote a value."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"error={type(error).__name__} at={places}"
