-- The sources' rows, and of each whether its first dimension is among the n greatest over the whole range (`other` = 0).
-- A layer of its own: the analyzer would look at the subquery again wherever `other` is named.
SELECT *, toUInt8(d0 NOT IN
(
    SELECT value
    FROM
    (
        SELECT
            d0 AS value,
            $sums
        FROM
        (
$ranked
        )
        GROUP BY value
        ORDER BY $by DESC NULLS LAST, value
        LIMIT {top:UInt32}
    )
)) AS other
FROM
(
$sources
)
