-- What reads Kafka into the tables. Made anew at each start, in a database that lives in memory: so migrations run while
-- nothing flows in, and no block can arrive while the views behind a landing table are still being loaded (the Kafka
-- engine checks its own views before it reads, but not theirs). What was read stands in the consumer groups.
-- {kafka_brokers} and {store_id} are ClickHouse macros from the engine's configuration.
CREATE DATABASE IF NOT EXISTS feeds ENGINE = Memory;

-- 1. events.v1
CREATE TABLE IF NOT EXISTS feeds.events_queue (message String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{kafka_brokers}', kafka_topic_list = 'events.v1', kafka_group_name = 'tidemark-{store_id}-events',
    kafka_format = 'RawBLOB', kafka_num_consumers = 1, kafka_max_block_size = 65536,
    kafka_flush_interval_ms = 500, kafka_poll_timeout_ms = 100, kafka_consumer_reschedule_ms = 50;

CREATE MATERIALIZED VIEW IF NOT EXISTS feeds.events_parse TO tidemark.events_landing AS
WITH
    JSONExtract(message, 'Tuple(
        event_id Nullable(String), event Nullable(String), event_time Nullable(Int64), original_time Nullable(Int64),
        received_at Nullable(Int64), quantity Nullable(Int64), value_micros Nullable(Int64), cost_micros Nullable(Int64),
        campaign_id String, ad_id String, channel String, source String, platform String, country String,
        user_id String, anonymous_id String, experiment_id String, variant String, properties Map(String, String))') AS e,
    isValidJSON(message) AS is_json,
    ifNull(e.event_id, '') AS id, ifNull(e.event, '') AS name,
    ifNull(e.event_time, -1) AS happened, ifNull(e.original_time, -1) AS original, ifNull(e.received_at, -1) AS received,
    ifNull(e.quantity, 0) AS amount, e.value_micros AS value, e.cost_micros AS cost,
    (t -> t >= 946684800000 AND t < 4102444800000) AS in_2000_to_2100,
    (m -> ifNull(m BETWEEN -10000000000000 AND 10000000000000, 0)) AS within_micros,
    (is_json AND notEmpty(id) AND notEmpty(name) AND in_2000_to_2100(happened) AND (original = 0 OR in_2000_to_2100(original))
        AND in_2000_to_2100(received) AND amount != 0 AND amount BETWEEN -1000000000 AND 1000000000
        AND within_micros(value) AND within_micros(cost)) AS complete,
    -- what is optional may be absent, but not of another type
    (k -> JSONHas(message, k)) AS has,
    if(complete, '', multiIf(
        NOT is_json, 'message',
        JSONType(message) != 'Object', 'message',
        empty(id), 'event_id', empty(name), 'event',
        NOT in_2000_to_2100(happened), 'event_time',
        NOT (original = 0 OR in_2000_to_2100(original)), 'original_time',
        NOT in_2000_to_2100(received), 'received_at',
        has('quantity') AND (amount = 0 OR NOT amount BETWEEN -1000000000 AND 1000000000), 'quantity',
        has('value_micros') AND NOT within_micros(value), 'value_micros',
        has('cost_micros') AND NOT within_micros(cost), 'cost_micros',
        '')) AS bad,
    empty(bad) AS good
SELECT
    id AS event_id, name AS event,
    if(good, happened, 0) AS event_time, if(good, original, 0) AS original_time, if(good, received, 0) AS received_at,
    if(good AND amount = 0, 1, amount) AS quantity, ifNull(value, 0) AS value_micros, ifNull(cost, 0) AS cost_micros,
    e.campaign_id AS campaign_id, e.ad_id AS ad_id, e.channel AS channel, e.source AS source, e.platform AS platform,
    e.country AS country, e.user_id AS user_id, e.anonymous_id AS anonymous_id, e.experiment_id AS experiment_id,
    e.variant AS variant, e.properties AS properties,
    message, bad AS field,
    transform(bad,
        ['', 'message', 'event_id', 'event', 'event_time', 'original_time', 'received_at', 'quantity', 'value_micros', 'cost_micros'],
        ['', 'the message is not one JSON object',
         'event_id is missing, empty or not text', 'event is missing, empty or not text',
         'event_time is missing or not Unix milliseconds from 2000 to 2100',
         'original_time is missing or neither 0 nor Unix milliseconds from 2000 to 2100',
         'received_at is missing or not Unix milliseconds from 2000 to 2100',
         'quantity is not a whole number within 1,000,000,000 of zero, or is 0',
         'value_micros is not a whole number within 10,000,000,000,000 of zero',
         'cost_micros is not a whole number within 10,000,000,000,000 of zero'], bad) AS reason,
    _topic AS topic, _partition AS partition, _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS appended_at,
    now64(6, 'UTC') AS block
FROM feeds.events_queue;

-- 2. campaign.v1
CREATE TABLE IF NOT EXISTS feeds.campaign_queue (message String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{kafka_brokers}', kafka_topic_list = 'campaign.v1', kafka_group_name = 'tidemark-{store_id}-campaign',
    kafka_format = 'RawBLOB', kafka_num_consumers = 1, kafka_max_block_size = 65536,
    kafka_flush_interval_ms = 500, kafka_poll_timeout_ms = 100, kafka_consumer_reschedule_ms = 50;

CREATE MATERIALIZED VIEW IF NOT EXISTS feeds.campaign_parse TO tidemark.campaign_landing AS
WITH JSONExtract(message, 'Tuple(
    minute Int64, event String, campaign_id String, ad_id String, channel String, source String, platform String, country String,
    events Int64, quantity Int64, value_micros Int64, cost_micros Int64, last_at Int64)') AS r
SELECT
    r.minute AS minute, r.event AS event, r.campaign_id AS campaign_id, r.ad_id AS ad_id, r.channel AS channel, r.source AS source,
    r.platform AS platform, r.country AS country, r.events AS events, r.quantity AS quantity, r.value_micros AS value_micros,
    r.cost_micros AS cost_micros, r.last_at AS last_at,
    message, if(isValidJSON(message) AND r.events > 0 AND r.last_at > 0, '', 'the message is not a row of the campaign job') AS reason,
    _topic AS topic, _partition AS partition, _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS appended_at,
    now64(6, 'UTC') AS block
FROM feeds.campaign_queue;

-- 3. rejected.v1
CREATE TABLE IF NOT EXISTS feeds.rejected_queue (message String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{kafka_brokers}', kafka_topic_list = 'rejected.v1', kafka_group_name = 'tidemark-{store_id}-rejected',
    kafka_format = 'RawBLOB', kafka_num_consumers = 1, kafka_max_block_size = 65536,
    kafka_flush_interval_ms = 500, kafka_poll_timeout_ms = 100, kafka_consumer_reschedule_ms = 50;

CREATE MATERIALIZED VIEW IF NOT EXISTS feeds.rejected_parse TO tidemark.rejected AS
WITH JSONExtract(message, 'Tuple(reason String, field String, door String, raw String)') AS r
SELECT
    _topic AS topic, _partition AS partition, _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    r.door AS door, r.field AS field,
    if(isValidJSON(message), r.reason, 'the message is not a dead letter of the collector') AS reason,
    if(isValidJSON(message), r.raw, substring(message, 1, 65536)) AS raw
FROM feeds.rejected_queue;

-- 4. experiment.v1
CREATE TABLE IF NOT EXISTS feeds.experiment_queue (message String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{kafka_brokers}', kafka_topic_list = 'experiment.v1', kafka_group_name = 'tidemark-{store_id}-experiment',
    kafka_format = 'RawBLOB', kafka_num_consumers = 1, kafka_max_block_size = 65536,
    kafka_flush_interval_ms = 500, kafka_poll_timeout_ms = 100, kafka_consumer_reschedule_ms = 50;

CREATE MATERIALIZED VIEW IF NOT EXISTS feeds.experiment_parse TO tidemark.experiment_landing AS
WITH JSONExtract(message, 'Tuple(
    experiment_id String, generation Int64, metric String, variant String, minute Int64, campaign_id String, ad_id String,
    channel String, source String, platform String, country String, users Int64, active Int64, x String, xx String, y String,
    yy String, xy String, k String, kk String, xk String, yk String, op String)') AS r
SELECT
    r.experiment_id AS experiment_id, r.generation AS generation, r.metric AS metric, r.variant AS variant, r.minute AS minute,
    r.campaign_id AS campaign_id, r.ad_id AS ad_id, r.channel AS channel, r.source AS source, r.platform AS platform,
    r.country AS country, r.users AS users, r.active AS active, r.x AS x, r.xx AS xx, r.y AS y, r.yy AS yy, r.xy AS xy, r.k AS k,
    r.kk AS kk, r.xk AS xk, r.yk AS yk, r.op = 'd' AS gone,
    message,
    if(isValidJSON(message) AND r.op IN ('u', 'd')
        AND arrayAll(t -> isNotNull(toInt128OrNull(t)), [r.x, r.xx, r.y, r.yy, r.xy, r.k, r.kk, r.xk, r.yk]),
        '', 'the message is not a row of the experiment job') AS reason,
    _topic AS topic, _partition AS partition, _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS appended_at,
    now64(6, 'UTC') AS block
FROM feeds.experiment_queue;
