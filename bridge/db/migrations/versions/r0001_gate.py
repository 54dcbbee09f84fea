"""The first schema: tables, walls, journal, and on PostgreSQL one role per process.

Revision ID: 0001
"""

from alembic import op

from bridge.db.migrate import run_sql, write_transitions

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    connection = op.get_bind()
    run_sql(connection, "0001_tables.sql")
    write_transitions(connection)
    run_sql(connection, f"0002_walls.{connection.dialect.name}.sql")
    if connection.dialect.name == "postgresql":
        run_sql(connection, "0003_roles.postgresql.sql")


def downgrade() -> None:
    """Refuse: the first schema holds the journal."""
    raise NotImplementedError("there is nothing before the first schema; restore a backup instead")
