-- One answer: what the sources hold of the range, by bucket and dimensions. The planner fills in
--   source: a SELECT for each table and period, with columns time, previous, event, d0 … and measures; or one table
--     alone with `with` for those columns, since a subquery more costs planning
--   columns, having, order_by: expressions over columns that the catalogue names
-- Values of a question are bound parameters. Sums are Int128: ClickHouse's sum of Int64 wraps in silence.
$with
SELECT
    $columns
$source
$where
$group_by
$having
$order_by
LIMIT {rows:UInt32}
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
