"""Settings: one place, no unknown name, no secret shown."""

import uuid
from pathlib import Path

import pytest

from bridge.config import ConfigError, Settings, explain, from_environment, load

SITE = f'[site]\nnamespace = "{uuid.UUID(int=1)}"\n'


PACS = """[destinations.pacs.a]
aet = 'A'
host = 'pacs.example'
port = 104
[destinations.pacs.a.tls]
"""


def write(folder: Path, text: str = "") -> Path:
    (folder / "aval.toml").write_text(SITE + text)
    return folder


def test_everything_but_the_namespace_has_a_default(tmp_path: Path) -> None:
    settings = load(write(tmp_path), {})
    assert settings.scp.port == 11112
    assert settings.folder == tmp_path.resolve()
    assert settings.path(Path("vault")) == tmp_path.resolve() / "vault"
    assert settings.path(Path("/elsewhere")) == Path("/elsewhere")


def test_a_variable_goes_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    write(tmp_path, "[scp]\nport = 1\naet = 'FILE'\n")
    settings = load(tmp_path, {"AVAL_SCP__PORT": "2", "AVAL_DIR": "/x", "PATH": "/bin"})
    assert (settings.scp.port, settings.scp.aet, settings.scp.host) == (2, "FILE", "0.0.0.0")


def test_the_namespace_can_be_given_as_a_variable(tmp_path: Path) -> None:
    (tmp_path / "aval.toml").write_text("")
    with pytest.raises(ConfigError, match="site"):
        load(tmp_path, {})
    assert load(tmp_path, {"AVAL_SITE__NAMESPACE": str(uuid.UUID(int=2))}).site.namespace == uuid.UUID(int=2)


@pytest.mark.parametrize(
    ("text", "environment", "says"),
    [
        ("[spc]\nport = 1\n", {}, r"spc.*unknown setting"),
        ("[scp]\nprot = 1\n", {}, r"scp\.prot.*unknown setting"),
        ("[scp.senders.a]\naet = 'A'\nadress = 1\n", {}, r"scp\.senders\.a\.adress.*unknown setting"),
        ("", {"AVAL_SCP__PROT": "1"}, r"scp\.prot.*unknown setting"),
        ("", {"AVAL_SPC__PORT": "1"}, r"spc.*unknown setting"),
        ("", {"AVAL_PORT": "1"}, r"port.*unknown setting"),
        ("[scp]\nport = 70000\n", {}, r"scp\.port"),
        ("[scp.senders.a]\naet = 'A'\n[scp.senders.b]\naet = 'A'\n", {}, r"scp.*two senders are called A"),
        ("[scp]\naccept_unknown = true\nquarantine_unknown = true\n", {}, r"scp.*choose one"),
        ("[scp.senders.a]\naet = 'A'\nrequired_tls = true\n", {}, r"scp.*a must speak TLS"),
        (PACS + "certificate = 'a.pem'\nkey = 'a.key'\n", {}, r"TLS needs authorities"),
        (PACS + "authorities = 'a.pem'\nkey = 'a.key'\n", {}, r"certificate and key come together"),
        ("[scp]\nport = 'many'\n", {}, r"scp\.port"),
        ("[intake.senders.a]\nsearch = 'Observation'\n", {}, r"intake\.senders\.a.*give addresses, or a token"),
        ("[stow.senders.a]\nsite = 'north'\n", {}, r"stow\.senders\.a.*give addresses, or a token"),
        ("[scp.senders.a]\naet = 'A'\naddresses = ['10.1.2']\n", {}, r"scp\.senders\.a\.addresses.*10\.1\.2"),
        ("[stow.senders.a]\naddresses = ['viewer.example']\n", {}, r"stow\.senders\.a\.addresses"),
        ("[intake.senders.a]\naddresses = ['10.0.0.0/33']\n", {}, r"intake\.senders\.a\.addresses"),
        ("", {"AVAL_SCP__PORT": "many"}, r"scp\.port"),
        ("", {"AVAL_SCP": "x", "AVAL_SCP__PORT": "1"}, r"AVAL_SCP"),
        ("", {"AVAL_SCP__PORT": "1", "AVAL_SCP": "x"}, r"AVAL_SCP|scp"),
        ("[scp\n", {}, r"not TOML"),
        ("[destinations.pacs.x]\naet='A'\nhost='h'\nport=1\n[destinations.fhir.x]\nbase_url='http://x'\n", {}, r"x"),
        ("[destinations.fhir.'a.b c']\nbase_url='http://x'\n", {}, r"destinations\.fhir"),
    ],
)
def test_what_nobody_knows_or_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, text: str, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load(write(tmp_path, text), environment)


