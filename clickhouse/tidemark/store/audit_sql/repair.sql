-- The audit's row: what raw events say, with one repair more, so that it wins over whatever Flink wrote and will write.
INSERT INTO tidemark.campaign_minute
SELECT
    minute, event, campaign_id, ad_id, channel, source, platform, country, events, quantity, value_micros, cost_micros, last_at,
    toUInt64((repairs + 1) * 1099511627776 + events) AS version
FROM (${difference})
WHERE settled
