-- The experiment job: exposures and goal events → increments of user-level moments by minute and cell → experiment.v1
-- (DESIGN section 3 and rules 4 to 6). Its rows are a pure function of the set of events, whatever their order:
-- clickhouse/tidemark/store/experiment_sql/batch.sql computes the same ones from raw events, and a test compares them.
-- ${…} are deployment settings; definitions come as messages, and nothing that a user sent reaches this text.
-- A generation of a definition never changes, so both topics of definitions are read as facts that are added, never taken
-- back: no operator before the first aggregation has to be ready to retract.

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
    user_id       STRING,
    anonymous_id  STRING,
    experiment_id STRING,
    `variant`     STRING,
    appended      TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, -- the brokers' clock (LogAppendTime)
    arrived       AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'events.v1;history.v1', -- what is older than the first one's retention comes on the second
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.group.id' = 'tidemark-flink-experiment',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'scan.topic-partition-discovery.interval' = '10 s',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true' -- drops in silence; ClickHouse reads the same topic and keeps what is dropped here
);

CREATE TEMPORARY TABLE experiments (
    experiment_id     STRING NOT NULL,
    generation        BIGINT NOT NULL,
    start_ms          BIGINT NOT NULL, -- a first exposure counts from here
    end_ms            BIGINT NOT NULL, -- to before here
    window_ms         BIGINT NOT NULL, -- and events so long after it
    unit              STRING NOT NULL, -- user_id or anonymous_id
    covariate_ms      BIGINT NOT NULL, -- so long before it they make the covariate; 0: not at all
    slice_campaign_id INT NOT NULL,    -- 1: the cell has the exposure's value; 0: it has the empty one
    slice_ad_id       INT NOT NULL,
    slice_channel     INT NOT NULL,
    slice_source      INT NOT NULL,
    slice_platform    INT NOT NULL,
    slice_country     INT NOT NULL,
    arrived           AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'job-experiments.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.group.id' = 'tidemark-flink-experiment',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

CREATE TEMPORARY TABLE metrics (
    experiment_id STRING NOT NULL,
    generation    BIGINT NOT NULL,
    metric        STRING NOT NULL,
    event         STRING NOT NULL,
    num_events    BIGINT NOT NULL, -- what an event adds to the numerator: num_events + num_quantity * quantity + …
    num_quantity  BIGINT NOT NULL,
    num_value     BIGINT NOT NULL,
    num_cost      BIGINT NOT NULL,
    den_events    BIGINT NOT NULL,
    den_quantity  BIGINT NOT NULL,
    den_value     BIGINT NOT NULL,
    den_cost      BIGINT NOT NULL,
    pre_events    BIGINT NOT NULL, -- and to the covariate, before the exposure
    pre_quantity  BIGINT NOT NULL,
    pre_value     BIGINT NOT NULL,
    pre_cost      BIGINT NOT NULL,
    `floor`       BIGINT NOT NULL, -- a user's numerator counts from here
    cap           BIGINT NOT NULL, -- up to here
    arrived       AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'job-metrics.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.group.id' = 'tidemark-flink-experiment',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

CREATE TEMPORARY TABLE experiment_minute (
    experiment_id STRING, -- empty: a heartbeat, with collector, partition, how many there are, and instant in source, ad_id, users and active
    generation    BIGINT,
    metric        STRING,
    `variant`     STRING,
    `minute`      BIGINT, -- Unix seconds
    campaign_id   STRING,
    ad_id         STRING,
    channel       STRING,
    source        STRING,
    platform      STRING,
    country       STRING,
    users         BIGINT,
    active        BIGINT,
    x             STRING, -- decimal integers as text: JSON's numbers are doubles to many readers
    xx            STRING,
    y             STRING,
    yy            STRING,
    xy            STRING,
    k             STRING,
    kk            STRING,
    xk            STRING,
    yk            STRING,
    op            STRING  -- d: the row is no more
) WITH (
    'connector' = 'kafka',
    'topic' = 'experiment.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.acks' = 'all',
    'properties.linger.ms' = '5',
    'properties.compression.type' = 'lz4',
    'properties.transaction.timeout.ms' = '${transaction_ms}',
    'sink.delivery-guarantee' = 'exactly-once', -- rule 4: a row can vanish, and only the transaction takes back what a crash left
    'sink.transactional-id-prefix' = 'tidemark-experiment',
    'key.format' = 'json',
    'key.fields' = 'experiment_id;generation;metric;variant;minute;campaign_id;ad_id;channel;source;platform;country',
    'value.format' = 'json'
);

-- A definition that is sent again is the same one: each is taken once.
CREATE TEMPORARY VIEW first_experiments AS
SELECT
    experiment_id, generation, start_ms, end_ms, window_ms, unit, covariate_ms, slice_campaign_id, slice_ad_id, slice_channel, slice_source,
    slice_platform, slice_country
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY experiment_id, generation ORDER BY arrived ASC) AS copy FROM experiments)
WHERE copy = 1;

