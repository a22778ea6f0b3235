-- {count} events spread evenly by chance over [{from}, {from} + {seconds}), numbered from {first}: the same for the same numbers.
-- The laws are those of population.py. An event reaches the brokers 50 to 2,050 ms after it happened.
INSERT INTO tidemark.events
    (event_id, event, event_time, original_time, received_at, quantity, value_micros, cost_micros, campaign_id, ad_id, channel,
     source, platform, country, user_id, anonymous_id, experiment_id, variant, properties, appended_at, rank)
WITH
    (salt -> cityHash64(n, salt)) AS hash,
    (salt -> bitShiftRight(hash(salt), 11) / 9007199254740992) AS uniform,
    uniform(1) AS kind,
    multiIf(kind < {click:Float64}, 'impression', kind < {conversion:Float64}, 'click', kind < {spend:Float64}, 'conversion',
        'spend') AS name,
    name = 'spend' AS paid,
    toUInt32(pow({campaigns:UInt32} + 1, uniform(2))) AS ranked,
    hash(3) % {ads:UInt32} AS ad,
    leftPad(toString(ranked), 4, '0') AS label,
    (ranked * {ads:UInt32} + ad) * 0.6180339887498949 AS spread,
    fromUnixTimestamp64Milli(toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) + toInt64(hash(4) % ({seconds:UInt32} * 1000)), 'UTC')
        AS happened,
    happened + toIntervalMillisecond(50 + hash(5) % 2000) AS stored
SELECT
    lower(hex(sipHash128(n))), name, happened, happened, stored,
    1, if(name = 'conversion', 5000000 + hash(6) % 95000000, 0), if(paid, 100000 + hash(7) % 5000000, 0),
    concat('campaign-', label), concat('ad-', label, '-', toString(ad)),
    {channels:Array(String)}[(ranked + ad) % length({channels:Array(String)}) + 1],
    if(paid, 'server', 'web'),
    if(paid, '', {platforms:Array(String)}[toUInt32(pow(length({platforms:Array(String)}) + 1, uniform(8)))]),
    {countries:Array(String)}[toUInt32(pow(length({countries:Array(String)}) + 1, spread - floor(spread)))],
    if(paid, '', concat('user-', toString(hash(10) % {users:UInt32}))), '', '', '', map(), stored,
    bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(stored)), 64) + toUInt128(n))
FROM (SELECT {first:UInt64} + number AS n FROM numbers({count:UInt64}))
