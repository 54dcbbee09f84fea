"""The one place where settings are read: a TOML file in the data folder, then AVAL_* variables over it.

A name nobody knows stops the start, in the file and in the environment: a misspelt setting must not be ignored.
``aval config explain`` prints every setting with its value, where it came from and what it means. (pydantic-settings
would read the same sources, but ignores unknown variables and does not say where a value came from.)
"""

import os
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

FILE: Final = "aval.toml"
PREFIX: Final = "AVAL_"
NOT_SETTINGS: Final = frozenset({"AVAL_DIR"})
"""Variables that say where the settings are, rather than being one."""

NAME: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""Names that become queue names and parts of identifiers."""


DestinationName = Annotated[str, StringConstraints(pattern=NAME)]
"""Deliveries to a destination are a queue of this name, and releases are sealed with it."""


class ConfigError(Exception):
    """A setting is missing, unknown or wrong; the message names it and says what to do."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    """Who runs this installation."""

    name: str = Field("site-1", pattern=NAME, description="short name of the site, in the journal and on results")
    organisation: str = Field("Établissement de démonstration", description="name on outgoing objects")
    organisation_id: str = Field("990000001", description="FINESS number of the organisation")
    namespace: uuid.UUID = Field(
        description="root of every outgoing identifier; made once by `aval init`, never changed"
    )
    language: Literal["fr-FR", "en-GB"] = Field("fr-FR", description="language of reports")
    canonical_base: str = Field(
        "https://aval.invalid/fhir", description="root of our own FHIR identifier systems and code systems"
    )
    patient_notice: str = Field("1", description="version of the patient-information mention in every report")


class Database(_Section):
    """Where things are true."""

    url: SecretStr = Field(
        SecretStr("sqlite:///aval.db"), description="sqlite:///path (relative to the data folder) or postgresql://…"
    )
    urls: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="per process (intake, infer, desk, deliver, sweep, relay; audit for `aval journal`): its own "
        "PostgreSQL role",
    )


class Broker(_Section):
    """The doorbell."""

    url: SecretStr = Field(SecretStr(""), description="amqp://… ; empty for the in-process bell of one process tree")


class Storage(_Section):
    """Files."""

    vault: Path = Field(Path("vault"), description="folder of received and rendered bytes, by digest")
    keys: Path = Field(Path("keys"), description="folder of this installation's keys")


class DicomSender(_Section):
    """One modality or PACS that sends to us."""

    aet: str = Field(description="its AE title", min_length=1, max_length=16)
    addresses: tuple[str, ...] = Field((), description="addresses it may come from; empty for any")


class Scp(_Section):
    """The DICOM listener."""

    aet: str = Field("AVAL", min_length=1, max_length=16, description="our AE title")
    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 - modalities come from the network
    port: int = Field(11112, ge=0, le=65535, description="port to listen on; 0 for any free one")
    senders: dict[str, DicomSender] = Field(default_factory=dict, description="known senders by name")
    accept_unknown: bool = Field(
        default=False, description="take images from any AE title; for demonstrations and tests"
    )
    associations_max: int = Field(100, ge=1, description="open associations at once")
    silence_s: float = Field(60.0, gt=0, description="an association silent for so long is closed, in seconds")


class FhirSender(_Section):
    """One record that sends events to us."""

    addresses: tuple[str, ...] = Field((), description="addresses it may come from; empty for any")
    token: SecretStr = Field(SecretStr(""), description="bearer token it must present; empty for none")
    base_url: str = Field("", description="its FHIR server, for looking up what a notification names; empty for none")
    read_token: SecretStr = Field(SecretStr(""), description="bearer token for looking things up")
    search: str = Field("", description="search to run when it only rings, e.g. Observation?category=vital-signs")


class Intake(_Section):
    """The FHIR endpoint."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8081, ge=0, le=65535, description="port to listen on; 0 for any free one")
    senders: dict[str, FhirSender] = Field(default_factory=dict, description="known senders by name")


