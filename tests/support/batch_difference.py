"""``python batch_difference.py CLICKHOUSE_FOLDER DEFINITION_FILE GENERATION``.

Compares ``experiment_minute`` with the batch over raw events, in a process of its own; prints JSON.
"""

import json
import os
import sys
from pathlib import Path

from tidemark.store.database import Database

MOMENTS = ("users", "active", "x", "xx", "y", "yy", "xy", "k", "kk", "xk", "yk")
_DIFFERENT = """
SELECT count() AS row_count, countIf(batch != stored) AS different
FROM
(
    SELECT
        KEY, groupArrayIf(moments, side = 'batch') AS batch,
        groupArrayIf(moments, side = 'stored') AS stored
    FROM
    (
        SELECT 'batch' AS side, KEY, arrayMap(toString, MOMENTS) AS moments FROM (BATCH)
        UNION ALL
        SELECT 'stored' AS side, KEY, arrayMap(toString, MOMENTS) AS moments
        FROM
        (
            SELECT * REPLACE (toInt64(toUnixTimestamp(minute)) AS minute)
            FROM tidemark.experiment_minute FINAL
            WHERE experiment_id = {experiment_id:String} AND generation = {generation:Int64}
        )
    )
    WHERE arrayExists(one -> one != '0', moments)
    GROUP BY KEY
)
"""


def main() -> None:
    """Compare and print."""
    folder, file, generation = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    database = Database(folder, brokers="127.0.0.1:9")

    from tidemark.experiments.definition import SLICEABLE  # noqa: PLC0415 - after the engine
    from tidemark.experiments.message import experiment_row, metric_rows  # noqa: PLC0415
    from tidemark.experiments.published import decode  # noqa: PLC0415
    from tidemark.store import script  # noqa: PLC0415

    definition = decode(file.read_bytes()).definition
    row = experiment_row(definition)
    if row is None:
        raise SystemExit("a draft has no rows")
    names = [
        f"{part}_{name}" for part in ("num", "den", "pre") for name in ("events", "quantity", "value", "cost")
    ]
    metrics = [
        (key["metric"], key["event"], *(columns[name] for name in names), columns["floor"], columns["cap"])
        for key, columns in metric_rows(definition)
    ]
    key = "metric, variant, minute, campaign_id, ad_id, channel, source, platform, country"
    text = f"[{', '.join(f'toString({name})' for name in MOMENTS)}]"
    sql = _DIFFERENT.replace("arrayMap(toString, MOMENTS)", text).replace("KEY", key)
    sql = sql.replace("BATCH", script.read("experiment_sql/batch.sql"))
    found = database.query(
        sql,
        {
            **{name: row[name] for name in ("start_ms", "end_ms", "window_ms", "covariate_ms", "unit")},
            "slices": [row[f"slice_{name}"] for name in SLICEABLE],
            "experiment_id": definition.id,
            "generation": generation,
            "metrics": metrics,
        },
    )
    sys.stdout.write(json.dumps(dict(zip(found.names, found.rows()[0], strict=True))))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end


main()
