"""What the processes of one operating-system process share, each made once, from the settings."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Final

from bridge.accounts import Desk as SignInDesk
from bridge.accounts import load_secrets
from bridge.broker.local import LocalBell
from bridge.broker.rabbit import RabbitBell
from bridge.config import ConfigError, Settings
from bridge.db.accounts import SqlAccounts
from bridge.db.engine import engine_at, make_aval_engine
from bridge.db.migrate import migrate, schema_revision
from bridge.db.store import SqlStore
from bridge.db.views import SqlJournal
from bridge.flows.route import Routing
from bridge.journal import Keeper, require_anchors_hold
from bridge.rules_file import SHIPPED, read_rules
from bridge.seal import KeyRing, checking_ring, signing_ring
from bridge.vault import KeptVault
from bridge.wiring.clock import SystemClock
from bridge.wiring.publishers import Publishers
from bridge.wiring.registering import register
from bridge.wiring.restoring import restore
from bridge.wiring.rules import misnamed
from bridge.wiring.vault import make_vault
from guarantee.lifecycle import Stage
from guarantee.policy import Policy
from guarantee.ports import Bell
from guarantee.rules import Route
from inference.registry import Registry, shipped

NAMES: Final = ("scp", "intake", "desk", "relay", "infer", "deliver", "sweep", "ups", "metrics")
"""Every process, as in ``aval run NAME``."""

ROLES: Final = {"all": "sweep", "scp": "intake", "ups": "intake", "metrics": "audit"}
"""Processes that log in to the database under another one's name (``database.urls``); every other has its own."""

RING: Final = frozenset({"intake", "relay", "infer", "deliver", "sweep"})
"""Processes that ring at the broker or listen there. The others never connect to it."""

HOLD_NO_BYTES: Final = frozenset({"relay", "metrics"})
"""Processes that work on rows alone, and have no vault."""

KNOW_THE_JOURNAL: Final = frozenset({"all", "desk", "deliver", "sweep"})
"""Processes that hold the journal against its anchors when they start: those who decide, send and conclude. The others
take in, compute and ring; they have neither the right to read the journal nor the anchors."""


