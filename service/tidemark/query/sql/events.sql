    -- Parts of minutes, from raw events. FINAL keeps one copy of each event; the conditions come after it, since
    -- copies can differ in time and dimensions (exact mode reads the other copies of what the index leaves).
    SELECT
        toDateTime(toStartOfMinute(event_time), 'UTC') AS minute, event, campaign_id, ad_id, channel, source, platform, country,
        toInt64(1) AS events, quantity, value_micros, cost_micros
    FROM tidemark.events FINAL
    WHERE ($ranges)
        $conditions
