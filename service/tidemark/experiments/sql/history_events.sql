-- Those events of some minutes, each as the collector wrote it: what the job reads of it.
SELECT
    event_id,
    toJSONString(CAST(
        (
            event_id, event, toUnixTimestamp64Milli(event_time), toUnixTimestamp64Milli(original_time),
            toUnixTimestamp64Milli(received_at), quantity, value_micros, cost_micros, campaign_id, ad_id, channel, source, platform,
            country, user_id, anonymous_id, experiment_id, variant
        ),
        'Tuple(event_id String, event String, event_time Int64, original_time Int64, received_at Int64, quantity Int64, value_micros Int64, cost_micros Int64, campaign_id String, ad_id String, channel String, source String, platform String, country String, user_id String, anonymous_id String, experiment_id String, variant String)'
    )) AS message
FROM tidemark.events FINAL
WHERE appended_at < fromUnixTimestamp64Milli({beginning_ms:Int64}, 'UTC')
    AND event_time >= greatest(fromUnixTimestamp64Milli({first_ms:Int64}, 'UTC'), fromUnixTimestamp64Milli({from_s:Int64} * 1000, 'UTC'))
    AND event_time < fromUnixTimestamp64Milli({to_s:Int64} * 1000, 'UTC')
    AND (notEmpty(user_id) OR notEmpty(anonymous_id))
    AND (event IN {events:Array(String)} OR (event = 'exposure' AND experiment_id = {experiment:String}))
