    -- Raw events. FINAL keeps one copy of each event; the conditions come after it, since copies can differ in time and
    -- dimensions (exact mode reads the other copies of what the index leaves).
    FROM tidemark.events FINAL
    WHERE ($ranges)
        $conditions
        $copies
