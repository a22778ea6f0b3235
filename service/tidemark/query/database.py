"""What the query side needs of a database; `tidemark.store` has the real one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Table(Protocol):
    """A result by columns: ``columns[i]`` holds the ``row_count`` values of the i-th column."""

    @property
    def columns(self) -> Sequence[Sequence[Any]]: ...  # noqa: D102

    @property
    def row_count(self) -> int: ...  # noqa: D102


class Database(Protocol):
    """Runs SELECTs, ``{name:Type}`` bound from ``parameters``. Synchronous, safe to call from threads."""

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Table: ...  # noqa: D102
