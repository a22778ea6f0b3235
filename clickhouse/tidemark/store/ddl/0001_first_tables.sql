-- The tables of the first release. Kafka tables and Null tables hold nothing; the others do.
-- What reads Kafka stands in feeds.sql.

-- 1. Raw events: the truth. One row an identity (event_id, event, campaign_id, original_time), the earliest copy kept.
CREATE TABLE tidemark.events
(
    event_id      String,
    event         LowCardinality(String),
    event_time    DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    original_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    received_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    quantity      Int64,
    value_micros  Int64,
    cost_micros   Int64,
    campaign_id   String,
    ad_id         String,
    channel       LowCardinality(String),
    source        LowCardinality(String),
    platform      LowCardinality(String),
    country       LowCardinality(String),
    user_id       String,
    anonymous_id  String,
    experiment_id String,
    variant       String,
    properties    Map(String, String),
    appended_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD) COMMENT 'when the brokers stored it, by their clock',
    rank          UInt128 COMMENT 'greatest for the copy that the brokers stored first',
    INDEX event_time_range event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(rank)
-- bounded: a block that spans more than 100 partitions stops a Kafka table for good (DESIGN section 5)
PARTITION BY toRelativeMonthNum(original_time) % 96
ORDER BY (event, campaign_id, original_time, event_id);

-- 2. What Flink folded, a row a minute, cell and event: absolute values with a version, never increments.
CREATE TABLE tidemark.campaign_minute
(
    minute       DateTime('UTC') CODEC(Delta, ZSTD),
    event        LowCardinality(String),
    campaign_id  String,
    ad_id        String,
    channel      LowCardinality(String),
    source       LowCardinality(String),
    platform     LowCardinality(String),
    country      LowCardinality(String),
    events       Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    quantity     Int64,
    value_micros Int64,
    cost_micros  Int64,
    last_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD) COMMENT 'when the brokers stored the newest of them',
    version      UInt64 COMMENT 'repairs * 2^40 + events'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeMonthNum(minute) % 96
ORDER BY (event, campaign_id, minute, ad_id, channel, source, platform, country);

