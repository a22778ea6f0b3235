-- Minutes that events touched after the watermark had passed them, marked since a block.
SELECT
    toInt64(toUnixTimestamp(minute)) * 1000 AS minute_ms, toInt64(toUnixTimestamp64Milli(max(first_at))) AS stored_ms, max(block) AS newest
FROM tidemark.touched
WHERE path = 'raw' AND block > {seen:DateTime64(6, 'UTC')}
    AND first_at > addMinutes(toDateTime64(minute, 3, 'UTC'), 1)
    AND toUnixTimestamp(minute) * 1000 < {complete_ms:Int64}
GROUP BY minute
