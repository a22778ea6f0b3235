-- How many rows the sources will read, from their indexes alone.
EXPLAIN ESTIMATE
SELECT count()
FROM
(
$sources
)
