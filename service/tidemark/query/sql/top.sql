-- Groups of one bucket and value each, marked whether their first dimension is among the n greatest over the whole range
-- (`other` = 0). The sources are read once: what the remainder adds up to is added up from groups, not from rows.
-- Values that only the earlier range knows (not `here`) are never among the greatest.
SELECT
    *,
    NOT here OR dense_rank() OVER (ORDER BY here DESC, $by DESC NULLS LAST, d0) > {top:UInt32} AS other
FROM
(
    SELECT
        *,
        max(is_current) OVER value AS here,
        $totals
    FROM
    (
        $with
        SELECT
            $groups
$source
        $where
        GROUP BY $keys
    )
    WINDOW value AS (PARTITION BY d0)
)
