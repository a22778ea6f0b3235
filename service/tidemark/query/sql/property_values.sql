-- The most frequent values of a property, for pickers.
SELECT properties[{key:String}] AS value
FROM tidemark.events
WHERE event_time >= toDateTime({since:UInt32}, 'UTC') AND notEmpty(value)
    AND positionCaseInsensitiveUTF8(value, {search:String}) > 0
GROUP BY value
ORDER BY count() DESC, value
LIMIT {first:UInt32}
SETTINGS max_execution_time = 2, timeout_overflow_mode = 'break'
