-- How many cells of each minute differ: those to repair now, and those that something is still under way to.
SELECT minute, countIf(settled) AS wrong, countIf(NOT settled) AS under_way
FROM (${difference})
GROUP BY minute
ORDER BY minute
