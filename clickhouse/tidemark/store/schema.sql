CREATE TABLE tidemark.audit_progress
(
    `path` Enum8('raw' = 1, 'folded' = 2),
    `block` DateTime64(6, 'UTC') COMMENT 'every block before this one needs no further look',
    `written_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY path
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.campaign_day
(
    `day` DateTime('UTC') COMMENT 'midnight, UTC' CODEC(Delta(4), ZSTD(1)),
    `event` LowCardinality(String),
    `campaign_id` String,
    `ad_id` String,
    `channel` LowCardinality(String),
    `source` LowCardinality(String),
    `platform` LowCardinality(String),
    `country` LowCardinality(String),
    `events` Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    `quantity` Int128,
    `value_micros` Int128,
    `cost_micros` Int128,
    `version` UInt64 COMMENT 'when it was rolled, in microseconds since 1970; only grows'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeMonthNum(day) % 96
ORDER BY (event, campaign_id, day, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW tidemark.campaign_heartbeats TO tidemark.heartbeats
(
    `path` String,
    `block` DateTime64(6, 'UTC'),
    `collector` String,
    `partition` Int32,
    `partitions` Int64,
    `at` DateTime64(3, 'UTC'),
    `goodbye` Bool
)
AS SELECT
    'folded' AS path,
    block,
    source AS collector,
    toInt32OrZero(ad_id) AS partition,
    intDiv(quantity, events) AS partitions,
    fromUnixTimestamp64Milli(last_at, 'UTC') AS at,
    false AS goodbye
FROM tidemark.campaign_landing
WHERE empty(reason) AND (event = 'heartbeat');

CREATE TABLE tidemark.campaign_hour
(
    `hour` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `event` LowCardinality(String),
    `campaign_id` String,
    `ad_id` String,
    `channel` LowCardinality(String),
    `source` LowCardinality(String),
    `platform` LowCardinality(String),
    `country` LowCardinality(String),
    `events` Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    `quantity` Int128,
    `value_micros` Int128,
    `cost_micros` Int128,
    `version` UInt64 COMMENT 'when it was rolled, in microseconds since 1970; only grows'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeWeekNum(hour) % 96
ORDER BY (event, campaign_id, hour, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE TABLE tidemark.campaign_landing
(
    `minute` Int64,
    `event` String,
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `events` Int64,
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `last_at` Int64,
    `message` String,
    `reason` String,
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `appended_at` DateTime64(3, 'UTC'),
    `block` DateTime64(6, 'UTC')
)
ENGINE = `Null`;

CREATE TABLE tidemark.campaign_minute
(
    `minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `event` LowCardinality(String),
    `campaign_id` String,
    `ad_id` String,
    `channel` LowCardinality(String),
    `source` LowCardinality(String),
    `platform` LowCardinality(String),
    `country` LowCardinality(String),
    `events` Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `last_at` DateTime64(3, 'UTC') COMMENT 'when the brokers stored the newest of them' CODEC(Delta(8), ZSTD(1)),
    `version` UInt64 COMMENT 'repairs * 2^40 + events'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeDayNum(minute) % 96
ORDER BY (event, campaign_id, minute, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW tidemark.campaign_rejected TO tidemark.rejected
(
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `at` DateTime64(3, 'UTC'),
    `door` String,
    `field` String,
    `reason` String,
    `raw` String
)
AS SELECT
    topic,
    partition,
    offset,
    appended_at AS at,
    'kafka' AS door,
    'message' AS field,
    reason,
    substring(message, 1, 65536) AS raw
FROM tidemark.campaign_landing
WHERE notEmpty(reason);

CREATE MATERIALIZED VIEW tidemark.campaign_rows TO tidemark.campaign_minute
(
    `minute` DateTime('UTC'),
    `event` String,
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `events` Int64,
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `last_at` DateTime64(3, 'UTC'),
    `version` UInt64
)
AS SELECT
    toDateTime(minute, 'UTC') AS minute,
    event,
    campaign_id,
    ad_id,
    channel,
    source,
    platform,
    country,
    events,
    quantity,
    value_micros,
    cost_micros,
    fromUnixTimestamp64Milli(last_at, 'UTC') AS last_at,
    toUInt64(events) AS version
FROM tidemark.campaign_landing
WHERE empty(reason) AND (event != 'heartbeat');

CREATE MATERIALIZED VIEW tidemark.campaign_touched TO tidemark.touched
(
    `path` String,
    `block` DateTime64(6, 'UTC'),
    `minute` DateTime('UTC'),
    `first_at` DateTime64(3, 'UTC')
)
AS SELECT
    'folded' AS path,
    block,
    toDateTime(minute, 'UTC') AS minute,
    toDateTime64(block, 3, 'UTC') AS first_at
FROM tidemark.campaign_landing
WHERE empty(reason) AND (event != 'heartbeat')
GROUP BY
    block,
    minute;

CREATE TABLE tidemark.events
(
    `event_id` String,
    `event` LowCardinality(String),
    `event_time` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `original_time` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `received_at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `campaign_id` String,
    `ad_id` String,
    `channel` LowCardinality(String),
    `source` LowCardinality(String),
    `platform` LowCardinality(String),
    `country` LowCardinality(String),
    `user_id` String,
    `anonymous_id` String,
    `experiment_id` String,
    `variant` String,
    `properties` Map(String, String),
    `appended_at` DateTime64(3, 'UTC') COMMENT 'when the brokers stored it, by their clock' CODEC(Delta(8), ZSTD(1)),
    `rank` UInt128 COMMENT 'greatest for the copy that the brokers stored first',
    INDEX event_time_range event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toRelativeMonthNum(original_time) % 96
ORDER BY (event, campaign_id, original_time, event_id)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

CREATE MATERIALIZED VIEW tidemark.events_heartbeats TO tidemark.heartbeats
(
    `path` String,
    `block` DateTime64(6, 'UTC'),
    `collector` String,
    `partition` Int32,
    `partitions` Int64,
    `at` DateTime64(3, 'UTC'),
    `goodbye` UInt8
)
AS SELECT
    'raw' AS path,
    block,
    source AS collector,
    toInt32OrZero(ad_id) AS partition,
    quantity AS partitions,
    appended_at AS at,
    variant = 'goodbye' AS goodbye
FROM tidemark.events_landing
WHERE empty(reason) AND (event = 'heartbeat');

CREATE TABLE tidemark.events_landing
(
    `event_id` String,
    `event` String,
    `event_time` Int64,
    `original_time` Int64,
    `received_at` Int64,
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `user_id` String,
    `anonymous_id` String,
    `experiment_id` String,
    `variant` String,
    `properties` Map(String, String),
    `message` String,
    `field` String,
    `reason` String,
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `appended_at` DateTime64(3, 'UTC'),
    `block` DateTime64(6, 'UTC')
)
ENGINE = `Null`;

CREATE MATERIALIZED VIEW tidemark.events_offsets TO tidemark.offsets
(
    `block` DateTime64(6, 'UTC'),
    `partition` Int32,
    `first` Int64,
    `last` Int64,
    `missing` Array(Int64)
)
AS SELECT
    block,
    partition,
    min(offset) AS first,
    max(offset) AS last,
    arrayFlatten(arrayMap((at, step) -> range((at - step) + 1, least(at, (at - step) + 1001)), arraySort(groupArray(offset) AS seen), arrayMap(d -> if(d > 1, d, 1), arrayDifference(arraySort(seen))))) AS missing
FROM tidemark.events_landing
GROUP BY
    block,
    partition;

CREATE MATERIALIZED VIEW tidemark.events_rejected TO tidemark.rejected
(
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `at` DateTime64(3, 'UTC'),
    `door` String,
    `field` String,
    `reason` String,
    `raw` String
)
AS SELECT
    topic,
    partition,
    offset,
    appended_at AS at,
    'kafka' AS door,
    field,
    reason,
    substring(message, 1, 65536) AS raw
FROM tidemark.events_landing
WHERE notEmpty(reason);

CREATE MATERIALIZED VIEW tidemark.events_rows TO tidemark.events
(
    `event_id` String,
    `event` String,
    `event_time` DateTime64(3, 'UTC'),
    `original_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `quantity` Int64,
    `value_micros` Int64,
    `cost_micros` Int64,
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `user_id` String,
    `anonymous_id` String,
    `experiment_id` String,
    `variant` String,
    `properties` Map(String, String),
    `appended_at` DateTime64(3, 'UTC'),
    `rank` UInt128
)
AS SELECT
    event_id,
    event,
    fromUnixTimestamp64Milli(event_time, 'UTC') AS event_time,
    fromUnixTimestamp64Milli(original_time, 'UTC') AS original_time,
    fromUnixTimestamp64Milli(received_at, 'UTC') AS received_at,
    quantity,
    value_micros,
    cost_micros,
    campaign_id,
    ad_id,
    channel,
    source,
    platform,
    country,
    user_id,
    anonymous_id,
    experiment_id,
    variant,
    properties,
    appended_at,
    bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(appended_at)), 64) + toUInt128(offset)) AS rank
