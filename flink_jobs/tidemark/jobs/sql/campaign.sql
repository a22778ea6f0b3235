-- The campaign job: events.v1 → one absolute row a minute, cell and event → campaign.v1 (DESIGN section 3).
-- ${…} are deployment settings, filled in by tidemark.jobs.sql; nothing that a user sent reaches this text.

CREATE TEMPORARY TABLE events (
    event_id      STRING,
    event         STRING,
    event_time    BIGINT,
    original_time BIGINT,
    received_at   BIGINT,
    quantity      BIGINT,
    value_micros  BIGINT,
    cost_micros   BIGINT,
    campaign_id   STRING,
    ad_id         STRING,
    channel       STRING,
    source        STRING,
    platform      STRING,
    country       STRING,
    appended      TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, -- the brokers' clock (LogAppendTime)
    arrived       AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'events.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.group.id' = 'tidemark-flink-campaign',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset', -- without state all is read again: rows are absolute, so that is harmless
    'scan.topic-partition-discovery.interval' = '10 s',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true' -- drops in silence; ClickHouse reads the same topic and keeps what is dropped here
);

CREATE TEMPORARY TABLE campaign_minute (
    `minute`     BIGINT, -- Unix seconds
    event        STRING,
    campaign_id  STRING,
    ad_id        STRING,
    channel      STRING,
    source       STRING,
    platform     STRING,
    country      STRING,
    events       BIGINT NOT NULL,
    quantity     BIGINT NOT NULL,
    value_micros BIGINT NOT NULL,
    cost_micros  BIGINT NOT NULL,
    last_at      BIGINT NOT NULL, -- when the brokers stored the newest of these events, Unix ms
    PRIMARY KEY (`minute`, event, campaign_id, ad_id, channel, source, platform, country) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'campaign.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.acks' = 'all',
    'properties.linger.ms' = '5',
    'properties.compression.type' = 'lz4',
    'sink.delivery-guarantee' = 'at-least-once', -- rule 4: a row written again is written right
    'key.format' = 'json',
    'value.format' = 'json'
);

-- The predicate of ClickHouse's view, so that both count the same (rule 5 mends what it cannot see).
CREATE TEMPORARY VIEW valid_events AS
SELECT
    event_id, event, event_time, original_time, COALESCE(quantity, 1) AS quantity,
    COALESCE(value_micros, 0) AS value_micros, COALESCE(cost_micros, 0) AS cost_micros,
    COALESCE(campaign_id, '') AS campaign_id, COALESCE(ad_id, '') AS ad_id, COALESCE(channel, '') AS channel,
    COALESCE(source, '') AS source, COALESCE(platform, '') AS platform, COALESCE(country, '') AS country,
    CAST(EXTRACT(EPOCH FROM appended) AS BIGINT) * 1000 + CAST(EXTRACT(MILLISECOND FROM appended) AS BIGINT) AS appended_ms,
    arrived
FROM events
WHERE event_id <> '' AND event <> ''
    AND event_time >= 946684800000 AND event_time < 4102444800000
    AND (original_time = 0 OR (original_time >= 946684800000 AND original_time < 4102444800000))
    AND received_at >= 946684800000 AND received_at < 4102444800000
    AND COALESCE(quantity, 1) <> 0 AND COALESCE(quantity, 1) BETWEEN -1000000000 AND 1000000000
    AND COALESCE(value_micros, 0) BETWEEN -10000000000000 AND 10000000000000
    AND COALESCE(cost_micros, 0) BETWEEN -10000000000000 AND 10000000000000;

-- Keep the first copy of each identity (rule 8). Both copies lie in one partition, in order, so "first" is ClickHouse's too.
CREATE TEMPORARY VIEW unique_events AS
SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id, event, campaign_id, original_time ORDER BY arrived ASC) AS copy
    FROM valid_events
) WHERE copy = 1;

-- An event older than the state would start a fresh sum: it goes aside before the GROUP BY, and the audit folds it in.
-- A heartbeat is a cell of its own, always the same one (minute 0), so that two of its values never share a mini-batch:
-- a newer value in the topic proves that all rows of the older value's mini-batch stand before it.
INSERT INTO campaign_minute
SELECT
    `minute`, event, campaign_id, ad_id, channel, source, platform, country,
    COUNT(*), SUM(quantity), SUM(value_micros), SUM(cost_micros), MAX(appended_ms)
FROM (
    SELECT CASE WHEN event = 'heartbeat' THEN 0 ELSE event_time / 60000 * 60 END AS `minute`, *
    FROM unique_events
    WHERE event = 'heartbeat' OR event_time >= appended_ms - ${horizon_ms}
)
GROUP BY `minute`, event, campaign_id, ad_id, channel, source, platform, country;