CREATE TEMPORARY VIEW first_metrics AS
SELECT
    experiment_id, generation, metric, event, num_events, num_quantity, num_value, num_cost, den_events, den_quantity, den_value, den_cost,
    pre_events, pre_quantity, pre_value, pre_cost, `floor`, cap
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY experiment_id, generation, metric, event ORDER BY arrived ASC) AS copy FROM metrics)
WHERE copy = 1;

-- The same, known to be added only, never taken back, so that no operator before the first aggregation has to be ready for it.
CREATE TEMPORARY VIEW known_experiments AS
SELECT * FROM TO_CHANGELOG(input => TABLE first_experiments);

CREATE TEMPORARY VIEW known_metrics AS
SELECT * FROM TO_CHANGELOG(input => TABLE first_metrics);

-- The predicate of ClickHouse's view, so that both count the same.
CREATE TEMPORARY VIEW valid_events AS
SELECT
    event_id, event, event_time, original_time, COALESCE(quantity, 1) AS quantity,
    COALESCE(value_micros, 0) AS value_micros, COALESCE(cost_micros, 0) AS cost_micros,
    COALESCE(campaign_id, '') AS campaign_id, COALESCE(ad_id, '') AS ad_id, COALESCE(channel, '') AS channel,
    COALESCE(source, '') AS source, COALESCE(platform, '') AS platform, COALESCE(country, '') AS country,
    COALESCE(user_id, '') AS user_id, COALESCE(anonymous_id, '') AS anonymous_id,
    COALESCE(experiment_id, '') AS experiment_id, COALESCE(`variant`, '') AS `variant`, appended, arrived
FROM events
WHERE event_id <> '' AND event <> ''
    AND event_time >= 946684800000 AND event_time < 4102444800000
    AND (original_time = 0 OR (original_time >= 946684800000 AND original_time < 4102444800000))
    AND received_at >= 946684800000 AND received_at < 4102444800000
    AND COALESCE(quantity, 1) <> 0 AND COALESCE(quantity, 1) BETWEEN -1000000000 AND 1000000000
    AND COALESCE(value_micros, 0) BETWEEN -10000000000000 AND 10000000000000
    AND COALESCE(cost_micros, 0) BETWEEN -10000000000000 AND 10000000000000;

-- Keep the first copy of each identity (rule 8), of what can matter to an experiment: events that tell their user. Which
-- names count is known from definitions alone, which may come later.
CREATE TEMPORARY VIEW first_copies AS
SELECT
    event_id, event, event_time, original_time, quantity, value_micros, cost_micros, campaign_id, ad_id, channel, source, platform,
    country, user_id, anonymous_id, experiment_id, `variant`
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id, event, campaign_id, original_time ORDER BY arrived ASC) AS copy
    FROM valid_events
    WHERE event <> 'heartbeat' AND (user_id <> '' OR anonymous_id <> '')
        AND (event <> 'exposure' OR (experiment_id <> '' AND `variant` <> ''))
) WHERE copy = 1;

-- The same. Neither a filter nor a choice of columns is pushed through the function, so that exposures and goals share one
-- deduplication; else each would have its own, with all of its state.
CREATE TEMPORARY VIEW unique_events AS
SELECT * FROM TO_CHANGELOG(input => TABLE first_copies);

-- By each id that an event carries: an experiment says which of them is its unit.
CREATE TEMPORARY VIEW unit_events AS
SELECT 'user_id' AS unit, user_id AS unit_id, * FROM unique_events WHERE user_id <> ''
UNION ALL
SELECT 'anonymous_id' AS unit, anonymous_id AS unit_id, * FROM unique_events WHERE anonymous_id <> '';

