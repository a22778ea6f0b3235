-- Every cell of the given minutes whose raw and folded sums differ, with the raw sums: what the cell should say.
-- A cell is settled when both paths have passed the newest event that either of them counted: only then is a difference
-- an error and not something under way. A cell that was repaired belongs to the audit and is always settled.
SELECT
    minute, event, campaign_id, ad_id, channel, source, platform, country,
    sum(raw_events) AS events, sum(raw_quantity) AS quantity, sum(raw_value) AS value_micros, sum(raw_cost) AS cost_micros,
    max(last) AS last_at,
    intDiv(max(folded_version), 1099511627776) AS repairs,
    repairs > 0 OR last_at <= {through:DateTime64(3, 'UTC')} AS settled
FROM
(
    SELECT
        toStartOfMinute(event_time) AS minute, event, campaign_id, ad_id, channel, source, platform, country,
        toInt64(count()) AS raw_events, sum(quantity) AS raw_quantity, sum(value_micros) AS raw_value, sum(cost_micros) AS raw_cost,
        toInt64(0) AS folded_events, toInt64(0) AS folded_quantity, toInt64(0) AS folded_value, toInt64(0) AS folded_cost,
        toUInt64(0) AS folded_version, max(appended_at) AS last
    FROM tidemark.events FINAL
    WHERE event_time >= {from:DateTime64(3, 'UTC')} AND event_time < {to:DateTime64(3, 'UTC')}
        AND toStartOfMinute(event_time) IN {minutes:Array(DateTime('UTC'))}
        -- FINAL alone would read the whole table, since a copy may have any event_time; a copy has the same key, though
        AND (event, campaign_id, original_time) IN
        (
            SELECT event, campaign_id, original_time
            FROM tidemark.events
            WHERE event_time >= {from:DateTime64(3, 'UTC')} AND event_time < {to:DateTime64(3, 'UTC')}
                AND toStartOfMinute(event_time) IN {minutes:Array(DateTime('UTC'))}
        )
    GROUP BY minute, event, campaign_id, ad_id, channel, source, platform, country
    UNION ALL
    SELECT
        minute, event, campaign_id, ad_id, channel, source, platform, country,
        toInt64(0), toInt64(0), toInt64(0), toInt64(0),
        events, quantity, value_micros, cost_micros, version, last_at
    FROM tidemark.campaign_minute FINAL
    WHERE minute IN {minutes:Array(DateTime('UTC'))}
)
GROUP BY minute, event, campaign_id, ad_id, channel, source, platform, country
HAVING (events, quantity, value_micros, cost_micros)
    != (sum(folded_events), sum(folded_quantity), sum(folded_value), sum(folded_cost))
