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
    experiment_id     STRING,
    generation        BIGINT,
    start_ms          BIGINT, -- a first exposure counts from here
    end_ms            BIGINT, -- to before here
    window_ms         BIGINT, -- and events so long after it
    unit              STRING, -- user_id or anonymous_id
    covariate_ms      BIGINT, -- so long before it they make the covariate; 0: not at all
    slice_campaign_id INT,    -- 1: the cell has the exposure's value; 0: it has the empty one
    slice_ad_id       INT,
    slice_channel     INT,
    slice_source      INT,
    slice_platform    INT,
    slice_country     INT
) WITH (
    'connector' = 'kafka',
    'topic' = 'job-experiments.v1',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.group.id' = 'tidemark-flink-experiment',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

CREATE TEMPORARY TABLE metrics (
    experiment_id STRING,
    generation    BIGINT,
    metric        STRING,
    event         STRING,
    num_events    BIGINT, -- what an event adds to the numerator: num_events + num_quantity * quantity + …
    num_quantity  BIGINT,
    num_value     BIGINT,
    num_cost      BIGINT,
    den_events    BIGINT,
    den_quantity  BIGINT,
    den_value     BIGINT,
    den_cost      BIGINT,
    pre_events    BIGINT, -- and to the covariate, before the exposure
    pre_quantity  BIGINT,
    pre_value     BIGINT,
    pre_cost      BIGINT,
    `floor`       BIGINT, -- a user's numerator counts from here
    cap           BIGINT  -- up to here
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
JOIN experiments d ON d.experiment_id = e.experiment_id AND d.unit = e.unit
WHERE e.event = 'exposure' AND e.event_time >= d.start_ms AND e.event_time < d.end_ms;

-- One row a user: cell of the earliest exposure; a user in two variants counts nowhere.
CREATE TEMPORARY VIEW users AS
SELECT
    experiment_id, generation, unit, unit_id, first_time, window_ms, covariate_ms,
    CASE WHEN least_variant <> greatest_variant THEN '' ELSE least_variant END AS `variant`,
    -- the cell stays text until the end: one value instead of six in each operator's state
    SUBSTRING(first_exposure FROM CHAR_LENGTH(REGEXP_EXTRACT(first_exposure, '^([^|]*\|){4}', 0)) + 1) AS cell
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
    u.experiment_id, u.generation, u.unit_id, u.`variant`, u.cell, e.event, e.quantity, e.value_micros, e.cost_micros,
    e.event_time < u.first_time AS is_before,
    CASE WHEN e.event_time < u.first_time THEN u.first_time ELSE e.event_time END / 60000 * 60 AS `minute`
FROM users u
JOIN unit_events e ON e.unit = u.unit AND e.unit_id = u.unit_id
    AND e.event_time >= u.first_time - u.covariate_ms AND e.event_time < u.first_time + u.window_ms
WHERE u.`variant` <> '' AND e.event <> 'exposure';

CREATE TEMPORARY VIEW user_minute AS
SELECT
    c.experiment_id, c.generation, c.unit_id, c.`variant`, c.cell, m.metric, c.`minute`, MAX(m.`floor`) AS `floor`, MAX(m.cap) AS cap,
    SUM(CASE WHEN c.is_before THEN 0 ELSE m.num_events + m.num_quantity * c.quantity + m.num_value * c.value_micros + m.num_cost * c.cost_micros END) AS x,
    SUM(CASE WHEN c.is_before THEN 0 ELSE m.den_events + m.den_quantity * c.quantity + m.den_value * c.value_micros + m.den_cost * c.cost_micros END) AS y,
    SUM(CASE WHEN c.is_before THEN m.pre_events + m.pre_quantity * c.quantity + m.pre_value * c.value_micros + m.pre_cost * c.cost_micros ELSE 0 END) AS k,
    SUM(CASE WHEN c.is_before OR m.num_events + m.num_quantity + m.num_value + m.num_cost = 0 THEN CAST(0 AS BIGINT) ELSE 1 END) AS acts
FROM counted c
JOIN metrics m ON m.experiment_id = c.experiment_id AND m.generation = c.generation AND m.event = c.event
WHERE NOT c.is_before OR m.pre_events + m.pre_quantity + m.pre_value + m.pre_cost > 0
GROUP BY c.experiment_id, c.generation, c.unit_id, c.`variant`, c.cell, m.metric, c.`minute`;

-- A user's sums up to and with each minute. RANGE, not ROWS, which fails after a restore; minutes are unique here.
CREATE TEMPORARY VIEW running_sums AS
SELECT
    *, SUM(x) OVER w AS cx, SUM(y) OVER w AS cy, SUM(k) OVER w AS ck, SUM(acts) OVER w AS cacts
FROM user_minute
WINDOW w AS (PARTITION BY experiment_id, generation, unit_id, `variant`, cell, metric ORDER BY `minute`
             RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- Sums before and after the minute, within ±10^15, so that squares over 10^8 users fit 38 digits.
CREATE TEMPORARY VIEW steps AS
SELECT
    experiment_id, generation, `variant`, cell, metric, `minute`,
    CASE WHEN cacts > 0 AND cacts = acts THEN CAST(1 AS BIGINT) ELSE 0 END AS active,
    CAST(LEAST(GREATEST(cx - x, `floor`, -1000000000000000), cap, 1000000000000000) AS DECIMAL(19, 0)) AS x0,
    CAST(LEAST(GREATEST(cx, `floor`, -1000000000000000), cap, 1000000000000000) AS DECIMAL(19, 0)) AS x1,
    CAST(LEAST(GREATEST(cy - y, -1000000000000000), 1000000000000000) AS DECIMAL(19, 0)) AS y0,
    CAST(LEAST(GREATEST(cy, -1000000000000000), 1000000000000000) AS DECIMAL(19, 0)) AS y1,
    CAST(LEAST(GREATEST(ck - k, -1000000000000000), 1000000000000000) AS DECIMAL(19, 0)) AS k0,
    CAST(LEAST(GREATEST(ck, -1000000000000000), 1000000000000000) AS DECIMAL(19, 0)) AS k1
FROM running_sums;

CREATE TEMPORARY VIEW increments AS
SELECT
    experiment_id, generation, metric, `variant`, `minute`, cell, SUM(users) AS users, SUM(active) AS active,
    SUM(x) AS x, SUM(xx) AS xx, SUM(y) AS y, SUM(yy) AS yy, SUM(xy) AS xy, SUM(k) AS k, SUM(kk) AS kk, SUM(xk) AS xk, SUM(yk) AS yk
FROM (
    SELECT
        experiment_id, generation, metric, `variant`, `minute`, cell, CAST(0 AS BIGINT) AS users, active,
        x1 - x0 AS x, x1 * x1 - x0 * x0 AS xx, y1 - y0 AS y, y1 * y1 - y0 * y0 AS yy, x1 * y1 - x0 * y0 AS xy,
        k1 - k0 AS k, k1 * k1 - k0 * k0 AS kk, x1 * k1 - x0 * k0 AS xk, y1 * k1 - y0 * k0 AS yk
    FROM steps
    UNION ALL
    SELECT
        experiment_id, generation, '', `variant`, first_time / 60000 * 60, CASE WHEN `variant` = '' THEN '|||||' ELSE cell END, CAST(1 AS BIGINT), CAST(0 AS BIGINT),
        CAST(0 AS DECIMAL(20, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(20, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)),
        CAST(0 AS DECIMAL(20, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0))
    FROM users
)
GROUP BY experiment_id, generation, metric, `variant`, `minute`, cell;

-- A heartbeat stands in a transaction behind all that came ahead of it in its partition: both were read before the same
-- checkpoint, so whoever sees it sees those.
INSERT INTO experiment_minute
SELECT
    experiment_id, generation, metric, `variant`, `minute`,
    FROM_BASE64(SPLIT_INDEX(cell, '|', 0)), FROM_BASE64(SPLIT_INDEX(cell, '|', 1)), FROM_BASE64(SPLIT_INDEX(cell, '|', 2)),
    FROM_BASE64(SPLIT_INDEX(cell, '|', 3)), FROM_BASE64(SPLIT_INDEX(cell, '|', 4)), FROM_BASE64(SPLIT_INDEX(cell, '|', 5)),
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