-- Exposures within the time of a definition, declared before or after them. The least text is the earliest exposure, and
-- of several at one instant always the same one; base64 holds no "|".
CREATE TEMPORARY VIEW exposures AS
SELECT
    d.experiment_id, d.generation, e.unit, e.unit_id, e.`variant`, e.event_time, d.window_ms, d.covariate_ms,
    LPAD(CAST(e.event_time AS STRING), 14, '0') || '|' || TO_BASE64(e.event_id) || '|' || TO_BASE64(e.campaign_id)
        || '|' || CAST(e.original_time AS STRING)
        || '|' || CASE WHEN d.slice_campaign_id = 1 THEN TO_BASE64(e.campaign_id) ELSE '' END
        || '|' || CASE WHEN d.slice_ad_id = 1 THEN TO_BASE64(e.ad_id) ELSE '' END
        || '|' || CASE WHEN d.slice_channel = 1 THEN TO_BASE64(e.channel) ELSE '' END
        || '|' || CASE WHEN d.slice_source = 1 THEN TO_BASE64(e.source) ELSE '' END
        || '|' || CASE WHEN d.slice_platform = 1 THEN TO_BASE64(e.platform) ELSE '' END
        || '|' || CASE WHEN d.slice_country = 1 THEN TO_BASE64(e.country) ELSE '' END AS first_exposure
FROM unit_events e
JOIN known_experiments d ON d.experiment_id = e.experiment_id AND d.unit = e.unit
WHERE e.event = 'exposure' AND e.event_time >= d.start_ms AND e.event_time < d.end_ms;

-- One row a user: cell of the earliest exposure; a user in two variants counts nowhere. The cell is taken apart here, once a
-- user: an operator's row holds a short text in the place of a number, and further on there are many rows a user.
CREATE TEMPORARY VIEW users AS
SELECT
    experiment_id, generation, unit, unit_id, first_time, window_ms, covariate_ms,
    CASE WHEN least_variant <> greatest_variant THEN '' ELSE least_variant END AS `variant`,
    FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 4)) AS campaign_id, FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 5)) AS ad_id,
    FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 6)) AS channel, FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 7)) AS source,
    FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 8)) AS platform, FROM_BASE64(SPLIT_INDEX(first_exposure, '|', 9)) AS country
FROM (
    SELECT
        experiment_id, generation, unit, unit_id, MIN(event_time) AS first_time, MAX(window_ms) AS window_ms,
        MAX(covariate_ms) AS covariate_ms, MIN(`variant`) AS least_variant, MAX(`variant`) AS greatest_variant,
        MIN(first_exposure) AS first_exposure
    FROM exposures
    GROUP BY experiment_id, generation, unit, unit_id
);

-- What counted for a user, within the window after the first exposure, or before it for the covariate, which is known
-- from the minute of the exposure on.
CREATE TEMPORARY VIEW counted AS
SELECT
    u.experiment_id, u.generation, u.unit_id, u.`variant`, u.campaign_id, u.ad_id, u.channel, u.source, u.platform, u.country,
    e.event, e.quantity, e.value_micros, e.cost_micros, e.event_time < u.first_time AS is_before,
    CASE WHEN e.event_time < u.first_time THEN u.first_time ELSE e.event_time END / 60000 * 60 AS `minute`
FROM users u
JOIN unit_events e ON e.unit = u.unit AND e.unit_id = u.unit_id
    AND e.event_time >= u.first_time - u.covariate_ms AND e.event_time < u.first_time + u.window_ms
WHERE u.`variant` <> '' AND e.event <> 'exposure';

-- What each event adds to each metric: to x in all, to y below the line, to k before the exposure.
CREATE TEMPORARY VIEW contributions AS
SELECT
    c.experiment_id, c.generation, c.unit_id, c.`variant`, c.campaign_id, c.ad_id, c.channel, c.source, c.platform, c.country, m.metric,
    m.`floor`, m.cap, c.`minute`,
    CASE WHEN c.is_before THEN 0 ELSE m.num_events + m.num_quantity * c.quantity + m.num_value * c.value_micros + m.num_cost * c.cost_micros END AS x,
    CASE WHEN c.is_before THEN 0 ELSE m.den_events + m.den_quantity * c.quantity + m.den_value * c.value_micros + m.den_cost * c.cost_micros END AS y,
    CASE WHEN c.is_before THEN m.pre_events + m.pre_quantity * c.quantity + m.pre_value * c.value_micros + m.pre_cost * c.cost_micros ELSE 0 END AS k,
    CASE WHEN c.is_before OR m.num_events + m.num_quantity + m.num_value + m.num_cost = 0 THEN CAST(0 AS BIGINT) ELSE 1 END AS acts
