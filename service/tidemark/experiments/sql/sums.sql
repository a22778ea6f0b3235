-- The sums over users at each look, by metric, variant and slice: prefix sums of the increments, exact in integers.
-- Centred sums n xx - x x cancel, so they are formed in Int256 and only then become doubles. The service fills in
--   looks: how many there are; keys, bare_keys: columns of slices; sums, wide, centred: moments that the metrics need
-- Values of a question are bound parameters. The metric '' has the users; a row of it is in every statement, so that
-- `m`, the users of the same variant and slice, stands beside each metric's sums.
SELECT
    metric, variant, $keys
    if(metric = '', arrayMap(v -> toFloat64(v), n), []) AS users
    $centred
FROM
(
    SELECT
        metric, variant, $keys n,
        arrayMap(v -> toInt256(v), sumForEach(n) OVER (PARTITION BY variant $bare_keys)) AS m
        $wide
    FROM
    (
        SELECT
            metric, variant, $keys
            arrayCumSum(sumResample(0, $looks, 1)(users, look)) AS n
            $sums
        FROM
        (
            SELECT
                *, transform(roundDown(toUInt32(minute), {starts:Array(UInt32)}), {starts:Array(UInt32)},
                    range($looks), 0) AS look
            -- FINAL keeps each cell's newest row; all columns of conditions are part of the key, so they hold for all
            -- versions alike and may be looked at before FINAL merges these
            FROM tidemark.experiment_minute FINAL
            PREWHERE experiment_id = {experiment:String} AND generation = {generation:Int64}
                AND metric IN {metrics:Array(String)} AND minute < toDateTime({end:UInt32}, 'UTC')
                $conditions
        )
        GROUP BY metric, variant $bare_keys
    )
)
LIMIT {groups:UInt32}
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
