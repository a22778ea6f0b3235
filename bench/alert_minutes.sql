-- Minutes of [{from}, {from} + {minutes} minutes): campaigns with ads, each ad in one country and channel; impressions of every ad in
-- every minute, clicks, conversions and spend of some. The same for the same minutes; of minutes that are filling a {share} came.
INSERT INTO tidemark.campaign_minute
    (minute, event, campaign_id, ad_id, channel, source, platform, country, events, quantity, value_micros, cost_micros, last_at,
     version)
WITH
    cityHash64(at, n) AS hash,
    toUInt32(n % {campaigns:UInt32}) AS campaign,
    intDiv(n, {campaigns:UInt32}) % {ads:UInt32} AS ad,
    intDiv(n, {campaigns:UInt32} * {ads:UInt32}) + 1 AS kind,
    toInt64(ceil((1 + hash % 40) * {share:Float64})) AS times
SELECT
    {from:DateTime('UTC')} + 60 * at,
    ['impression', 'click', 'conversion', 'spend'][kind],
    concat('campaign-', toString(campaign)), concat('ad-', toString(campaign), '-', toString(ad)),
    {channels:Array(String)}[(campaign + ad) % length({channels:Array(String)}) + 1], if(kind = 4, 'server', 'web'), '',
    {countries:Array(String)}[(campaign * 7 + ad) % length({countries:Array(String)}) + 1],
    times, times * [20, 1, 1, 1][kind], if(kind = 3, times * 40000000, 0), if(kind = 4, times * 100000, 0),
    now64(3), toUInt64({share:Float64} * 1000)
FROM (SELECT number AS at FROM numbers({minutes:UInt32})) AS every
CROSS JOIN (SELECT number AS n FROM numbers({campaigns:UInt32} * {ads:UInt32} * 4)) AS cells
WHERE hash % 100 < [100, 50, 15, 30][kind]
