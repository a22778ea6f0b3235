-- One answer: what the sources hold of the range, by bucket and dimensions. The planner fills in
--   select, group_by, order_by: expressions over columns that the catalogue names
--   sources: campaign_minute.sql, events.sql, or both
-- Values of a question are bound parameters. Sums are Int128: ClickHouse's sum of Int64 wraps in silence.
SELECT
    $select
FROM
(
$sources
)
$group_by
$order_by
LIMIT {rows:UInt32}
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
