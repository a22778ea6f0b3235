"""The database that alerts are kept in."""

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

if TYPE_CHECKING:
    import sqlite3

_BUSY_MS = 10_000
_PRAGMAS = (
    "journal_mode = WAL",  # readers do not wait for the writer
    "synchronous = FULL",  # a commit is on the disk when it returns; a power cut would take NORMAL's last
    f"busy_timeout = {_BUSY_MS}",
    "foreign_keys = ON",
)


def connect(url: str) -> Engine:
    """The engine for a URL of SQLAlchemy's: ``sqlite:///…`` or ``postgresql+psycopg://…``.

    Nothing is opened yet. Whatever writes is one transaction; SQLite's take the lock when they begin, so that
    none finds at its end that another one has changed what it read.

    Raises:
        ValueError: there is no such database, or its driver is not installed.
    """
    try:
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(
            f"alerts cannot be kept there: {error}; use sqlite:///FILE or postgresql+psycopg://"
        ) from None
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the driver {error.name} of the database of alerts is missing; install tidemark[postgres]"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    elif engine.dialect.name != "postgresql":
        raise ValueError(
            f"alerts are not kept in {engine.dialect.name}; use sqlite:///FILE or postgresql+psycopg://…"
        )
    return engine


def insert(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - two dialects' inserts, alike but unrelated
    """An insert that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _set_pragmas(connection: DBAPIConnection, _record: object) -> None:
    driver = cast("sqlite3.Connection", connection)
    driver.isolation_level = None  # transactions begin as _begin says, not as the driver guesses
    for pragma in _PRAGMAS:
        driver.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(
        "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
    )
