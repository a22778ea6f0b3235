-- The same by buckets. A bucket is a number, counted from the range's first; WITH FILL adds the missing ones for each
-- combination of what stands before it in the ORDER BY, with sums of 0. Only then rows are chosen, ordered and cut.
SELECT
    $names
FROM
(
    $with
    SELECT
        $columns
$source
    $where
    $group_by
    $fill
)
$having
$order_by
LIMIT {rows:UInt32}
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
