-- What each look's minutes added, by metric, variant and slice: only where something was added, exact in integers. It
-- is one row, whose arrays are those of all groups one after the other. The service fills in
--   kind: which metrics; keys, bare_keys, gathered_keys: columns of slices; sums, gathered, joined: what is summed
-- Values of a question are bound parameters.
SELECT
    $kind AS kind,
    formatRow('RowBinary', groupArray(metric), groupArray(variant) $gathered_keys, groupArray(length(looks)),
        groupArrayArray(looks) $joined) AS packed
FROM
(
    SELECT metric, variant, $keys groupArray(look) AS looks $gathered
    FROM
    (
        SELECT metric, variant, $keys roundDown(toUInt32(minute), {starts:Array(UInt32)}) AS look $sums
        -- FINAL keeps each cell's newest row; all columns of conditions are part of the key, so they hold for all
        -- versions alike and may be looked at before FINAL merges these
        FROM tidemark.experiment_minute FINAL
        PREWHERE experiment_id = {experiment:String} AND generation = {generation:Int64}
            AND metric IN {$metrics:Array(String)} AND minute < toDateTime({end:UInt32}, 'UTC')
            $conditions
        GROUP BY metric, variant $bare_keys, look
    )
    GROUP BY metric, variant $bare_keys
    LIMIT {groups:UInt32}
)
