-- The plainest SQL that counts what the campaign job counts: no predicate, no heartbeats, no horizon, no brokers' time.
CREATE TEMPORARY TABLE events (
    event_id STRING, event STRING, event_time BIGINT, original_time BIGINT, quantity BIGINT, value_micros BIGINT,
    cost_micros BIGINT, campaign_id STRING, ad_id STRING, channel STRING, source STRING, platform STRING, country STRING,
    arrived AS PROCTIME()
) WITH (
    'connector' = 'kafka', 'topic' = '${topic}', 'properties.bootstrap.servers' = '${bootstrap}',
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json'
);

CREATE TEMPORARY TABLE sums (
    `minute` BIGINT, event STRING, campaign_id STRING, ad_id STRING, channel STRING, source STRING, platform STRING,
    country STRING, events BIGINT, quantity BIGINT, value_micros BIGINT, cost_micros BIGINT,
    PRIMARY KEY (`minute`, event, campaign_id, ad_id, channel, source, platform, country) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka', 'topic' = '${sink}', 'properties.bootstrap.servers' = '${bootstrap}',
    'key.format' = 'json', 'value.format' = 'json'
);

INSERT INTO sums
SELECT
    event_time / 60000 * 60, event, campaign_id, ad_id, channel, source, platform, country,
    COUNT(*), SUM(quantity), SUM(value_micros), SUM(cost_micros)
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id, event, campaign_id, original_time ORDER BY arrived) AS copy
    FROM events
)
WHERE copy = 1
GROUP BY event_time / 60000 * 60, event, campaign_id, ad_id, channel, source, platform, country;
