"""The one way to ClickHouse: queries with bound parameters on a pool of handles, results as columns."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemark.store.embedded import open_engine

# Pinned, because their defaults changed between versions or because exactness hangs on them.
_SETTINGS: dict[str, object] = {
    "async_insert": 0,
    "deduplicate_insert": "disable",
    "do_not_merge_across_partitions_select_final": 1,
    # a min-max index prunes granules before FINAL merges copies; exact mode adds those that hold other copies
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
    "optimize_move_to_prewhere_if_final": 0,
    # constants are part of what is compiled, so each minute each statement would be compiled anew
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    "compile_sort_description": 0,
    "join_use_nulls": 0,
    "session_timezone": "UTC",
}

# all texts are UTF-8, but for a column of this name, which holds bytes
_FORMATS = {"packed": "bytes"}

Parameters = Mapping[str, object]


class QueryError(RuntimeError):
    """ClickHouse refused or failed a statement; the message is the engine's."""


@dataclass(frozen=True, slots=True)
class Table:
    """A result: ``columns[i]`` holds the ``row_count`` values of ``names[i]``.

    Attributes:
        names: The columns' names.
        columns: Their values.
        row_count: How many each has.
        rows_read: What the engine read for it, rows.
        bytes_read: What the engine read for it, bytes.
        elapsed_ms: How long the engine took.
    """

    names: tuple[str, ...]
    columns: list[Sequence[Any]]
    row_count: int
    rows_read: int = 0
    bytes_read: int = 0
    elapsed_ms: float = 0.0

    def rows(self) -> list[tuple[Any, ...]]:
        """The same values, a tuple a row."""
        return list(zip(*self.columns, strict=True)) if self.row_count else []


def _marked(query_id: str) -> dict[str, object]:
    """The setting by which a query is found again.

    The embedded engine ignores a query's own id, and lists a query with parameters in words of its own.
    """
    if not query_id.isalnum():
        raise ValueError(f"query_id == {query_id!r}, must be letters and digits")
    return {"log_comment": query_id}


class Database:
    """ClickHouse, embedded. Thread-safe: each call takes a handle of its own from the pool.

    ``USE`` and ``SET`` stick to a handle and a handle serves one call at a time, so concurrent queries need
    several; the engine behind them is one.
    """

    def __init__(self, path: Path, *, brokers: str, handles: int = 12) -> None:
        self._data, self._options = open_engine(path, brokers=brokers)
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._left = handles
        self._lock = threading.Lock()

    def query(self, sql: str, parameters: Parameters | None = None, *, query_id: str | None = None) -> Table:
        """Run a SELECT; ``{name:Type}`` in it is bound from ``parameters``. One with an id can be cancelled.

        Raises:
            QueryError: the engine refused or failed it.
        """
        settings = None if query_id is None else _marked(query_id)
        with self._handle() as client:
            result = client.query(
                sql,
                parameters=dict(parameters or {}),
                settings=settings,
                column_formats=_FORMATS,
                column_oriented=True,
            )
            columns = list(result.result_columns) or [[] for _ in result.column_names]
            read = result.summary
            return Table(
                tuple(result.column_names),
                columns,
                len(columns[0]) if columns else 0,
                rows_read=int(read.get("read_rows", 0)),
                bytes_read=int(read.get("read_bytes", 0)),
                elapsed_ms=int(read.get("elapsed_ns", 0)) / 1e6,
            )

    def cancel(self, query_id: str) -> None:
        """End the query with this id, if it still runs; it fails with QUERY_WAS_CANCELLED.

        Raises:
            QueryError: the engine refused.
        """
        self.execute("KILL QUERY WHERE Settings['log_comment'] = {id:String} ASYNC", {"id": query_id})

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement without a result.

        Raises:
            QueryError: the engine refused or failed it.
        """
        with self._handle() as client:
            client.command(sql, parameters=dict(parameters or {}))

    def insert(self, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Insert rows into a table.

        Raises:
            QueryError: the engine refused or failed it.
        """
        with self._handle() as client:
            client.insert(table, rows, column_names=names)

    def dbapi_connection(self) -> Any:  # noqa: ANN401 - clickhouse-connect's DB-API connection
        """A connection of its own for SQLAlchemy; the caller closes it."""
        from clickhouse_connect.dbapi.connection import Connection  # noqa: PLC0415 - after the engine

        return Connection(interface="chdb", path=self._data, chdb_options=self._options)

    def close(self) -> None:
        """Close the idle handles; the engine itself stays open until the process ends."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def _handle(self) -> Iterator[Any]:
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415 - after the engine

        client = self._take()
        try:
            yield client
        except ClickHouseError as error:
            raise QueryError(str(error)) from error
        finally:
            self._idle.put(client)

    def _take(self) -> Any:  # noqa: ANN401 - clickhouse-connect's client
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            with self._lock:
                may_open = self._left > 0
                self._left -= may_open
            if not may_open:
                return self._idle.get()
            try:
                return self._open()
            except BaseException:
                with self._lock:
                    self._left += 1
                raise

    def _open(self) -> Any:  # noqa: ANN401
        import clickhouse_connect  # noqa: PLC0415 - importing it opens an engine; ours must be the first

        client: Any = clickhouse_connect.get_client(
            interface="chdb", path=self._data, settings=_SETTINGS, chdb_options=self._options, tz_mode="aware"
        )
        # the driver's own summary tells the size of the result, not what was read for it
        client._backend._summary = _summary  # noqa: SLF001
        return client


def _summary(result: Any) -> dict[str, int]:  # noqa: ANN401 - chdb's result
    return {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "elapsed_ns": round(result.elapsed() * 1e9),
    }
