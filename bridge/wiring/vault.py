"""Where bytes are kept, from the settings."""

from collections.abc import Callable
from datetime import datetime

from bridge.config import ConfigError, Settings
from bridge.vault import Bucket, BucketOptions, FileVault, KeptVault, Login, ObjectVault, SegmentVault

_MIB = 1024**2


def make_vault(settings: Settings, now: Callable[[], datetime]) -> KeptVault:
    """Return the vault of ``storage.kind``.

    Raises:
        ConfigError: an object store without a login, or with authorities that cannot be read.
    """
    storage = settings.storage
    root, reserve_bytes = settings.path(storage.vault), storage.free_min_mb * _MIB
    if storage.kind == "s3":
        return ObjectVault(
            _bucket(settings, now),
            root,
            prefix=storage.s3.prefix,
            reserve_bytes=reserve_bytes,
            cache_bytes=storage.s3.cache_mb * _MIB,
            spool_bytes=storage.s3.spool_mb * _MIB,
        )
    made = SegmentVault if storage.kind == "segments" else FileVault
    return made(root, reserve_bytes=reserve_bytes)


def _bucket(settings: Settings, now: Callable[[], datetime]) -> Bucket:
    store = settings.storage.s3
    access_key, secret_key = store.access_key.get_secret_value(), store.secret_key.get_secret_value()
    if not (access_key and secret_key):
        raise ConfigError("storage.s3 has no login: give access_key and secret_key, best as files (AVAL_SECRETS)")
    options = BucketOptions(
        endpoint=store.endpoint,
        bucket=store.bucket,
        login=Login(access_key=access_key, secret_key=secret_key, region=store.region),
        path_style=store.path_style,
        authorities=settings.path(store.authorities) if store.authorities else None,
    )
    try:
        return Bucket(options, now)
    except OSError as error:  # ssl's errors are among them
        raise ConfigError(f"storage.s3.authorities cannot be read: {error.strerror or type(error).__name__}") from error
