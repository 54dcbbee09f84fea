"""The door of /metrics: what it answers, to whom, and what it needs to open at all."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bridge.config import ConfigError, load
from bridge.exposition import MEDIA_TYPE
from bridge.web.metrics_door import make_metrics_app
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from bridge.wiring.processes import make

TOKEN = "a-token-of-the-test"


def door(token: str = "") -> TestClient:
    return TestClient(make_metrics_app(lambda: "aval_up 1\n", token))


def test_a_scrape_is_text_in_the_form_that_prometheus_reads() -> None:
    answer = door().get("/metrics")
    assert (answer.status_code, answer.text) == (200, "aval_up 1\n")
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", ["", TOKEN, "Basic x", f"Bearer {TOKEN}x", f"bearer{TOKEN}", "Bearer é"])
def test_without_its_token_nobody_is_told_anything(given: str) -> None:
    answer = door(TOKEN).get("/metrics", headers={"Authorization": given.encode("latin-1")})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert door(TOKEN).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_there_is_nothing_else_and_nothing_is_taken() -> None:
    client = door(TOKEN)
    for path in ("/", "/docs", "/openapi.json", "/metrics/DUPONT"):
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (404, b"")
    assert client.post("/metrics", content=b"x" * 10_000).status_code in {404, 405}
    assert client.get("/healthz").text == "ok"


def test_a_fault_of_ours_is_recorded_by_its_place_and_answered_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> str:
        raise KeyError("DUPONT^Anne")

    answer = TestClient(make_metrics_app(broken, "")).get("/metrics")
    assert (answer.status_code, answer.content) == (500, b"")
    assert "metrics.fault" in caplog.text
    assert "DUPONT" not in caplog.text


def parts(folder: Path, **metrics: str) -> Parts:
    if not folder.exists():
        install(folder)
    return Parts(load(folder, {f"AVAL_METRICS__{name.upper()}": value for name, value in metrics.items()}))


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "::", "metrics.chu.example"])
def test_it_does_not_open_to_a_network_without_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"give metrics\.token"):
        make("metrics", parts(tmp_path / "data", host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_it_needs_none_and_runs_with_the_others_when_it_is_wanted(tmp_path: Path, host: str) -> None:
    off, on = parts(tmp_path / "data", host=host), parts(tmp_path / "data", host=host, enabled="true")
    assert "metrics" not in {process.name for process in make("all", off)}
    on.open("all")
    assert "metrics" in {process.name for process in make("all", on)}
    on.close()
