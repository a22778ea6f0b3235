-- The most frequent values of a column that campaign_minute has, for pickers.
SELECT $column AS value
FROM tidemark.campaign_minute
WHERE minute >= toDateTime({since:UInt32}, 'UTC') AND notEmpty(value)
    AND positionCaseInsensitiveUTF8(value, {search:String}) > 0
GROUP BY value
ORDER BY count() DESC, value
LIMIT {first:UInt32}
SETTINGS max_execution_time = 2, timeout_overflow_mode = 'break'