FROM counted c
JOIN known_metrics m ON m.experiment_id = c.experiment_id AND m.generation = c.generation AND m.event = c.event
WHERE NOT c.is_before OR m.pre_events + m.pre_quantity + m.pre_value + m.pre_cost > 0;

-- floor and cap are a metric's, and stand in the key: the greatest of values that can be taken back would need all of them.
-- Sums are of millions and of what is left, since a BIGINT would wrap after a million of the greatest values.
CREATE TEMPORARY VIEW user_minute AS
SELECT
    experiment_id, generation, unit_id, `variant`, campaign_id, ad_id, channel, source, platform, country, metric, `floor`, cap, `minute`,
    `$$SUM0`(x / 1000000) AS xm, `$$SUM0`(MOD(x, CAST(1000000 AS BIGINT))) AS x,
    `$$SUM0`(y / 1000000) AS ym, `$$SUM0`(MOD(y, CAST(1000000 AS BIGINT))) AS y,
    `$$SUM0`(k / 1000000) AS km, `$$SUM0`(MOD(k, CAST(1000000 AS BIGINT))) AS k, `$$SUM0`(acts) AS acts
FROM contributions
GROUP BY
    experiment_id, generation, unit_id, `variant`, campaign_id, ad_id, channel, source, platform, country, metric, `floor`, cap, `minute`;

-- A user's sums up to and with each minute. RANGE, not ROWS, which fails after a restore; minutes are unique here.
CREATE TEMPORARY VIEW running_sums AS
SELECT
    *, SUM(xm) OVER w AS cxm, SUM(x) OVER w AS cx, SUM(ym) OVER w AS cym, SUM(y) OVER w AS cy, SUM(km) OVER w AS ckm, SUM(k) OVER w AS ck,
    SUM(acts) OVER w AS cacts
