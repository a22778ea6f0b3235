"""Bringing the tables of alerts to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

VERSIONS = "alert_alembic_version"
"""The table of revisions, of its own: the database may be shared."""
_MIGRATIONS = Path(__file__).resolve().parents[4] / "migrations" / "alerts"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the migrations that are missing, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
