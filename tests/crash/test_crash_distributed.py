"""Seven processes, PostgreSQL and RabbitMQ: one of them after another is killed with -9 under work."""

from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.crash.conftest import KilledPostgreSQL
from tests.crash.ledger import Outside
from tests.crash.storm import storm
from tests.e2e import inputs
from tests.installation import PROCESSES, Installation
from tests.peers.dicom_tools import Dcmtk
from tests.peers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.peer("dcmtk"), pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]

MET_AT = {
    "scp": "reception",
    "intake": "reception",
    "sweep": "inference",
    "infer": "inference",
    "desk": "decision",
    "relay": "delivery",
    "deliver": "delivery",
    "postgresql": "decision",
    "rabbitmq": "delivery",
}
"""At which stage each is killed: the one where it is at work."""

SEED = 20_261_123


def let_leases_run_out(installation: Installation) -> None:
    """Do what 80 s do to the lease of a dead worker, and 180 s to the send that a dead deliverer began.

    Both times are the product's own: how long nobody else may take over, because the other one may still be at it.
    """
    with psycopg.connect(installation.owner, options="-c search_path=aval,pg_catalog") as connection:
        connection.execute("UPDATE leases SET until = '2026-01-01T00:00:00.000000Z'")
        connection.execute("UPDATE deliveries SET next_attempt_at = added_at WHERE state = 'due'")


def test_any_process_and_both_servers_may_die(
    dcmtk: Dcmtk, outside: Outside, cluster: KilledPostgreSQL, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    settings = inputs.models(tmp_path) | outside.settings()
    installation = Installation(tmp_path / "data", settings, cluster=cluster, broker=rabbitmq.url)
    try:
        installation.start(*PROCESSES)
        with storm(installation, outside, tmp_path / "studies", SEED) as everybody:
            victims = list(MET_AT)
            everybody.luck.shuffle(victims)
            for victim in victims:
                everybody.wait_for(MET_AT[victim])
                if victim == "postgresql":
                    cluster.kill()
                    cluster.restart()
                elif victim == "rabbitmq":
                    rabbitmq.kill()
                    rabbitmq.restart()
                else:
                    installation.kill(victim)
                    installation.launch(victim)
                everybody.kills[victim] += 1
                everybody.require_nothing_lost()
                if victim in {"infer", "deliver", "postgresql"}:
                    let_leases_run_out(installation)
            found = everybody.settle()
        found.require_exactly_once()
        assert everybody.kills == Counter(MET_AT.keys())
        everybody.close("crash, distributed", SEED, found)
    finally:
        installation.kill()


def test_a_process_that_starts_before_its_database_waits_for_it(
    cluster: KilledPostgreSQL, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "data", {}, cluster=cluster, broker=rabbitmq.url)
    try:
        cluster.kill()
        try:
            installation.launch("desk")
            installation.eventually(lambda: installation.said().count("start.waiting code=database") > 1, "a wait")
        finally:
            cluster.restart()
        installation.wait_until_open("desk")
        installation.stop()
    finally:
        installation.kill()