FROM user_minute
WINDOW w AS (PARTITION BY experiment_id, generation, unit_id, metric
             ORDER BY `minute` RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- Sums before and after the minute. More than 2 * 10^12 millions are out of any bounds, whatever is left beside them.
CREATE TEMPORARY VIEW sums AS
SELECT
    experiment_id, generation, `variant`, campaign_id, ad_id, channel, source, platform, country, metric, `floor`, cap, `minute`,
    CASE WHEN cacts > 0 AND cacts = acts THEN CAST(1 AS BIGINT) ELSE 0 END AS active,
    cym <> 0 OR cy <> 0 OR cym <> ym OR cy <> y AS has_y, ckm <> 0 OR ck <> 0 OR ckm <> km OR ck <> k AS has_k, -- after or before
    LEAST(GREATEST(cxm - xm, -2000000000000), 2000000000000) * 1000000 + cx - x AS x0,
    LEAST(GREATEST(cxm, -2000000000000), 2000000000000) * 1000000 + cx AS x1,
    LEAST(GREATEST(cym - ym, -2000000000000), 2000000000000) * 1000000 + cy - y AS y0,
    LEAST(GREATEST(cym, -2000000000000), 2000000000000) * 1000000 + cy AS y1,
    LEAST(GREATEST(ckm - km, -2000000000000), 2000000000000) * 1000000 + ck - k AS k0,
    LEAST(GREATEST(ckm, -2000000000000), 2000000000000) * 1000000 + ck AS k1
FROM running_sums;

-- Within ±10^15, so that squares over 10^8 users fit 38 digits.
CREATE TEMPORARY VIEW steps AS
SELECT
    experiment_id, generation, `variant`, campaign_id, ad_id, channel, source, platform, country, metric, `minute`, active, has_y, has_k,
    CAST(LEAST(GREATEST(x0, `floor`, -1000000000000000), cap, 1000000000000000) AS DECIMAL(16, 0)) AS x0,
    CAST(LEAST(GREATEST(x1, `floor`, -1000000000000000), cap, 1000000000000000) AS DECIMAL(16, 0)) AS x1,
    CAST(LEAST(GREATEST(y0, -1000000000000000), 1000000000000000) AS DECIMAL(16, 0)) AS y0,
    CAST(LEAST(GREATEST(y1, -1000000000000000), 1000000000000000) AS DECIMAL(16, 0)) AS y1,
    CAST(LEAST(GREATEST(k0, -1000000000000000), 1000000000000000) AS DECIMAL(16, 0)) AS k0,
    CAST(LEAST(GREATEST(k1, -1000000000000000), 1000000000000000) AS DECIMAL(16, 0)) AS k1
FROM sums;

-- Most metrics have no denominator or no covariate, and products of decimals cost more than all else here.
CREATE TEMPORARY VIEW increments AS
SELECT
    experiment_id, generation, metric, `variant`, `minute`, campaign_id, ad_id, channel, source, platform, country,
    `$$SUM0`(users) AS users, `$$SUM0`(active) AS active,
    `$$SUM0`(x) AS x, `$$SUM0`(xx) AS xx, `$$SUM0`(y) AS y, `$$SUM0`(yy) AS yy, `$$SUM0`(xy) AS xy, `$$SUM0`(k) AS k, `$$SUM0`(kk) AS kk, `$$SUM0`(xk) AS xk, `$$SUM0`(yk) AS yk
FROM (
    SELECT
        experiment_id, generation, metric, `variant`, `minute`, campaign_id, ad_id, channel, source, platform, country,
        CAST(0 AS BIGINT) AS users, active,
        x1 - x0 AS x, (x1 - x0) * (x1 + x0) AS xx,
        CASE WHEN has_y THEN y1 - y0 ELSE 0 END AS y, CASE WHEN has_y THEN (y1 - y0) * (y1 + y0) ELSE 0 END AS yy,
        CASE WHEN has_y THEN x1 * y1 - x0 * y0 ELSE 0 END AS xy,
        CASE WHEN has_k THEN k1 - k0 ELSE 0 END AS k, CASE WHEN has_k THEN (k1 - k0) * (k1 + k0) ELSE 0 END AS kk,
        CASE WHEN has_k THEN x1 * k1 - x0 * k0 ELSE 0 END AS xk, CASE WHEN has_y AND has_k THEN y1 * k1 - y0 * k0 ELSE 0 END AS yk
    FROM steps
    UNION ALL
    SELECT
        experiment_id, generation, '', `variant`, first_time / 60000 * 60,
        CASE WHEN `variant` = '' THEN '' ELSE campaign_id END, CASE WHEN `variant` = '' THEN '' ELSE ad_id END,
        CASE WHEN `variant` = '' THEN '' ELSE channel END, CASE WHEN `variant` = '' THEN '' ELSE source END,
        CASE WHEN `variant` = '' THEN '' ELSE platform END, CASE WHEN `variant` = '' THEN '' ELSE country END,
        CASE WHEN window_ms >= 0 AND covariate_ms >= 0 THEN CAST(1 AS BIGINT) ELSE 0 END, CAST(0 AS BIGINT),
        CAST(0 AS DECIMAL(17, 0)), CAST(0 AS DECIMAL(34, 0)), CAST(0 AS DECIMAL(17, 0)), CAST(0 AS DECIMAL(34, 0)), CAST(0 AS DECIMAL(33, 0)),
        CAST(0 AS DECIMAL(17, 0)), CAST(0 AS DECIMAL(34, 0)), CAST(0 AS DECIMAL(33, 0)), CAST(0 AS DECIMAL(33, 0))
    FROM users
)
GROUP BY experiment_id, generation, metric, `variant`, `minute`, campaign_id, ad_id, channel, source, platform, country;

-- A heartbeat stands in a transaction behind all that came ahead of it in its partition: both were read before the same
-- checkpoint, so whoever sees it sees those.
INSERT INTO experiment_minute
SELECT
    experiment_id, generation, metric, `variant`, `minute`,
    campaign_id, ad_id, channel, source, platform, country,
    users, active, CAST(x AS STRING), CAST(xx AS STRING), CAST(y AS STRING), CAST(yy AS STRING), CAST(xy AS STRING),
    CAST(k AS STRING), CAST(kk AS STRING), CAST(xk AS STRING), CAST(yk AS STRING), op
FROM TO_CHANGELOG(input => TABLE increments, op_mapping => MAP['INSERT, UPDATE_AFTER', 'u', 'DELETE', 'd'])
UNION ALL
SELECT
    '', CAST(0 AS BIGINT), 'heartbeat', '', CAST(0 AS BIGINT), '', ad_id, '', source, '', '', quantity,
    CAST(EXTRACT(EPOCH FROM appended) AS BIGINT) * 1000 + CAST(EXTRACT(MILLISECOND FROM appended) AS BIGINT),
    '0', '0', '0', '0', '0', '0', '0', '0', '0', 'u'
FROM valid_events
WHERE event = 'heartbeat';