-- 3. Dead letters: what was refused, by the collector or by the table of events, with its bytes.
CREATE TABLE tidemark.rejected
(
    topic     LowCardinality(String) COMMENT 'where these bytes lie in Kafka',
    partition Int32,
    offset    Int64,
    at        DateTime64(3, 'UTC'),
    door      LowCardinality(String) COMMENT 'the collector''s door, or kafka for what was written straight into the topic',
    field     String,
    reason    String,
    raw       String CODEC(ZSTD) COMMENT 'the bytes, cut at 64 kB'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL toDateTime(at) + INTERVAL 90 DAY;

-- 4. What the watermark and the audit look at. `block` names one read of a Kafka table: when a later block of the
--    same path is visible, every row of this one is.
CREATE TABLE tidemark.heartbeats
(
    path       Enum8('raw' = 1, 'folded' = 2),
    block      DateTime64(6, 'UTC'),
    collector  String,
    partition  Int32,
    partitions Int64 COMMENT 'how many partitions the topic had',
    at         DateTime64(3, 'UTC') COMMENT 'when the brokers stored the heartbeat, by their clock',
    goodbye    Bool COMMENT 'raw: the collector sends no more'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + INTERVAL 1 HOUR;

CREATE TABLE tidemark.touched
(
    path     Enum8('raw' = 1, 'folded' = 2),
    block    DateTime64(6, 'UTC'),
    minute   DateTime('UTC'),
    first_at DateTime64(3, 'UTC') COMMENT 'raw: when the brokers stored the earliest of the events that touched it; folded: when the row came'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + INTERVAL 7 DAY;

CREATE TABLE tidemark.audit_progress
(
    path       Enum8('raw' = 1, 'folded' = 2),
    block      DateTime64(6, 'UTC') COMMENT 'every block before this one needs no further look',
    written_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY path;

CREATE TABLE tidemark.repairs
(
    at     DateTime64(6, 'UTC'),
    minute DateTime('UTC'),
    cells  UInt64 COMMENT 'cells of this minute that were written from raw events'
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + INTERVAL 90 DAY;

CREATE TABLE tidemark.offsets
(
    block     DateTime64(6, 'UTC'),
    partition Int32,
    first     Int64,
    last      Int64,
    missing   Array(Int64) COMMENT 'offsets between first and last that made no row: messages without bytes'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + INTERVAL 7 DAY;

CREATE TABLE tidemark.offsets_progress
(
    partition  Int32,
    last       Int64 COMMENT 'every offset up to this one was accounted for',
    block      DateTime64(6, 'UTC') COMMENT 'and every block up to this one',
    written_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY partition;

-- 5. events.v1 → landing → events, heartbeats, touched minutes, dead letters.
--    The whole message is one column and is parsed as a whole: two objects, trailing bytes and numbers beyond 64 bits
--    are seen, at about half the CPU of JSONEachRow, and no row can fail to parse.
CREATE TABLE tidemark.events_landing
(
    event_id String, event String, event_time Int64, original_time Int64, received_at Int64,
    quantity Int64, value_micros Int64, cost_micros Int64,
    campaign_id String, ad_id String, channel String, source String, platform String, country String,
    user_id String, anonymous_id String, experiment_id String, variant String, properties Map(String, String),
    message String, field String, reason String,
    topic String, partition Int32, offset Int64, appended_at DateTime64(3, 'UTC'), block DateTime64(6, 'UTC')
)
ENGINE = Null;

CREATE MATERIALIZED VIEW tidemark.events_rows TO tidemark.events AS
SELECT
    event_id, event,
    fromUnixTimestamp64Milli(event_time, 'UTC') AS event_time,
    fromUnixTimestamp64Milli(original_time, 'UTC') AS original_time,
    fromUnixTimestamp64Milli(received_at, 'UTC') AS received_at,
    quantity, value_micros, cost_micros, campaign_id, ad_id, channel, source, platform, country,
    user_id, anonymous_id, experiment_id, variant, properties, appended_at,
    bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(appended_at)), 64) + toUInt128(offset)) AS rank
FROM tidemark.events_landing
WHERE empty(reason) AND event != 'heartbeat';

CREATE MATERIALIZED VIEW tidemark.events_rejected TO tidemark.rejected AS
SELECT topic, partition, offset, appended_at AS at, 'kafka' AS door, field, reason, substring(message, 1, 65536) AS raw
FROM tidemark.events_landing
WHERE notEmpty(reason);

CREATE MATERIALIZED VIEW tidemark.events_heartbeats TO tidemark.heartbeats AS
SELECT 'raw' AS path, block, source AS collector, toInt32OrZero(ad_id) AS partition, quantity AS partitions, appended_at AS at,
    variant = 'goodbye' AS goodbye
FROM tidemark.events_landing
WHERE empty(reason) AND event = 'heartbeat';

CREATE MATERIALIZED VIEW tidemark.events_touched TO tidemark.touched AS
SELECT 'raw' AS path, block, toStartOfMinute(toDateTime(intDiv(event_time, 1000), 'UTC')) AS minute, min(appended_at) AS first_at
FROM tidemark.events_landing
WHERE empty(reason) AND event != 'heartbeat'
GROUP BY block, minute;

CREATE MATERIALIZED VIEW tidemark.events_offsets TO tidemark.offsets AS
SELECT
    block, partition, min(offset) AS first, max(offset) AS last,
    -- each gap is spelled out, at most 1,000 offsets of it
    arrayFlatten(arrayMap(
        (at, step) -> range(at - step + 1, least(at, at - step + 1001)),
        arraySort(groupArray(offset) AS seen), arrayMap(d -> if(d > 1, d, 1), arrayDifference(arraySort(seen))))) AS missing
FROM tidemark.events_landing
GROUP BY block, partition;


-- 6. campaign.v1 → landing → campaign_minute, heartbeats, touched minutes.
--    Flink's heartbeat rows have event = 'heartbeat', source = the collector, ad_id = the partition.
CREATE TABLE tidemark.campaign_landing
(
    minute Int64, event String, campaign_id String, ad_id String, channel String, source String, platform String, country String,
    events Int64, quantity Int64, value_micros Int64, cost_micros Int64, last_at Int64,
    message String, reason String,
    topic String, partition Int32, offset Int64, appended_at DateTime64(3, 'UTC'), block DateTime64(6, 'UTC')
)
ENGINE = Null;

CREATE MATERIALIZED VIEW tidemark.campaign_rows TO tidemark.campaign_minute AS
SELECT
    toDateTime(minute, 'UTC') AS minute, event, campaign_id, ad_id, channel, source, platform, country,
    events, quantity, value_micros, cost_micros, fromUnixTimestamp64Milli(last_at, 'UTC') AS last_at, toUInt64(events) AS version
FROM tidemark.campaign_landing
WHERE empty(reason) AND event != 'heartbeat';

CREATE MATERIALIZED VIEW tidemark.campaign_rejected TO tidemark.rejected AS
SELECT topic, partition, offset, appended_at AS at, 'kafka' AS door, 'message' AS field, reason, substring(message, 1, 65536) AS raw
FROM tidemark.campaign_landing
WHERE notEmpty(reason);

CREATE MATERIALIZED VIEW tidemark.campaign_heartbeats TO tidemark.heartbeats AS
SELECT
    'folded' AS path, block, source AS collector, toInt32OrZero(ad_id) AS partition, intDiv(quantity, events) AS partitions,
    fromUnixTimestamp64Milli(last_at, 'UTC') AS at, false AS goodbye
FROM tidemark.campaign_landing
WHERE empty(reason) AND event = 'heartbeat';

CREATE MATERIALIZED VIEW tidemark.campaign_touched TO tidemark.touched AS
SELECT 'folded' AS path, block, toDateTime(minute, 'UTC') AS minute, toDateTime64(block, 3, 'UTC') AS first_at
FROM tidemark.campaign_landing
WHERE empty(reason) AND event != 'heartbeat'
GROUP BY block, minute;
