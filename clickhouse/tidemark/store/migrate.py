"""Bringing the tables to the newest revision, and starting the Kafka tables that fill them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from tidemark.store import script
from tidemark.store.database import Database

_MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply the migrations that are missing. Nothing is read from Kafka meanwhile.

    The feeds are started afterwards.
    """
    database.execute("CREATE DATABASE IF NOT EXISTS tidemark ENGINE = Atomic")
    engine = create_engine("clickhousedb://", creator=database.dbapi_connection)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def start_feeds(database: Database) -> None:
    """Make the Kafka tables and the views that parse their messages; the topics must exist."""
    for statement in script.statements(script.read("feeds.sql")):
        database.execute(statement)


def schema(database: Database) -> str:
    """The ``SHOW CREATE`` of every table and view of the database ``tidemark``, by name."""
    names = database.query(
        "SELECT name FROM system.tables"
        " WHERE database = 'tidemark' AND name != 'alembic_version' ORDER BY name"
    ).columns[0]
    made = [database.query(f"SHOW CREATE TABLE tidemark.`{name}`").columns[0][0] for name in names]
    return ";\n\n".join(made) + ";\n"
