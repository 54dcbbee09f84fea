"""Create a data folder: configuration with its one unchangeable name, keys, database."""

import json
import uuid
from pathlib import Path
from typing import Any, Final

from bridge.config import FILE, load
from bridge.db.engine import engine_at
from bridge.db.migrate import migrate
from bridge.files import write_whole
from bridge.seal import create_keys

TEMPLATE: Final = """\
# Aval: settings of this installation. `aval config explain` says what each one means and where its value came from.
# Any of them can be given as a variable instead: AVAL_SCP__PORT=11113 overrides [scp] port.

[site]
name = "site-1"
organisation = "Établissement de démonstration"
organisation_id = "990000001"        # FINESS
namespace = "{namespace}"            # root of every outgoing identifier: never change it, and back it up

[scp]
aet = "AVAL"
port = 11112

# Who may send images:
# [scp.senders.scanner-1]
# aet = "SCANNER1"
# addresses = ["10.1.2.3"]
# certificates = ["scanner1.hospital.example"]     # with TLS: a name in its certificate, or its SHA-256 fingerprint
#
# [scp.tls]                                        # both on one port; `port = 2762` for TLS on a port of its own
# certificate = "keys/scp.pem"
# key = "keys/scp.key"
# authorities = "keys/scp-authorities.pem"

# Who may post images by DICOMweb (to http://…:8081/dicom-web/studies):
# [stow.senders.cloud-pacs]
# addresses = ["10.1.2.4"]
# token = "a long random word"

# Which archives may be asked what they hold, and to send it (`aval fetch`):
# [sources.pacs-1]
# aet = "PACS"
# host = "10.1.2.20"
# port = 104

# What suspends a model version by itself, until two people resume it (a golden case that fails always does):
# [triggers]
# wrong_patient = true               # one rejection for the wrong patient
# rejections = 5                     # in rejections_hours = 24
# failures_percent = 50              # of the last failures_runs = 20
# discordances = 2                   # reports of D3 or D4 within 30 days

# Which record may push events (to http://…:8081/fhir):
# [intake.senders.dpi]
# addresses = ["10.1.2.10"]
# base_url = "http://10.1.2.10/fhir"

# Which systems may send HL7v2 messages by MLLP (to port 2575):
# [intake.hl7]
# host = "10.1.2.5"
#
# [intake.hl7.senders.laboratory]
# addresses = ["10.1.2.11"]

# Where people sign in, instead of with a password (`aval users local open` is for when it is down):
# [desk.oidc]
# issuer = "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet"
# client_id = "chu-aval"
# client_secret = "as the provider gave it"

# Whose model packages run here, besides the shipped ones (`aval models keygen`, `aval models pack --key`):
# [models]
# require_signature = true
# [models.publishers]
# chu-lyon = "publishers/chu-lyon.pub"

# Where endorsed results go:
# [destinations.pacs.pacs-1]
# aet = "PACS"
# host = "10.1.2.20"
# port = 104
#
# [destinations.fhir.dpi-1]
# base_url = "http://10.1.2.10/fhir"
#
# Or, where the record does not speak FHIR, HL7v2 by MLLP:
# [destinations.hl7.dpi-1]
# host = "10.1.2.10"
# port = 2576
# patient_authority = "CHU-X&1.2.250.1.999.1&ISO"

[journal]
# Two places or more, the second one out of reach of whoever administers the database.
anchors = ["anchors/anchors.jsonl", "{second_place}"]
"""


def install(folder: Path, *, settings: str | None = None) -> None:
    """Create ``folder`` with configuration, keys and an empty database; what exists is kept.

    Args:
        settings: text of aval.toml; the commented template by default.
    """
    make_private(folder)
    path = folder / FILE
    if not path.exists():
        write_whole(path, (settings or default_settings()).encode())
    made = load(folder)
    create_keys(made.path(made.storage.keys))
    with engine_at(made.database_url("")) as engine:
        if engine.dialect.name == "sqlite":
            migrate(engine)


def make_private(folder: Path) -> None:
    """Create a folder that its owner alone can enter: it holds images, reports, keys. One that exists is left alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def default_settings() -> str:
    """Return the template with a new namespace."""
    namespace = uuid.uuid4()
    return TEMPLATE.format(namespace=namespace, second_place=second_place(namespace))


def from_template(text: str) -> str:
    """Return a site's own template with a new namespace."""
    return text.replace("{namespace}", str(uuid.uuid4()))


def second_place(namespace: uuid.UUID) -> Path:
    """Return a file outside the data folder for the second copy of anchors."""
    return Path.home() / ".local" / "state" / "aval" / "anchors" / f"{namespace}.jsonl"


def to_toml(value: dict[str, Any], prefix: str = "") -> str:
    """Return nested tables of text, numbers, booleans and lists as TOML."""
    plain = {key: item for key, item in value.items() if not isinstance(item, dict)}
    lines = [f"{_key(key)} = {_scalar(item)}" for key, item in plain.items()]
    text = (f"[{prefix}]\n" if prefix and lines else "") + "".join(f"{line}\n" for line in lines)
    for key, item in value.items():
        if isinstance(item, dict):
            text += to_toml(item, f"{prefix}.{_key(key)}" if prefix else _key(key))
    return text


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else _text(key)


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(_scalar(item) for item in value) + "]"
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    """Return a basic string of TOML 1.0: JSON's escapes, and DEL, which TOML does not take as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
