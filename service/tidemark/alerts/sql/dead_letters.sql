-- How many events were refused in each minute of [start, end) that has some.
SELECT toInt64(toUnixTimestamp(toStartOfMinute(at))) * 1000 AS minute_ms, toInt64(count())
FROM tidemark.rejected FINAL
WHERE at >= {start:DateTime64(3, 'UTC')} AND at < {end:DateTime64(3, 'UTC')}
GROUP BY minute_ms
SETTINGS max_execution_time = 10, max_memory_usage = 1000000000, max_threads = 1
