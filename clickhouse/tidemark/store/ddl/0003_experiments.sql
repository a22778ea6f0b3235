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
