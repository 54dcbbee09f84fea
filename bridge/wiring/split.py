"""One folder for each process: the settings without a secret, and the secrets, keys and certificates of that process.

What one process does not hold cannot be taken from it. The folders are what deploy/ mounts, for systemd, containers
and Kubernetes alike.
"""

import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from bridge.accounts import load_secrets
from bridge.config import FILE, ConfigError, Settings
from bridge.files import write_secret, write_whole
from bridge.wiring.install import to_toml
from bridge.wiring.parts import HOLD_NO_BYTES, KNOW_THE_JOURNAL, NAMES, RING, ROLES
from bridge.wiring.publishers import is_inline

PRIVATE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {"desk": ("desk.key", "secrets.key"), "sweep": ("journal.key",)}
"""The private keys of our own that a process signs or deciphers with."""

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "scp": ("scp",),
    "intake": ("intake", "stow"),
    "deliver": ("destinations",),
    "sweep": ("sources",),
    "desk": ("launchers", "desk"),
    "ups": ("sources", "ups"),
    "metrics": ("metrics", "tracing"),
}
"""The sections whose tokens, certificates and keys a process uses. Of all others it knows names and addresses alone."""

_SENDERS: Final = ("intake", "stow")
"""Sections whose senders nobody but their own process knows: without its token, a sender would be nobody. Likewise the
launchers, which are a section of their own, and the identity provider, without whose secret nobody could ask it."""


def split(settings: Settings, out: Path) -> list[Path]:
    """Write a folder for each process under ``out``, which must not exist, and return them.

    Raises:
        ConfigError: not an installation of several processes, or a setting that has no place in a folder of its own.
    """
    if settings.database_url("").startswith("sqlite"):
        raise ConfigError("database.url is SQLite, for one process tree: give postgresql://… and database.urls")
    if any(not path.is_absolute() for path in settings.models.packages):
        raise ConfigError("models.packages names a relative folder: give the place where every worker has it")
    load_secrets(settings.path(settings.storage.keys))  # the desk's own key is made when it is first asked for
    named = tomllib.loads((settings.folder / FILE).read_text(encoding="utf-8"))
    out.mkdir(mode=0o700, parents=True)
    return [_write(process, named, settings, out / process) for process in NAMES]


def _write(process: str, named: Mapping[str, Any], settings: Settings, folder: Path) -> Path:
    (folder / "keys").mkdir(parents=True)
    (folder / "secrets").mkdir()
    for name, value in _secrets(process, settings):
        write_secret(folder / "secrets" / name, value.encode() + b"\n")
    write_whole(folder / FILE, to_toml(_without_secrets(process, named, settings)).encode())
    keys = settings.path(settings.storage.keys)
    for key in [*sorted(path.name for path in keys.glob("*.pub")), *PRIVATE_KEYS.get(process, ())]:
        shutil.copy(keys / key, folder / "keys" / key)
    for path in sorted(_files(process, settings)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings.path(path), folder / path)
    return folder


def _secrets(process: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the secrets of one process, named as AVAL_SECRETS wants them."""
    role = ROLES.get(process, process)
    url = settings.database.urls.get(role)
    if url is None:
        raise ConfigError(f"database.urls has no {role}: without a login of its own, {process} would be the owner")
    yield f"AVAL_DATABASE__URLS__{role.upper()}", url.get_secret_value()
    if process in RING:
        yield "AVAL_BROKER__URL", settings.broker.url.get_secret_value()
    for value, place in _used(process, settings):
        for path, secret in _found(value, place):
            if any(part != part.lower() or "__" in part for part in path):
                raise ConfigError(f"{'.'.join(path)}: a secret file needs a name in small letters; rename the sender")
            yield "AVAL_" + "__".join(path).upper(), secret.get_secret_value()


def _used(process: str, settings: Settings) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield (settings, where they are) whose tokens, certificates and keys one process uses."""
    for section in SECTIONS.get(process, ()):
        yield getattr(settings, section), (section,)
    if process not in HOLD_NO_BYTES and settings.storage.kind == "s3":
        yield settings.storage.s3, ("storage", "s3")


def _found(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], SecretStr]]:
    """Yield every secret that is set below ``value``."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _found(item, (*path, name))
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from _found(getattr(value, name), (*path, name))


def _without_secrets(process: str, named: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return what the settings file says, as one process may read it."""
    secret = {path for section in named for path, _ in _found(getattr(settings, section), (section,))}
    kept = _pruned(named, (), secret)
    for section in _SENDERS:
        if section not in SECTIONS.get(process, ()):
            kept.get(section, {}).pop("senders", None)
            kept.get(section, {}).get("hl7", {}).pop("senders", None)
    if "launchers" not in SECTIONS.get(process, ()):
        kept.pop("launchers", None)
        kept.get("desk", {}).pop("oidc", None)
    url = urlsplit(settings.database.url.get_secret_value())
    place = url.netloc.rpartition("@")[2]
    kept["database"] = {"url": f"{url.scheme}://{place}{url.path}"}
    kept["storage"] = _storage(settings)
    anchors = settings.journal.anchors if process in KNOW_THE_JOURNAL else ()
    kept["journal"] = {**kept.get("journal", {}), "anchors": [str(settings.path(path)) for path in anchors]}
    return kept


def _storage(settings: Settings) -> dict[str, Any]:
    mine = settings.storage
    found = {"vault": str(settings.path(mine.vault)), "kind": mine.kind, "free_min_mb": mine.free_min_mb}
    if mine.kind == "s3":
        found["vault"] = str(mine.vault)  # copies, which each process may have below its own folder
        found["s3"] = mine.s3.model_dump(mode="json", exclude={"access_key", "secret_key"}, exclude_defaults=True)
    return found


def _pruned(value: Mapping[str, Any], path: tuple[str, ...], secret: set[tuple[str, ...]]) -> dict[str, Any]:
    return {
        name: _pruned(item, (*path, name), secret) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if (*path, name) not in secret
    }


def _files(process: str, settings: Settings) -> Iterator[Path]:
    """Yield the files that one process reads, where they are named relative to the data folder."""
    found = [settings.routing.rules] if settings.routing.rules else []
    found += [Path(text) for text in settings.models.publishers.values() if not is_inline(text)]
    for value, _ in _used(process, settings):
        found += _paths(value)
    for path in found:
        if not path.is_absolute() and settings.path(path).is_file():
            yield path


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item)
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name))
