"""The installation itself: who runs it, where it keeps things, what it runs."""

import uuid
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.config.base import NAME, DestinationName, Section
from bridge.config.oidc import OidcSettings
from bridge.config.tls import DeskTls
from guarantee.recalls import FEW


class Site(Section):
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


class Database(Section):
    """Where things are true."""

    url: SecretStr = Field(
        SecretStr("sqlite:///aval.db"), description="sqlite:///path (relative to the data folder) or postgresql://…"
    )
    urls: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="per process (intake, infer, desk, deliver, sweep, relay; audit for `aval journal` and `aval run "
        "metrics`): its own PostgreSQL role",
    )


class Broker(Section):
    """The doorbell."""

    url: SecretStr = Field(SecretStr(""), description="amqp://… ; empty for the in-process bell of one process tree")


class ObjectStore(Section):
    """A bucket of an S3-compatible store, for machines that share no disk."""

    endpoint: str = Field(
        "", pattern=r"^(https?://[A-Za-z0-9.\[\]:-]{1,255})?$", description="https://host:port, without a path"
    )
    bucket: str = Field("", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", description="its name; it must exist")
    prefix: str = Field(
        "", pattern=r"^([A-Za-z0-9_-]{1,63}/){0,8}$", description="begins the name of every object; ends in /"
    )
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,63}$", description="as the store calls itself")
    access_key: SecretStr = Field(SecretStr(""), description="login of the processes that hold bytes")
    secret_key: SecretStr = Field(SecretStr(""), description="its password")
    path_style: bool = Field(
        default=True, description="whether the bucket is in the path of an address; False: before its host"
    )
    authorities: Path | None = Field(
        None, description="PEM, who signs the store's certificate; without it, those that the system knows"
    )
    cache_mb: int = Field(
        4096, ge=64, description="local copies of what was read, in MiB; the last minute's may be more"
    )
    spool_mb: int = Field(4096, ge=64, description="what may be on its way to the store at once, in MiB")


class Storage(Section):
    """Files."""

    vault: Path = Field(
        Path("vault"),
        description="folder of received and rendered bytes, by digest; with s3, of this machine's copies alone",
    )
    kind: Literal["files", "segments", "s3"] = Field(
        "files",
        description="what an arriving instance becomes: a file of its own, a record in a larger one, or an object",
    )
    notes: bool = Field(
        default=True,
        description="whether an image's row is noted beside its bytes, so that one flush takes both; SQLite alone",
    )
    s3: ObjectStore = Field(ObjectStore(), description="where objects are kept")
    free_min_mb: int = Field(
        1024, ge=0, description="free space, in MiB, below which no image is taken (0xA700); 0 for no such limit"
    )
    keys: Path = Field(Path("keys"), description="folder of this installation's keys")

    @model_validator(mode="after")
    def _knows_its_bucket(self) -> Self:
        """An object store has no default place."""
        if self.kind == "s3" and not (self.s3.endpoint and self.s3.bucket):
            raise ValueError('kind = "s3" needs s3.endpoint and s3.bucket')
        return self


class TritonSettings(Section):
    """A Triton Inference Server on which networks run."""

    address: str = Field("127.0.0.1:8001", pattern=r"^[^\s/]+:\d{1,5}$", description="host:port of its gRPC door")
    device: Literal["cpu", "gpu"] = Field(
        "gpu", description="what it must run models on; it refuses to load them when that is not there"
    )
    authorities: Path | None = Field(None, description="PEM, who signs its certificate; without it no TLS is spoken")
    certificate: Path | None = Field(None, description="PEM, by which it knows us, with key; where it asks for one")
    key: Path | None = Field(None, description="PEM, the key of that certificate")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("a certificate and its key come together")
        if self.certificate is not None and self.authorities is None:
            raise ValueError("a certificate without authorities: no TLS would be spoken")
        return self


