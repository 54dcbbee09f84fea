"""The one place where settings are read: a TOML file in the data folder, then AVAL_* variables and files over it.

A name nobody knows stops the start, in the file and in the environment: a misspelt setting must not be ignored.
``aval config explain`` prints every setting with its value, where it came from and what it means. (pydantic-settings
would read the same sources, but ignores unknown variables and does not say where a value came from.)
"""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator

from bridge.config.base import ConfigError, DestinationName, Section
from bridge.config.dicom import Quiet, Scp, SourceSettings, Stow
from bridge.config.hl7_out import Hl7OutSettings
from bridge.config.house import (
    Broker,
    Database,
    DeskSettings,
    Journal,
    Models,
    Routing,
    Site,
    Storage,
    TriggerSettings,
    Withdrawals,
)
from bridge.config.launchers import LauncherSettings
from bridge.config.metrics import MetricsSettings
from bridge.config.pacs import PacsSettings
from bridge.config.record import FhirSettings, Intake
from bridge.config.secret_files import FOLDER, secrets_of
from bridge.config.tracing import TracingSettings
from bridge.config.ups import UpsSettings

__all__ = ["ConfigError", "Settings", "Site", "explain", "from_environment", "load"]

FILE: Final = "aval.toml"
PREFIX: Final = "AVAL_"
NOT_SETTINGS: Final = frozenset({"AVAL_DIR", FOLDER})
"""Variables that say where the settings are, rather than being one."""


class Destinations(Section):
    """Where endorsed results go: studies to every PACS and record, record cases to every record."""

    pacs: dict[DestinationName, PacsSettings] = Field(default_factory=dict, description="by name")
    fhir: dict[DestinationName, FhirSettings] = Field(default_factory=dict, description="by name")
    hl7: dict[DestinationName, Hl7OutSettings] = Field(default_factory=dict, description="by name")

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        """One name is one place: with two, the second would silently take the results of the first."""
        counted = Counter([*self.pacs, *self.fhir, *self.hl7])
        both = sorted(name for name, times in counted.items() if times > 1)
        if both:
            raise ValueError(f"{', '.join(both)} names two destinations; give one of them another name")
        return self


class Settings(Section):
    """Everything, by subject."""

    folder: Path = Field(Path(), description="the data folder; set by --dir or AVAL_DIR", exclude=True)
    site: Site
    database: Database = Database()
    broker: Broker = Broker()
    storage: Storage = Storage()
    scp: Scp = Scp()
    intake: Intake = Intake()
    stow: Stow = Stow()
    desk: DeskSettings = DeskSettings()
    models: Models = Models()
    routing: Routing = Routing()
    triggers: TriggerSettings = TriggerSettings()
    withdrawals: Withdrawals = Withdrawals()
    quiet: Quiet = Quiet()
    sources: dict[DestinationName, SourceSettings] = Field(
        default_factory=dict, description="archives that may be asked, by name"
    )
    ups: dict[DestinationName, UpsSettings] = Field(
        default_factory=dict, description="worklist servers that we work for, by name"
    )
    destinations: Destinations = Destinations()
    launchers: dict[DestinationName, LauncherSettings] = Field(
        default_factory=dict, description="systems that open the desk on an exam, by name"
    )
    journal: Journal = Journal()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()

    def path(self, relative: Path) -> Path:
        """Return ``relative`` as seen from the data folder."""
        return relative if relative.is_absolute() else self.folder / relative

    def database_url(self, process: str) -> str:
        """Return the database URL of one process, SQLite paths made absolute."""
        url = self.database.urls.get(process, self.database.url).get_secret_value()
        prefix = "sqlite:///"
        if url.startswith(prefix) and not url.startswith("sqlite:////"):
            return prefix + str((self.folder / url.removeprefix(prefix)).resolve())
        return url


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of ``folder``.

    Raises:
        ConfigError: no file, an unknown name, a value that does not fit, or a secret that cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        raise ConfigError(f"{path} does not exist: run `aval init --dir {folder}` first, or give --dir")
    try:
        from_file = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    variables = os.environ if environment is None else environment
    merged = _merge(from_file, from_environment({**variables, **secrets_of(variables)}))
    try:
        return Settings.model_validate({**merged, "folder": folder.resolve()})
    except ValidationError as error:
        raise ConfigError(f"{path}: {_readable(error)}") from error


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what AVAL_SECTION__NAME variables say, e.g. AVAL_SCP__PORT=11112.

    Raises:
        ConfigError: one variable gives a value to what another one gives a part of.
    """
    found: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name} is part of a setting that another variable gives a value; unset one of them")
        if isinstance(place.get(keys[-1]), dict):
            raise ConfigError(f"{name} gives a value to a setting that another variable gives a part of; unset one")
        place[keys[-1]] = value
    return found


def explain(settings: Settings, environment: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, value, origin, meaning) of every setting; secrets are masked."""
    from_file = tomllib.loads((settings.folder / FILE).read_text(encoding="utf-8"))
    sources = (
        ("secret file", from_environment(secrets_of(environment))),
        ("environment", from_environment(environment)),
        (FILE, from_file),
    )
    for section_name, section_field in Settings.model_fields.items():
        section = getattr(settings, section_name)
        if section_field.exclude:
            continue
        if isinstance(section, dict):
            given = (origin for origin, source in sources if section_name in source)
            yield section_name, _shown(section), next(given, "default"), section_field.description or ""
            continue
        for name, field in type(section).model_fields.items():
            given = (origin for origin, source in sources if name in source.get(section_name, {}))
            yield (
                f"{section_name}.{name}",
                _shown(getattr(section, name)),
                next(given, "default"),
                field.description or "",
            )


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(secret)" if value.get_secret_value() else "(none)"
    if isinstance(value, dict):
        return ", ".join(f"{key or '(none)'}: {_shown(item)}" for key, item in value.items()) or "(none)"
    if isinstance(value, BaseModel):
        return "{" + ", ".join(f"{name}={_shown(getattr(value, name))}" for name in type(value).model_fields) + "}"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "(none)"
    return str(value)


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _readable(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    known = " (unknown setting)" if first["type"] == "extra_forbidden" else ""
    return f"{place}: {first['msg']}{known}"
