"""A statement of direct SQL, and what every row of the gate is filled with."""

from typing import Any, TypeAlias

from guarantee.codec import time_text
from tests.db.databases import READERS
from tests.guarantee.samples import PACS, RECORD, at, digest_of

Sql: TypeAlias = tuple[str, dict[str, Any]]
"""A statement with named parameters, ``:name``, and their values."""

ASKED, SIGNED, EXPIRES = (time_text(at(seconds)) for seconds in (100_000, 150_000, 200_000))
SEAL = {"seal_key": "key", "signature": "0" * 128}
PACKAGES = {"pacs": PACS.package, "record": RECORD.package}
EVIL = digest_of("what somebody else wants to send")
ROLES_OF = {reader.login: str(reader.role) for reader in READERS} | {"dr.closed": "radiologist"}


def insert(table: str, values: dict[str, Any]) -> Sql:
    """Return an INSERT of ``values``."""
    columns = ", ".join(values)
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{column}' for column in values)})", values


def update(table: str, key: dict[str, Any], **values: Any) -> Sql:
    """Return an UPDATE of the row with ``key``."""
    sets = ", ".join(f"{column} = :{column}" for column in values)
    where = " AND ".join(f"{column} = :key_{column}" for column in key)
    return f"UPDATE {table} SET {sets} WHERE {where}", values | {f"key_{c}": v for c, v in key.items()}
