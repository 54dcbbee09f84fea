"""DICOM in and out: the listener, when a study is complete, the archives that receive."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.config.base import Network, Section, WebSender
from bridge.config.tls import PacsTls, ScpTls


class LimitedSender(Section):
    """How much one sender may bring, by whichever door."""

    instances_per_s: float = Field(0.0, ge=0, description="beyond it, instances are answered 0xA700; 0 for no limit")
    bytes_per_min: int = Field(0, ge=0, description="beyond it, instances are answered 0xA700; 0 for no limit")


class DicomSender(LimitedSender):
    """One modality or PACS that sends to us."""

    aet: str = Field(description="its AE title", min_length=1, max_length=16)
    addresses: tuple[Network, ...] = Field((), description="addresses it may come from; empty for any")
    certificates: tuple[str, ...] = Field(
        (),
        description="one of these it must show: SHA-256 fingerprints, or names (common, DNS, address) in a certificate "
        "that scp.tls.authorities have signed; empty for any or none",
    )
    required_tls: bool = Field(default=False, description="whether it must speak TLS")
    site: str = Field("", max_length=64, description="where it stands, for routes and stops; empty for site.name")
    associations_max: int = Field(0, ge=0, description="its open associations at once; 0 for no limit of its own")
    host: str = Field("", description="where it listens for our answers to storage commitment; empty for nowhere")
    port: int = Field(0, ge=0, le=65535, description="its port there; 0 for none")


class MppsRelay(Section):
    """Where MPPS messages are passed on to, e.g. the RIS."""

    aet: str = Field(min_length=1, max_length=16, description="its AE title")
    host: str = Field(description="its address")
    port: int = Field(ge=1, le=65535, description="its DICOM port")


class Scp(Section):
    """The DICOM listener."""

    aet: str = Field("AVAL", min_length=1, max_length=16, description="our AE title")
    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 - modalities come from the network
    port: int = Field(11112, ge=0, le=65535, description="port to listen on; 0 for any free one")
    senders: dict[str, DicomSender] = Field(default_factory=dict, description="known senders by name")
    accept_unknown: bool = Field(
        default=False, description="take images from any AE title; for demonstrations and tests"
    )
    quarantine_unknown: bool = Field(
        default=False, description="take them, but hold their cases until a person admits them (aval cases)"
    )
    tls: ScpTls = Field(ScpTls(), description="DICOM over TLS")
    fast: bool = Field(
        default=True, description="read images straight from the connection to the disk; False: by pynetdicom alone"
    )
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="listeners that share the port, each a process; they count rates together, associations each alone",
    )
    associations_max: int = Field(100, ge=1, description="open associations at once")
    silence_s: float = Field(60.0, gt=0, description="an association silent for so long is closed, in seconds")
    mpps_relay: MppsRelay | None = Field(
        None, description="another system that gets a copy of every MPPS message, and whose answer the modality hears"
    )

    @model_validator(mode="after")
    def _one_port_for_all(self) -> Self:
        """With port 0 each process would take a free port of its own."""
        if self.processes > 1 and 0 in {self.port, self.tls.port}:
            raise ValueError(f"{self.processes} processes need a port that they can share; give one other than 0")
        return self

    @model_validator(mode="after")
    def _senders_told_apart(self) -> Self:
        """A sender is found by its AE title: of two with the same one, one would never be heard."""
        titles = [sender.aet for sender in self.senders.values()]
        twice = sorted({aet for aet in titles if titles.count(aet) > 1})
        if twice:
            raise ValueError(f"two senders are called {', '.join(twice)}; put both places into one sender's addresses")
        if self.accept_unknown and self.quarantine_unknown:
            raise ValueError("accept_unknown takes what quarantine_unknown would hold; choose one")
        shown = sorted(name for name, s in self.senders.items() if s.certificates or s.required_tls)
        if shown and self.tls.certificate is None:
            raise ValueError(f"{', '.join(shown)} must speak TLS; give scp.tls a certificate")
        return self


class StowSender(WebSender, LimitedSender):
    """One system that posts to us."""

    site: str = Field("", description="where its images are made, for routing and stops; empty for site.name")


class Stow(Section):
    """DICOMweb storage (STOW-RS), on the address and port of [intake]."""

    senders: dict[str, StowSender] = Field(default_factory=dict, description="who may post, by name; empty for nobody")
    instance_bytes_max: int = Field(1024**3, ge=1, description="longest instance that is taken, in bytes")
    requests_max: int = Field(8, ge=1, description="requests open at once; more are told to come back")


class Quiet(Section):
    """When a case is complete."""

    default_s: float = Field(60.0, gt=0, description="seconds without a new input, for a modality without its own")
    by_modality_s: dict[str, float] = Field(
        default_factory=lambda: {"CR": 20.0, "DX": 20.0, "CT": 60.0, "MR": 300.0, "MG": 60.0, "": 5.0},
        description="seconds without a new input, by modality; the empty name is for record events. Given, it "
        "replaces the whole table: default_s holds for every modality that it does not name",
    )
    broken_s: float = Field(60.0, ge=0, description="how much longer after a transfer that was broken off, in seconds")
    deadline_s: float = Field(
        1800.0, gt=0, description="longest wait for images that were announced and do not come, in seconds"
    )
    heed_acquisitions: bool = Field(
        default=True, description="believe Images in Acquisition and Number of Slices in image headers"
    )

    @field_validator("by_modality_s")
    @classmethod
    def _as_codes(cls, given: dict[str, float]) -> dict[str, float]:
        """Modalities are codes in capitals; names from variables arrive in small letters."""
        return {modality.upper(): seconds for modality, seconds in given.items()}


class SourceSettings(Section):
    """One archive that may be asked what it holds, and to send it."""

    aet: str = Field("", max_length=16, description="its AE title; empty when it has DICOMweb alone")
    our_aet: str = Field("", max_length=16, description="our title when we ask; empty for scp.aet")
    host: str = Field("", description="its address")
    port: int = Field(0, ge=0, le=65535, description="its DICOM port; 0 when it has DICOMweb alone")
    dicomweb_url: str = Field("", description="its DICOMweb root, asked instead of C-FIND; empty for none")
    token: SecretStr = Field(SecretStr(""), description="bearer token for DICOMweb; empty for none")
    tls: PacsTls = Field(PacsTls(), description="DICOM over TLS, where it speaks that")
    senders: tuple[str, ...] = Field(
        (), description="names of scp.senders whose studies it holds and can count; empty for none"
    )
    whole: bool = Field(
        default=False, description="its senders send whole studies: a series it holds and that never came is missing"
    )
    silence_s: float = Field(10.0, gt=0, description="longest wait for each answer, in seconds")

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        """Neither DICOM nor DICOMweb is nowhere."""
        if not self.dicomweb_url and not (self.aet and self.host and self.port):
            raise ValueError("give aet, host and port, or dicomweb_url")
        return self
