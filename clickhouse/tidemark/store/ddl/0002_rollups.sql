-- Hour and day rollups of campaign_minute, and what retention needs of the tables.
-- The sums of a minute's cell are Int64; those of 60 or 1,440 of them may pass it, and ClickHouse's sum wraps in silence,
-- so quantity and micros are Int128 here. A count of distinct events cannot: 2^63 events were never sent.
-- No Projection, no summing engine: a bucket that is rolled again replaces itself, cell by cell.
-- What FINAL costs is merging parts while it reads, so a partition that rests for ten minutes is merged to one part. They
-- are written once an hour and once a day, so nearly always they rest. A granule is 1,024 rows instead of 8,192, since a
-- question reads at least one for each event, campaign and part, and a campaign's minutes of a day are few.
CREATE TABLE tidemark.campaign_hour
(
    hour         DateTime('UTC') CODEC(Delta, ZSTD),
    event        LowCardinality(String),
    campaign_id  String,
    ad_id        String,
    channel      LowCardinality(String),
    source       LowCardinality(String),
    platform     LowCardinality(String),
    country      LowCardinality(String),
    events       Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    quantity     Int128,
    value_micros Int128,
    cost_micros  Int128,
    version      UInt64 COMMENT 'when it was rolled, in microseconds since 1970; only grows'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeWeekNum(hour) % 96
ORDER BY (event, campaign_id, hour, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1,
    min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE TABLE tidemark.campaign_day
(
    day          DateTime('UTC') CODEC(Delta, ZSTD) COMMENT 'midnight, UTC',
    event        LowCardinality(String),
    campaign_id  String,
    ad_id        String,
    channel      LowCardinality(String),
    source       LowCardinality(String),
    platform     LowCardinality(String),
    country      LowCardinality(String),
    events       Int64 COMMENT 'distinct events; 0: the audit took the cell away',
    quantity     Int128,
    value_micros Int128,
    cost_micros  Int128,
    version      UInt64 COMMENT 'when it was rolled, in microseconds since 1970; only grows'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeMonthNum(day) % 96
ORDER BY (event, campaign_id, day, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1,
    min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

-- One row: where the rollups stand, so that a restart goes on.
CREATE TABLE tidemark.rollup_progress
(
    block       DateTime64(6, 'UTC') COMMENT 'touches in folded blocks before this one were taken into the dirty buckets',
    repaired_at DateTime64(6, 'UTC') COMMENT 'and repairs up to this one',
    dirty_hours Array(UInt32) COMMENT 'hours to be rolled, in seconds since 1970; at first all that campaign_minute holds',
    dirty_days  Array(UInt32),
    written_at  DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY tuple();

-- Minutes by the day instead of by the month. The key begins with event and campaign_id, so a question about today's
-- campaigns has no prefix to look up: it reads the partitions that hold today. Closed days are merged to one part
-- each, which FINAL reads as it is. Still bounded: a block that spans more than 100 partitions stops a Kafka table for
-- good. Days that are 96 apart share a partition; that costs reads of old minutes something, and no answer its truth.
CREATE TABLE tidemark.campaign_minute_rebuilt
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
PARTITION BY toRelativeDayNum(minute) % 96
ORDER BY (event, campaign_id, minute, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

INSERT INTO tidemark.campaign_minute_rebuilt SELECT * FROM tidemark.campaign_minute;

EXCHANGE TABLES tidemark.campaign_minute AND tidemark.campaign_minute_rebuilt;

DROP TABLE tidemark.campaign_minute_rebuilt;

-- Retention drops whole parts and rewrites none. When it is changed or ended, this says what it may have taken before.
CREATE TABLE tidemark.retained
(
    name        LowCardinality(String) COMMENT 'a table',
    gone_before DateTime('UTC') COMMENT 'its rows before this instant may be gone'
)
ENGINE = ReplacingMergeTree(gone_before)
ORDER BY name;

ALTER TABLE tidemark.events MODIFY SETTING ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;
