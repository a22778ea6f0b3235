    -- Folded rows. FINAL keeps each cell's newest version; events = 0 is a cell that the audit took away.
    -- Every dimension is part of the key, so conditions on them hold for all versions of a cell alike.
    SELECT
        $columns
    FROM tidemark.$table FINAL
    WHERE ($ranges)
        AND events != 0
        $conditions
