"""Secrets as files: one each, called like the setting; anything doubtful stops the start."""

import uuid
from pathlib import Path

import pytest

from bridge.config import ConfigError, explain, load
from bridge.config.secret_files import BYTES_MAX, FILES_MAX

PASSWORD = "postgresql://infer:hunter2@h/aval"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "aval.toml").write_text(f'[site]\nnamespace = "{uuid.UUID(int=1)}"\n')
    (tmp_path / "secrets").mkdir()
    return tmp_path


def write(folder: Path, name: str, data: bytes) -> dict[str, str]:
    (folder / "secrets" / name).write_bytes(data)
    return {"AVAL_SECRETS": str(folder / "secrets")}


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_file_gives_a_setting_without_the_end_of_its_line(folder: Path, end: bytes) -> None:
    given = write(folder, "AVAL_DATABASE__URLS__INFER", PASSWORD.encode() + end)
    settings = load(folder, given)
    assert settings.database_url("infer") == PASSWORD
    assert "hunter2" not in repr(settings)


def test_files_go_beside_variables_and_over_the_settings_file(folder: Path) -> None:
    given = write(folder, "AVAL_SCP__PORT", b"104\n") | {"AVAL_SCP__AET": "HERE"}
    settings = load(folder, given)
    assert (settings.scp.port, settings.scp.aet) == (104, "HERE")
    origins = {name: origin for name, _, origin, _ in explain(settings, given)}
    assert (origins["scp.port"], origins["scp.aet"]) == ("secret file", "environment")


def test_kubernetes_own_names_in_the_folder_are_no_settings(folder: Path) -> None:
    (folder / "secrets" / "..2026_11_27").mkdir()
    (folder / "secrets" / "..data").symlink_to("..2026_11_27")
    assert load(folder, write(folder, "AVAL_BROKER__URL", b"amqp://h")).broker.url.get_secret_value() == "amqp://h"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("password", b"x", "not called like a setting"),
        ("AVAL_BROKER__ULR", b"x", r"broker\.ulr.*unknown setting"),
        ("AVAL_BROKER__URL", b"\xff\xfe", "cannot be read as text"),
        ("AVAL_BROKER__URL", b"a" * (BYTES_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_secret_of_ours_stops_the_start(folder: Path, name: str, data: bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(folder, write(folder, name, data))


def test_a_setting_given_twice_stops_the_start(folder: Path) -> None:
    given = write(folder, "AVAL_SCP__PORT", b"104") | {"AVAL_SCP__PORT": "105"}
    with pytest.raises(ConfigError, match="both a variable and a file"):
        load(folder, given)


def test_a_folder_that_is_not_there_or_holds_something_else_stops_the_start(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(folder, {"AVAL_SECRETS": str(folder / "nowhere")})
    (folder / "secrets" / "AVAL_SCP__AET").mkdir()
    with pytest.raises(ConfigError, match="cannot be read as text"):
        load(folder, {"AVAL_SECRETS": str(folder / "secrets")})
    for number in range(FILES_MAX):
        (folder / "secrets" / f"AVAL_{number}").touch()
    with pytest.raises(ConfigError, match="a folder of secrets alone"):
        load(folder, {"AVAL_SECRETS": str(folder / "secrets")})
