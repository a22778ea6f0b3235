    -- Whole minutes, folded. FINAL keeps each cell's newest version; events = 0 is a cell that the audit took away.
    -- Every dimension is part of the key, so conditions on them hold for all versions of a cell alike.
    SELECT
        minute, event, campaign_id, ad_id, channel, source, platform, country,
        events, quantity, value_micros, cost_micros
    FROM tidemark.campaign_minute FINAL
    WHERE ($ranges)
        AND events != 0
        $conditions
