"""What it costs to know a price before: CPU of EXPLAIN ESTIMATE and of a refusal, to the query's own.

    python bench/price.py

Three questions over 2 million folded rows of 30 days, on an embedded ClickHouse in a temporary folder. The
baseline is the query itself in the same run; the least of several rounds counts, since others use this
machine too.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidemark.store.database import Database

_ROWS, _ROUNDS = 2_000_000, 20
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_FILL = """
INSERT INTO tidemark.campaign_minute
SELECT toDateTime('2026-11-01', 'UTC') - 60 * (number % 43200) - 60, ['impression', 'click'][number % 2 + 1],
    concat('campaign-', toString(number % 997)), '', '', 'web', '', toString(number % 30),
    1, 1, 0, 1000, now64(3), 1
FROM numbers({rows:UInt64})
"""
_QUESTIONS = {
    "an hour of a campaign": {"where": [("CAMPAIGN", "IN", ["campaign-7"])], "hours": 1, "grain": "MINUTE"},
    "a week compared": {"where": [], "hours": 168, "grain": "DAY", "compare": "PREVIOUS_PERIOD"},
    "a week's top 10": {"where": [], "hours": 168, "dimensions": ["CAMPAIGN"], "top": (10, "CLICKS", True)},
}


def cpu_ms(call: Callable[[], object]) -> float:
    """CPU milliseconds of one call, the least of several rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best * 1000


def main(folder: Path) -> None:
    """Print the figures."""
    database = Database(folder, brokers="127.0.0.1:9")

    from tidemark.freshness import Freshness  # noqa: PLC0415 - after the engine
    from tidemark.query.answer import Answerer  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.query.execute import Bounds, TooManyRowsError  # noqa: PLC0415
    from tidemark.query.parse import parse_request  # noqa: PLC0415
    from tidemark.query.request import TimeRange  # noqa: PLC0415
    from tidemark.settings import Settings  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415

    upgrade(database)
    database.execute(_FILL, {"rows": _ROWS})
    known = Freshness(_NOW, _NOW, _NOW)
    answerer, catalogue = Answerer(database, lambda: known, "USD"), load(Settings().catalogue)
    print(f"CPU ms, {_ROWS:,} rows, {os.cpu_count()} cores")
    print(f"{'':24s}{'query':>8s}{'EXPLAIN ESTIMATE':>26s}{'refused by the engine':>26s}")
    for name, asked in _QUESTIONS.items():
        options = {key: value for key, value in asked.items() if key != "hours"}
        hours = asked["hours"]
        if not isinstance(hours, int):
            raise TypeError(hours)
        time_range = TimeRange(_NOW - timedelta(hours=hours), _NOW)
        request = parse_request(catalogue, metrics=["CLICKS", "CTR"], time_range=time_range, **options)  # type: ignore[arg-type]
        prepared = answerer.prepare(request, known)

        def refused(prepared: object = prepared) -> None:
            try:
                answerer.run(prepared, bounds=Bounds(rows=1))  # type: ignore[arg-type]
            except TooManyRowsError:
                return
            raise RuntimeError("one row was enough")

        query = cpu_ms(lambda prepared=prepared: answerer.run(prepared))  # type: ignore[misc]
        estimate = cpu_ms(lambda prepared=prepared: answerer.estimate(prepared))  # type: ignore[misc]
        refusal = cpu_ms(refused)
        print(
            f"{name:24s}{query:8.1f}{estimate:16.1f} ({estimate / query:.2f} of it)"
            f"{refusal:16.1f} ({refusal / query:.2f} of it)"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tidemark-") as made:
        main(Path(made))
        sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