FROM tidemark.events_landing
WHERE empty(reason) AND (event != 'heartbeat');

CREATE MATERIALIZED VIEW tidemark.events_touched TO tidemark.touched
(
    `path` String,
    `block` DateTime64(6, 'UTC'),
    `minute` DateTime('UTC'),
    `first_at` DateTime64(3, 'UTC')
)
AS SELECT
    'raw' AS path,
    block,
    toStartOfMinute(toDateTime(intDiv(event_time, 1000), 'UTC')) AS minute,
    min(appended_at) AS first_at
FROM tidemark.events_landing
WHERE empty(reason) AND (event != 'heartbeat')
GROUP BY
    block,
    minute;

CREATE MATERIALIZED VIEW tidemark.experiment_heartbeats TO tidemark.heartbeats
(
    `path` String,
    `block` DateTime64(6, 'UTC'),
    `collector` String,
    `partition` Int32,
    `partitions` Int64,
    `at` DateTime64(3, 'UTC'),
    `goodbye` Bool
)
AS SELECT
    'experiment' AS path,
    block,
    source AS collector,
    toInt32OrZero(ad_id) AS partition,
    users AS partitions,
    fromUnixTimestamp64Milli(active, 'UTC') AS at,
    false AS goodbye
FROM tidemark.experiment_landing
WHERE empty(reason) AND empty(experiment_id);