class DeskSettings(_Section):
    """The review pages and their API."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 for any free one")
    public_url: str = Field("", description="address people type; empty for http://host:port")
    banner: str = Field("", description="sentence on every page, e.g. that this is a demonstration")
    demo_hint: str = Field("", description="sentence under the sign-in form, e.g. fictitious accounts; empty for none")
    codes_work_once: bool = Field(
        default=True, description="refuse a one-time code that was used; False in demonstrations only"
    )


class Models(_Section):
    """Which models run here."""

    packages: tuple[Path, ...] = Field((), description="folders of model packages; empty for those that are shipped")
    threads: int = Field(2, ge=1, le=64, description="threads of one model run")
    workers: int = Field(1, ge=1, le=64, description="results worked on at once by one infer process")


class Routing(_Section):
    """Which models look at which cases."""

    rules: Path | None = Field(None, description="YAML file of routes and policies; the shipped one when absent")


class Quiet(_Section):
    """When a case is complete."""

    default_s: float = Field(60.0, gt=0, description="seconds without a new input, for a modality without its own")
    by_modality_s: dict[str, float] = Field(
        default_factory=lambda: {"CR": 20.0, "DX": 20.0, "CT": 60.0, "MR": 300.0, "MG": 60.0, "": 5.0},
        description="seconds without a new input, by modality; the empty name is for record events. Given, it "
        "replaces the whole table: default_s holds for every modality that it does not name",
    )

    @field_validator("by_modality_s")
    @classmethod
    def _as_codes(cls, given: dict[str, float]) -> dict[str, float]:
        """Modalities are codes in capitals; names from variables arrive in small letters."""
        return {modality.upper(): seconds for modality, seconds in given.items()}


class PacsSettings(_Section):
    """One PACS that receives endorsed objects."""

    aet: str = Field(min_length=1, max_length=16, description="its AE title")
    our_aet: str = Field(
        "AVAL-OUT",
        min_length=1,
        max_length=16,
        description="our title when we send; the PACS must know it and its port",
    )
    host: str = Field(description="its address")
    port: int = Field(ge=1, le=65535, description="its DICOM port")
    confirm: Literal["auto", "commitment", "dicomweb", "query"] = Field(
        "auto", description="how we make sure that it holds the objects"
    )
    dicomweb_url: str = Field("", description="its DICOMweb root, for read-back; empty for none")
    commitment_host: str = Field("", description="address to listen on for those answers; empty for every one")
    commitment_port: int = Field(
        11113, ge=0, le=65535, description="port of our_aet, for the PACS's answers to storage commitment"
    )


class FhirSettings(_Section):
    """One record that receives endorsed resources."""

    base_url: str = Field(description="its FHIR root")
    token: SecretStr = Field(SecretStr(""), description="bearer token; empty for none")
    patient_system: str = Field(
        "", description="identifier system of patients that came without an issuer; empty for one of our own"
    )
    issuers: dict[str, str] = Field(
        default_factory=dict, description="DICOM issuer of patient identifiers to the record's identifier system"
    )
    accession_system: str = Field("", description="identifier system of accession numbers; empty when it has none")


class Destinations(_Section):
    """Where endorsed results go: studies to every PACS and record, record cases to every record."""

    pacs: dict[DestinationName, PacsSettings] = Field(default_factory=dict, description="by name")
    fhir: dict[DestinationName, FhirSettings] = Field(default_factory=dict, description="by name")

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        """One name is one place: with two, the second would silently take the results of the first."""
        both = sorted(self.pacs.keys() & self.fhir.keys())
        if both:
            raise ValueError(f"{', '.join(both)} names a PACS and a record; give one of them another name")
        return self


class Journal(_Section):
    """Keeping the journal honest."""

    anchors: tuple[Path, ...] = Field(
        (Path("anchors/anchors.jsonl"),), description="files that signed heads are appended to; two places or more"
    )
    anchor_every_s: float = Field(900.0, gt=0, description="seconds between anchors")


class Settings(_Section):
    """Everything, by subject."""

    folder: Path = Field(Path(), description="the data folder; set by --dir or AVAL_DIR", exclude=True)
    site: Site
    database: Database = Database()
    broker: Broker = Broker()
    storage: Storage = Storage()
    scp: Scp = Scp()
    intake: Intake = Intake()
    desk: DeskSettings = DeskSettings()
    models: Models = Models()
    routing: Routing = Routing()
    quiet: Quiet = Quiet()
    destinations: Destinations = Destinations()
    journal: Journal = Journal()

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
        ConfigError: no file, an unknown name, or a value that does not fit.
    """
    path = folder / FILE
    if not path.exists():
        raise ConfigError(f"{path} does not exist: run `aval init --dir {folder}` first, or give --dir")
    try:
        from_file = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    merged = _merge(from_file, from_environment(os.environ if environment is None else environment))
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
    sources = (("environment", from_environment(environment)), (FILE, from_file))
    for section_name, section_field in Settings.model_fields.items():
        section = getattr(settings, section_name)
        if section_field.exclude:
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
