-- The baseline: each panel's numbers as a person would ask ClickHouse for them, from campaign_minute alone, in the order of
-- dashboard_panels.py. Only the columns that the panel draws.
SELECT toStartOfHour(minute) AS bucket, sumIf(quantity, event = 'click') AS clicks,
    clicks / sumIf(quantity, event = 'impression') AS ctr
FROM tidemark.campaign_minute FINAL
WHERE event IN ('click', 'impression') AND campaign_id IN {campaigns:Array(String)}
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY bucket ORDER BY bucket;

SELECT toStartOfDay(minute) AS bucket, channel, sum(cost_micros) / 1e6 AS spend, sum(value_micros) / 1e6 AS revenue,
    revenue / spend AS roas
FROM tidemark.campaign_minute FINAL
WHERE campaign_id IN {campaigns:Array(String)} AND minute >= {from:DateTime('UTC')} - toIntervalDay(7)
    AND minute < {to:DateTime('UTC')}
GROUP BY bucket, channel ORDER BY bucket, channel;

SELECT campaign_id, sum(cost_micros) / 1e6 AS spend, sumIf(quantity, event = 'click') AS clicks, sum(value_micros) / 1e6 / spend AS roas
FROM tidemark.campaign_minute FINAL
WHERE channel = {channel:String} AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY GROUPING SETS ((campaign_id), ()) ORDER BY spend DESC LIMIT 11;

SELECT minute AS bucket, sumIf(quantity, event = 'impression') AS impressions, sumIf(quantity, event = 'click') AS clicks
FROM tidemark.campaign_minute FINAL
WHERE event IN ('click', 'impression') AND campaign_id IN {campaigns:Array(String)}
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY bucket ORDER BY bucket;

SELECT toStartOfDay(minute, 'Europe/Berlin') AS bucket, country, sum(quantity) AS clicks
FROM tidemark.campaign_minute FINAL
WHERE event = 'click' AND campaign_id IN {campaigns:Array(String)}
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY bucket, country ORDER BY bucket, clicks DESC;

SELECT campaign_id, sumIf(quantity, event = 'impression') AS impressions, sumIf(quantity, event = 'click') AS clicks,
    sumIf(quantity, event = 'conversion') AS conversions, clicks / impressions AS ctr, conversions / clicks AS cvr
FROM tidemark.campaign_minute FINAL
WHERE event IN ('click', 'impression', 'conversion') AND campaign_id IN {campaigns:Array(String)}
    AND minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY campaign_id ORDER BY impressions DESC;