class Models(Section):
    """Which models run here."""

    packages: tuple[Path, ...] = Field((), description="folders of model packages; empty for those that are shipped")
    provider: Literal["cpu", "cuda", "triton"] = Field(
        "cpu", description="what models run on; the worker does not start when it is not there, and never takes another"
    )
    triton: TritonSettings = Field(TritonSettings(), description='the server, with provider = "triton"')
    threads: int = Field(2, ge=1, le=64, description="threads of one model run")
    workers: int = Field(1, ge=1, le=64, description="results worked on at once by one infer process")
    publishers: dict[DestinationName, str] = Field(
        default_factory=dict,
        description="whose signatures on packages are trusted, by name: an Ed25519 public key (64 hexadecimal "
        "characters), or the file that holds it",
    )
    require_signature: bool = Field(
        default=False, description="run no package but the shipped ones and those that one of models.publishers signed"
    )
    golden_every_s: float = Field(
        86_400.0, gt=0, description="seconds between two runs of a model's golden cases; the first is before any work"
    )


class Routing(Section):
    """Which models look at which cases."""

    rules: Path | None = Field(None, description="YAML file of routes and policies; the shipped one when absent")


class TriggerSettings(Section):
    """What suspends a model version by itself; two people resume it. A golden case that fails always does."""

    wrong_patient: bool = Field(default=False, description="whether one rejection for the wrong patient suspends")
    rejections: int = Field(0, ge=0, le=10_000, description="rejections in rejections_hours that suspend; 0 for never")
    rejections_hours: int = Field(24, ge=1, le=24 * 366, description="hours in which rejections are counted")
    failures_percent: int = Field(
        0, ge=0, le=100, description="percent of the last failures_runs runs that failed and suspend; 0 for never"
    )
    failures_runs: int = Field(20, ge=1, le=10_000, description="last runs of a version that are looked at")
    discordances: int = Field(
        0, ge=0, le=1_000, description="reports of D3 or D4 within 30 days that suspend; 0 for never. A D4 always does"
    )


class Withdrawals(Section):
    """Taking released results back."""

    alone_max: int = Field(
        FEW, ge=0, le=FEW, description="most results that one person takes back at once; above, two people do"
    )


class DeskSettings(Section):
    """The review pages and their API."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 for any free one")
    public_url: str = Field("", description="address people type; empty for http://host:port")
    banner: str = Field("", description="sentence on every page, e.g. that this is a demonstration")
    demo_hint: str = Field("", description="sentence under the sign-in form, e.g. fictitious accounts; empty for none")
    codes_work_once: bool = Field(
        default=True, description="refuse a one-time code that was used; False in demonstrations only"
    )
    tls: DeskTls = Field(DeskTls(), description="TLS of the desk, where no proxy before it speaks TLS")
    oidc: OidcSettings | None = Field(None, description="identity provider to sign in at; local accounts alone if none")

    @model_validator(mode="after")
    def _is_called_by_https(self) -> Self:
        """Who is sent to http is refused by a port that speaks TLS."""
        if self.tls.certificate is not None and self.public_url and not self.public_url.startswith("https:"):
            raise ValueError("desk.tls is set: desk.public_url must begin with https://")
        return self


class StampAuthority(Section):
    """Who stamps signed heads (RFC 3161)."""

    url: str = Field(pattern=r"^https?://", description="address that time-stamp queries are posted to")
    roots: Path = Field(description="PEM, the certificates that its own must lead to")


class Journal(Section):
    """Keeping the journal honest."""

    anchors: tuple[Path, ...] = Field(
        (Path("anchors/anchors.jsonl"),), description="files that signed heads are appended to; two places or more"
    )
    anchor_every_s: float = Field(900.0, gt=0, description="seconds between anchors")
    authorities: dict[DestinationName, StampAuthority] = Field(
        default_factory=dict, description="time-stamping authorities (RFC 3161) for signed heads, by name"
    )
    stamps: Path = Field(Path("anchors/stamps.jsonl"), description="file that their answers are appended to")