class Parts:
    """Everything that several processes use.

    Args:
        settings: the whole configuration; nobody below this package sees it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.committed = threading.Event()
        """Set after each commit of this process that has something to tell: wakes the relay."""
        self._stores: dict[str, SqlStore] = {}
        self._lock_file: IO[str] | None = None

    @property
    def embedded(self) -> bool:
        """Return whether one process tree owns everything: SQLite, and the in-process bell."""
        return self.settings.database_url("").startswith("sqlite")

    def store(self, process: str) -> SqlStore:
        """Return the store of one process; processes with one URL share one."""
        url = self.settings.database_url(process)
        if url not in self._stores:
            self._stores[url] = SqlStore(make_aval_engine(url), committed=self.committed.set)
        return self._stores[url]

    @cached_property
    def vault(self) -> KeptVault:
        """The vault."""
        return make_vault(self.settings, self.clock.now)

    @cached_property
    def bell(self) -> Bell:
        """The doorbell."""
        url = self.settings.broker.url.get_secret_value()
        return RabbitBell(url) if url else LocalBell()

    @cached_property
    def desk_ring(self) -> KeyRing:
        """The key that seals opinions, releases and withdrawals: for the desk and the command line alone."""
        return signing_ring(self.settings.path(self.settings.storage.keys), "desk")

    @cached_property
    def checking_ring(self) -> KeyRing:
        """The public keys, for whoever only checks."""
        return checking_ring(self.settings.path(self.settings.storage.keys))

    @cached_property
    def catalogue(self) -> Registry:
        """The model packages of this installation."""
        folders = [self.settings.path(path) for path in self.settings.models.packages]
        return Registry.load(folders or shipped(), trust=self.publishers.require)

    @cached_property
    def publishers(self) -> Publishers:
        """Whose packages are trusted here."""
        return Publishers(self.settings)

    @property
    def rules_path(self) -> Path:
        """The file of routes and policies."""
        path = self.settings.routing.rules
        return self.settings.path(path) if path else SHIPPED

    @cached_property
    def rules(self) -> tuple[tuple[Route, ...], tuple[Policy, ...]]:
        """Routes and policies."""
        return read_rules(self.rules_path)

    @cached_property
    def routing(self) -> Routing:
        """Routes, and each policy's current version.

        Raises:
            ConfigError: a route names a model that is not installed, or a card a policy that does not exist.
        """
        routes, policies = self.rules
        for _, problem in misnamed(routes, policies, self.catalogue):
            raise ConfigError(problem)
        current = {policy.id: policy.ref for policy in sorted(policies, key=lambda policy: policy.version)}
        return Routing(routes=routes, policies=current)

    @cached_property
    def sign_in(self) -> SignInDesk:
        """Accounts and sessions."""
        store = self.store("desk")

        @contextmanager
        def accounts(actor: str) -> Iterator[SqlAccounts]:
            with store.transaction(actor) as unit:
                yield unit.accounts

        return SignInDesk(
            accounts=accounts,
            secrets=load_secrets(self.settings.path(self.settings.storage.keys)),
            now=self.clock.now,
            codes_work_once=self.settings.desk.codes_work_once,
        )

    def keeper(self, process: str = "sweep", *, signs: bool = True) -> Keeper:
        """Return what keeps the journal honest; who only looks needs no private key."""
        keys = self.settings.path(self.settings.storage.keys)
        store = self.store(process)

        @contextmanager
        def journal() -> Iterator[SqlJournal]:
            store.flush()  # an anchor must not know of a link that a power cut would take
            with store.reading() as unit:
                yield unit.journal

        return Keeper(
            journal=journal,
            site=str(self.settings.site.namespace),
            places=[self.settings.path(path) for path in self.settings.journal.anchors],
            sealer=signing_ring(keys, "journal") if signs else self.checking_ring,
            witness=self.checking_ring,
            now=self.clock.now,
        )

    # ------------------------------------------------------------------------------------------------- the start

    def open(self, process: str = "all") -> None:
        """Make ready to run: own the folder, have the right schema, know the models, be at or past every anchor.

        One process of several needs its own login, and what it works with, and nothing else.

        Args:
            process: as in ``aval run``.

        Raises:
            ConfigError: another process owns the folder, there is no broker, or the database needs `aval migrate`.
            JournalBroken: the journal is behind an anchor.
            Malformed: a model or policy changed without a new version.
        """
        if process not in HOLD_NO_BYTES:
            self.vault.recover()
        role = ROLES.get(process, process)
        if self.embedded:
            self._own_folder()
            with engine_at(self.settings.database_url("")) as engine:
                migrate(engine)
            self.register()
            with self.store("").transaction("start") as unit:
                unit.registry.release_leases(self.clock.now())
        else:
            self.require_bell(process)
            self._require_schema(role)
        if process in KNOW_THE_JOURNAL:
            require_anchors_hold(self.keeper(role, signs=False))
        if self.embedded and self.settings.storage.kind != "s3":
            restore(self.settings.path(self.settings.storage.vault), self.store(""), self.clock)

    def register(self, *, begin: Stage | None = None) -> None:
        """Make models and policies known to the database; on PostgreSQL only its owner may (`aval migrate`).

        Args:
            begin: where the life of each version begins that nobody knew; None for where the table says.
        """
        _ = self.routing
        now = self.clock.now()
        with self.store("").transaction("register") as unit:
            for package in self.catalogue.packages():
                register(package, self.publishers.require(package), unit, now, begin=begin)
            for policy in self.rules[1]:
                unit.registry.register_policy(policy, now)

    def require_bell(self, process: str) -> None:
        """Refuse a process that would ring, or listen, where no other process hears it.

        Raises:
            ConfigError: it is one of several, and has no broker.
        """
        if process in RING and not self.embedded and not self.settings.broker.url.get_secret_value():
            raise ConfigError(f"broker.url is empty: {process} would hear, and be heard by, nobody; give amqp://…")

    def _require_schema(self, role: str) -> None:
        with engine_at(self.settings.database_url(role)) as engine, engine.connect() as connection:
            here, needed = schema_revision(connection)
        if here != needed:
            raise ConfigError(f"the database is at schema {here}, this version needs {needed}: run `aval migrate`")

    def _own_folder(self) -> None:
        self._lock_file = (self.settings.folder / "aval.lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another aval already runs on {self.settings.folder}; stop it, or give --dir") from None

    def close(self) -> None:
        """Let everything go."""
        for store in self._stores.values():
            store.dispose()
        if "vault" in self.__dict__:
            self.vault.close()
        if self._lock_file is not None:
            self._lock_file.close()
