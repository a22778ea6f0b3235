        -- FINAL alone would read the whole table, since a copy may have any event_time; a copy has the same key, though
        AND (event, campaign_id, original_time) IN
        (
            SELECT event, campaign_id, original_time
            FROM tidemark.events
            WHERE ($ranges)
                $conditions
        )
