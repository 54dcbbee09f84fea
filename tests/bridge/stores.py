"""Vaults in an object store, as tests make them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from bridge.vault import Bucket, BucketOptions, ObjectVault
from tests.peers.seaweedfs import BUCKET, LOGIN

PART: Final = 5 * 1024 * 1024
"""The smallest part that stores take."""

Make = Callable[..., ObjectVault]
"""Makes a vault over an endpoint, each a machine of its own; other arguments are ObjectVault's, and ``bucket``'s."""


def client(endpoint: str, **more: Any) -> Bucket:
    """Return a client that does not wait between tries."""
    options = BucketOptions(**({"endpoint": endpoint, "bucket": BUCKET, "login": LOGIN, "answer_s": 60.0} | more))
    return Bucket(options, lambda: datetime.now(UTC), pause=lambda _: None)