CREATE TABLE tidemark.experiment_history
(
    `experiment_id` String,
    `generation` Int64,
    `read_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(read_at)
ORDER BY (experiment_id, generation)
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.experiment_landing
(
    `experiment_id` String,
    `generation` Int64,
    `metric` String,
    `variant` String,
    `minute` Int64,
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `users` Int64,
    `active` Int64,
    `x` String,
    `xx` String,
    `y` String,
    `yy` String,
    `xy` String,
    `k` String,
    `kk` String,
    `xk` String,
    `yk` String,
    `gone` Bool,
    `message` String,
    `reason` String,
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `appended_at` DateTime64(3, 'UTC'),
    `block` DateTime64(6, 'UTC')
)
ENGINE = `Null`;

CREATE TABLE tidemark.experiment_minute
(
    `experiment_id` LowCardinality(String),
    `generation` Int64 COMMENT 'of the definition: Unix seconds of its first publication',
    `metric` LowCardinality(String) COMMENT 'empty: users alone, in the minute of their first exposure',
    `variant` LowCardinality(String) COMMENT 'empty, with an empty metric: users who saw two variants and count nowhere else',
    `minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `campaign_id` String COMMENT 'this and what follows: the cell, of the first exposure; empty where the definition names no such slice',
    `ad_id` String,
    `channel` LowCardinality(String),
    `source` LowCardinality(String),
    `platform` LowCardinality(String),
    `country` LowCardinality(String),
    `users` Int64,
    `active` Int64 COMMENT 'users whose first event of the metric this minute has',
    `x` Int128 COMMENT 'numerator',
    `xx` Int128,
    `y` Int128 COMMENT 'denominator of a ratio',
    `yy` Int128,
    `xy` Int128,
    `k` Int128 COMMENT 'covariate: the numerator before the exposure',
    `kk` Int128,
    `xk` Int128,
    `yk` Int128,
    `version` UInt64 COMMENT 'offset in experiment.v1'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeMonthNum(minute) % 96
ORDER BY (experiment_id, generation, metric, variant, minute, campaign_id, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW tidemark.experiment_rejected TO tidemark.rejected
(
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `at` DateTime64(3, 'UTC'),
    `door` String,
    `field` String,
    `reason` String,
    `raw` String
)
AS SELECT
    topic,
    partition,
    offset,
    appended_at AS at,
    'kafka' AS door,
    'message' AS field,
    reason,
    substring(message, 1, 65536) AS raw
FROM tidemark.experiment_landing
WHERE notEmpty(reason);

CREATE MATERIALIZED VIEW tidemark.experiment_rows TO tidemark.experiment_minute
(
    `experiment_id` String,
    `generation` Int64,
    `metric` String,
    `variant` String,
    `minute` DateTime('UTC'),
    `campaign_id` String,
    `ad_id` String,
    `channel` String,
    `source` String,
    `platform` String,
    `country` String,
    `users` Int64,
    `active` Int64,
    `x` Int128,
    `xx` Int128,
    `y` Int128,
    `yy` Int128,
    `xy` Int128,
    `k` Int128,
    `kk` Int128,
    `xk` Int128,
    `yk` Int128,
    `version` UInt64
)
AS WITH
    (t -> if(gone, toInt128(0), toInt128OrZero(t))) AS whole
SELECT
    experiment_id,
    generation,
    metric,
    variant,
    toDateTime(minute, 'UTC') AS minute,
    campaign_id,
    ad_id,
    channel,
    source,
    platform,
    country,
    if(gone, 0, users) AS users,
    if(gone, 0, active) AS active,
    whole(x) AS x,
    whole(xx) AS xx,
    whole(y) AS y,
    whole(yy) AS yy,
    whole(xy) AS xy,
    whole(k) AS k,
    whole(kk) AS kk,
    whole(xk) AS xk,
    whole(yk) AS yk,
    toUInt64(offset) AS version
FROM tidemark.experiment_landing
WHERE empty(reason) AND notEmpty(experiment_id);

CREATE TABLE tidemark.heartbeats
(
    `path` Enum8('raw' = 1, 'folded' = 2, 'experiment' = 3),
    `block` DateTime64(6, 'UTC'),
    `collector` String,
    `partition` Int32,
    `partitions` Int64 COMMENT 'how many partitions the topic had',
    `at` DateTime64(3, 'UTC') COMMENT 'when the brokers stored the heartbeat, by their clock',
    `goodbye` Bool COMMENT 'raw: the collector sends no more'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + toIntervalHour(1)
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.offsets
(
    `block` DateTime64(6, 'UTC'),
    `partition` Int32,
    `first` Int64,
    `last` Int64,
    `missing` Array(Int64) COMMENT 'offsets between first and last that made no row: messages without bytes'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + toIntervalDay(7)
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.offsets_progress
(
    `partition` Int32,
    `last` Int64 COMMENT 'every offset up to this one was accounted for',
    `block` DateTime64(6, 'UTC') COMMENT 'and every block up to this one',
    `written_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY partition
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.rejected
(
    `topic` LowCardinality(String) COMMENT 'where these bytes lie in Kafka',
    `partition` Int32,
    `offset` Int64,
    `at` DateTime64(3, 'UTC'),
    `door` LowCardinality(String) COMMENT 'the collector\'s door, or kafka for what was written straight into the topic',
    `field` String,
    `reason` String,
    `raw` String COMMENT 'the bytes, cut at 64 kB' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL toDateTime(at) + toIntervalDay(90)
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.repairs
(
    `at` DateTime64(6, 'UTC'),
    `minute` DateTime('UTC'),
    `cells` UInt64 COMMENT 'cells of this minute that were written from raw events'
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + toIntervalDay(90)
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.retained
(
    `name` LowCardinality(String) COMMENT 'a table',
    `gone_before` DateTime('UTC') COMMENT 'its rows before this instant may be gone'
)
ENGINE = ReplacingMergeTree(gone_before)
ORDER BY name
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.rollup_progress
(
    `block` DateTime64(6, 'UTC') COMMENT 'touches in folded blocks before this one were taken into the dirty buckets',
    `repaired_at` DateTime64(6, 'UTC') COMMENT 'and repairs up to this one',
    `dirty_hours` Array(UInt32) COMMENT 'hours to be rolled, in seconds since 1970; at first all that campaign_minute holds',
    `dirty_days` Array(UInt32),
    `written_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY tuple()
SETTINGS index_granularity = 8192;

CREATE TABLE tidemark.touched
(
    `path` Enum8('raw' = 1, 'folded' = 2),
    `block` DateTime64(6, 'UTC'),
    `minute` DateTime('UTC'),
    `first_at` DateTime64(3, 'UTC') COMMENT 'raw: when the brokers stored the earliest of the events that touched it; folded: when the row came'
)
ENGINE = MergeTree
ORDER BY block
TTL toDateTime(block) + toIntervalDay(7)
SETTINGS index_granularity = 8192;
