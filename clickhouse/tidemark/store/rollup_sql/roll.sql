-- The buckets {buckets}, from the next finer table: one text for the refresh and for the backfill, for hours and for days.
-- A row for every cell that the finer table holds, also for those whose events are 0 (the audit took them away): only a
-- row replaces a row, so that a cell of a bucket can go back to 0.
INSERT INTO tidemark.$to
SELECT
    $start($time) AS bucket, event, campaign_id, ad_id, channel, source, platform, country,
    sum(events) AS events, sum(toInt128(quantity)) AS quantity, sum(toInt128(value_micros)) AS value_micros,
    sum(toInt128(cost_micros)) AS cost_micros, {version:UInt64} AS version
FROM
(
    SELECT $time, event, campaign_id, ad_id, channel, source, platform, country, events, quantity, value_micros, cost_micros
    FROM tidemark.$from FINAL
    WHERE $time >= {from:DateTime('UTC')} AND $time < {to:DateTime('UTC')} AND $start($time) IN {buckets:Array(DateTime('UTC'))}
)
GROUP BY bucket, event, campaign_id, ad_id, channel, source, platform, country
