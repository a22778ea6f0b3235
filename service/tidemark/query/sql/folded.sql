    -- Folded rows. FINAL keeps each cell's newest version; events = 0 is a cell that the audit took away.
    -- Time and every dimension are part of the key, so conditions on them hold for all versions of a cell alike, and may
    -- be looked at before FINAL merges these: today's parts are never merged to one.
    FROM tidemark.$table FINAL
    PREWHERE ($ranges)
        $conditions
    WHERE events != 0
