"""The Clock port on the machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)