def test_an_error_never_quotes_a_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path), {"AVAL_SCP__PORT": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="aval init"):
        load(tmp_path, {})


def test_modalities_are_codes_whatever_their_case(tmp_path: Path) -> None:
    settings = load(write(tmp_path), {"AVAL_QUIET__BY_MODALITY_S__MR": "10"})
    assert settings.quiet.by_modality_s["MR"] == 10


def test_each_process_may_have_its_own_database_url(tmp_path: Path) -> None:
    text = "[database]\nurl = 'sqlite:///a.db'\n[database.urls]\ndesk = 'postgresql://desk@h/aval'\n"
    settings = load(write(tmp_path, text), {})
    assert settings.database_url("desk") == "postgresql://desk@h/aval"
    assert settings.database_url("scp") == f"sqlite:///{tmp_path.resolve() / 'a.db'}"
    assert load(tmp_path, {"AVAL_DATABASE__URL": "sqlite:////abs/b.db"}).database_url("") == "sqlite:////abs/b.db"


def test_explain_masks_every_secret_and_says_where_each_value_came_from(tmp_path: Path) -> None:
    secrets = {
        "AVAL_DATABASE__URL": "postgresql://u:hunter2@h/aval",
        "AVAL_BROKER__URL": "amqp://u:hunter2@h/",
        "AVAL_INTAKE__SENDERS__DPI__TOKEN": "hunter2",
        "AVAL_INTAKE__SENDERS__DPI__READ_TOKEN": "hunter2",
        "AVAL_DESTINATIONS__FHIR__DPI__TOKEN": "hunter2",
        "AVAL_DESTINATIONS__FHIR__DPI__BASE_URL": "http://dpi/fhir",
    }
    settings = load(write(tmp_path, "[scp]\nport = 5\n"), secrets)
    rows = {name: (value, origin) for name, value, origin, _ in explain(settings, secrets)}
    assert "hunter2" not in repr(rows) + repr(settings) + settings.model_dump_json()
    assert rows["scp.port"] == ("5", "aval.toml")
    assert rows["database.url"] == ("(secret)", "environment")
    assert rows["scp.aet"] == ("AVAL", "default")


def test_every_setting_is_explained() -> None:
    for section in Settings.model_fields.values():
        for name, field in getattr(section.annotation, "model_fields", {}).items():
            assert field.description, name


def test_only_our_own_variables_are_read() -> None:
    assert from_environment({"AVALANCHE": "1", "AVAL_DIR": "/x", "aval_scp__port": "1"}) == {}


def test_a_source_has_an_address_and_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.pacs.*dicomweb_url"):
        load(write(tmp_path, "[sources.pacs]\naet = 'PACS'\n"), {})
    settings = load(write(tmp_path, "[sources.pacs]\ndicomweb_url = 'http://pacs/'\ntoken = 'hush'\n"), {})
    ((name, value, origin, _),) = [row for row in explain(settings, {}) if row[0].startswith("sources")]
    assert (name, origin) == ("sources", "aval.toml")
    assert "pacs: {" in value
    assert "hush" not in value


def test_listeners_that_share_a_port_need_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="need a port that they can share"):
        load(write(tmp_path, "[scp]\nport = 0\nprocesses = 2\n"), {})
