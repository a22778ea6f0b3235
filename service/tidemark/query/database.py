"""What the query side needs of a database; `tidemark.store` has the real one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Table(Protocol):
    """A result by columns: ``columns[i]`` holds the ``row_count`` values of the i-th column.

    ``rows_read``, ``bytes_read`` and ``elapsed_ms`` say what the engine read and how long it took.
    """

    @property
    def columns(self) -> Sequence[Sequence[Any]]: ...  # noqa: D102
    @property
    def row_count(self) -> int: ...  # noqa: D102
    @property
    def rows_read(self) -> int: ...  # noqa: D102
    @property
    def bytes_read(self) -> int: ...  # noqa: D102
    @property
    def elapsed_ms(self) -> float: ...  # noqa: D102


class Database(Protocol):
    """Runs SELECTs, ``{name:Type}`` bound from ``parameters``. Synchronous, safe to call from threads."""

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Table:
        """Run a SELECT; one with an id can be cancelled."""
        ...

    def cancel(self, query_id: str) -> None:
        """End the query with this id, if it still runs."""
        ...
