"""The dashboard benchmark's baseline: the panels' numbers by bare SELECTs, one after the other.

usage: python bench/dashboard_bare.py HOME ROUNDS
opens HOME/clickhouse, which no service may have open; prints the milliseconds of each panel's SELECTs as
one JSON array.
"""

import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from dashboard_panels import PANELS, draw, span
from tidemark.store.database import Database
from tidemark.store.script import statements

_STATEMENTS = tuple(statements(Path(__file__).with_suffix(".sql").read_text()))


def main(home: Path, rounds: int) -> None:
    """Measure and print; the first round warms up."""
    database, chance, now = (
        Database(home / "clickhouse", brokers="127.0.0.1:9"),
        random.Random(1),
        datetime.now(UTC),
    )
    taken: list[list[float]] = [[] for _ in PANELS]
    for _ in range(rounds + 1):
        for panel, statement, milliseconds in zip(PANELS, _STATEMENTS, taken, strict=True):
            filters = draw(panel, chance)
            start, end = span(panel, now)
            bound = {"campaigns": filters.campaigns, "channel": filters.channel, "from": start, "to": end}
            begun = time.perf_counter()
            database.query(statement, bound)
            milliseconds.append((time.perf_counter() - begun) * 1000)
    print(json.dumps([milliseconds[1:] for milliseconds in taken]))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
