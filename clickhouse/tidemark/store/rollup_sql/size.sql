-- How many rows of the finer table each of the buckets {buckets} would read at most (copies that were not merged count).
SELECT $start($time) AS bucket, count() AS row_count
FROM tidemark.$from
WHERE $time >= {from:DateTime('UTC')} AND $time < {to:DateTime('UTC')} AND bucket IN {buckets:Array(DateTime('UTC'))}
GROUP BY bucket
