"""The object store of the vault's tests, and a line to it that can fail; a house whose people sign in elsewhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.accounts import add_person
from bridge.config import load
from bridge.vault import ObjectVault
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from tests.bridge.forging_provider import Forger
from tests.bridge.oidc_house import House, settings
from tests.bridge.store_proxy import StoreProxy
from tests.bridge.stores import PART, Make, client
from tests.bridge.test_vault import objects_in
from tests.flows.fakes import READER
from tests.peers.fixtures import started
from tests.peers.seaweedfs import SeaweedFS


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    yield from started(SeaweedFS)


@pytest.fixture
def line(store: SeaweedFS) -> Iterator[StoreProxy]:
    made = StoreProxy(store.port)
    yield made
    made.stop()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ObjectVault] = []

    def one(endpoint: str, *, prefix: str = "", bucket: dict[str, Any] | None = None, **more: Any) -> ObjectVault:
        prefix = prefix or f"{tmp_path.name.lower()}/"
        root = tmp_path / f"machine-{len(made)}"
        made.append(objects_in(client(endpoint, **(bucket or {})), root, prefix=prefix, **more))
        return made[-1]

    yield one
    for vault in made:
        vault.close()


@pytest.fixture
def far(make: Make, line: StoreProxy) -> ObjectVault:
    """A vault whose line can fail."""
    return make(line.endpoint, part_bytes=PART)


@pytest.fixture
def near(make: Make, store: SeaweedFS) -> ObjectVault:
    """The same objects, on another machine with a good line."""
    return make(store.endpoint)


@pytest.fixture
def forger() -> Iterator[Forger]:
    made = Forger()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def oidc_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one person, for each test to have a copy of."""
    folder = tmp_path_factory.mktemp("template") / "aval"
    install(folder, settings=settings("https://idp.example"))
    parts = Parts(load(folder))
    add_person(READER, "", parts.sign_in)
    parts.close()
    return folder


@pytest.fixture
def house(tmp_path: Path, oidc_template: Path, forger: Forger) -> Iterator[House]:
    made = House(shutil.copytree(oidc_template, tmp_path / "aval"), forger)
    yield made
    made.parts.close()
