"""A database as one piece of work reads it: what it reads is counted, and it can be ended."""

from collections.abc import Mapping
from uuid import uuid4

from tidemark.query.database import Database, Table


class Reading:
    """Passes queries on, all under one id.

    Attributes:
        id: Under which the queries can be cancelled.
        rows_read: By all of them.
        bytes_read: Likewise.
    """

    def __init__(self, database: Database) -> None:
        self.id = uuid4().hex
        self.rows_read = self.bytes_read = 0
        self._database = database

    def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        query_id: str | None = None,  # noqa: ARG002 - they have one already
    ) -> Table:
        """Run a SELECT."""
        table = self._database.query(sql, parameters, query_id=self.id)
        self.rows_read += table.rows_read
        self.bytes_read += table.bytes_read
        return table

    def cancel(self, query_id: str) -> None:
        """End the query that runs."""
        self._database.cancel(query_id)
