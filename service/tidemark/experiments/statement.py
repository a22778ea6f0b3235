"""The statements of experiments, run with time and memory bounded."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from tidemark.query.database import Database, Table
from tidemark.query.execute import over_limit
from tidemark.query.limits import Limits

_SQL = files("tidemark.experiments") / "sql"
_LESS = "ask for fewer metrics, for a slice, or by fewer dimensions"


def template(name: str) -> Template:
    """A file of the folder ``sql``."""
    return Template((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def run(
    database: Database,
    statement: Template,
    parameters: Mapping[str, object],
    limits: Limits,
    **parts: object,
) -> Table:
    """The statement's rows; ``parts`` are what the service itself fills in, never a caller's text.

    Raises:
        QueryError: it took too long or too much memory. Other errors of the database pass through.
    """
    sql = statement.substitute(
        parts, timeout_seconds=limits.timeout_seconds, memory_bytes=limits.memory_bytes
    )
    try:
        return database.query(sql, parameters)
    except Exception as error:
        refused = over_limit(error, limits, slow=_LESS, large=_LESS)
        if refused is not None:
            raise refused from error
        raise
