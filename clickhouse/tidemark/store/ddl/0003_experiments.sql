-- What users of experiments did, as increments of user-level moments (DESIGN rule 6): summed over minutes up to an
-- instant, and over cells, they are sums over users of what each had done by then. Sums in the units of the metric's
-- measures: counts and micros. A user's sum lies within 10^15, so squares of 10^8 users fit Int128.
CREATE TABLE tidemark.experiment_minute
(
    experiment_id LowCardinality(String),
    generation    Int64 COMMENT 'of the definition: Unix seconds of its first publication',
    metric        LowCardinality(String) COMMENT 'empty: users alone, in the minute of their first exposure',
    variant       LowCardinality(String) COMMENT 'empty, with an empty metric: users who saw two variants and count nowhere else',
    minute        DateTime('UTC') CODEC(Delta, ZSTD),
    campaign_id   String COMMENT 'this and what follows: the cell, of the first exposure; empty where the definition names no such slice',
    ad_id         String,
    channel       LowCardinality(String),
    source        LowCardinality(String),
    platform      LowCardinality(String),
    country       LowCardinality(String),
    users         Int64,
    active        Int64 COMMENT 'users whose first event of the metric this minute has',
    x             Int128 COMMENT 'numerator',
    xx            Int128,
    y             Int128 COMMENT 'denominator of a ratio',
    yy            Int128,
    xy            Int128,
    k             Int128 COMMENT 'covariate: the numerator before the exposure',
    kk            Int128,
    xk            Int128,
    yk            Int128,
    version       UInt64 COMMENT 'offset in experiment.v1'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toRelativeMonthNum(minute) % 96
ORDER BY (experiment_id, generation, metric, variant, minute, campaign_id, ad_id, channel, source, platform, country)
SETTINGS index_granularity = 1024;

ALTER TABLE tidemark.heartbeats MODIFY COLUMN path Enum8('raw' = 1, 'folded' = 2, 'experiment' = 3);

CREATE TABLE tidemark.experiment_landing
(
    experiment_id String,
    generation    Int64,
    metric        String,
    variant       String,
    minute        Int64,
    campaign_id   String,
    ad_id         String,
    channel       String,
    source        String,
    platform      String,
    country       String,
    users         Int64,
    active        Int64,
    x             String,
    xx            String,
    y             String,
    yy            String,
    xy            String,
    k             String,
    kk            String,
    xk            String,
    yk            String,
    gone          Bool,
    message       String,
    reason        String,
    topic         String,
    partition     Int32,
    offset        Int64,
    appended_at   DateTime64(3, 'UTC'),
    block         DateTime64(6, 'UTC')
)
ENGINE = Null;

-- Keys are partitioned, so of a row's values the last one written is right: the offset tells (rule 4).
CREATE MATERIALIZED VIEW tidemark.experiment_rows TO tidemark.experiment_minute AS
WITH
    (t -> if(gone, toInt128(0), toInt128OrZero(t))) AS whole
SELECT
    experiment_id, generation, metric, variant, toDateTime(minute, 'UTC') AS minute, campaign_id, ad_id, channel, source, platform,
    country, if(gone, 0, users) AS users, if(gone, 0, active) AS active, whole(x) AS x, whole(xx) AS xx, whole(y) AS y,
    whole(yy) AS yy, whole(xy) AS xy, whole(k) AS k, whole(kk) AS kk, whole(xk) AS xk, whole(yk) AS yk, toUInt64(offset) AS version
FROM tidemark.experiment_landing
WHERE empty(reason) AND notEmpty(experiment_id);

CREATE MATERIALIZED VIEW tidemark.experiment_heartbeats TO tidemark.heartbeats AS
SELECT
    'experiment' AS path, block, source AS collector, toInt32OrZero(ad_id) AS partition, users AS partitions,
    fromUnixTimestamp64Milli(active, 'UTC') AS at, false AS goodbye
FROM tidemark.experiment_landing
WHERE empty(reason) AND empty(experiment_id);

CREATE MATERIALIZED VIEW tidemark.experiment_rejected TO tidemark.rejected AS
SELECT topic, partition, offset, appended_at AS at, 'kafka' AS door, 'message' AS field, reason, substring(message, 1, 65536) AS raw
FROM tidemark.experiment_landing
WHERE notEmpty(reason);
