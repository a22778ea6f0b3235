-- The minutes of [{from}, {to}) as the campaign job would have written them: the grouping of the audit's difference.sql. No event
-- stands there twice, so FINAL is not needed.
INSERT INTO tidemark.campaign_minute
    (minute, event, campaign_id, ad_id, channel, source, platform, country, events, quantity, value_micros, cost_micros, last_at,
     version)
SELECT
    toStartOfMinute(event_time) AS minute, event, campaign_id, ad_id, channel, source, platform, country,
    toInt64(count()) AS events, sum(quantity), sum(value_micros), sum(cost_micros), max(appended_at), toUInt64(events)
FROM tidemark.events
WHERE event_time >= {from:DateTime64(3, 'UTC')} AND event_time < {to:DateTime64(3, 'UTC')}
GROUP BY minute, event, campaign_id, ad_id, channel, source, platform, country
