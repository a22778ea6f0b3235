-- How many raw events of an experiment the job cannot know, by the minute in which they happened.
SELECT toUnixTimestamp(toStartOfMinute(event_time)) AS minute, count() AS events
FROM tidemark.events
WHERE appended_at < fromUnixTimestamp64Milli({beginning_ms:Int64}, 'UTC')
    AND event_time >= fromUnixTimestamp64Milli({first_ms:Int64}, 'UTC')
    AND (notEmpty(user_id) OR notEmpty(anonymous_id))
    AND (event IN {events:Array(String)} OR (event = 'exposure' AND experiment_id = {experiment:String}))
GROUP BY minute
ORDER BY minute
