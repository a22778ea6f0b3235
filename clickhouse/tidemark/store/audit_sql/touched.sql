-- The minutes touched in finished blocks that were not looked at yet.
SELECT path, minute, min(touched.block) AS first_block, min(touched.first_at) AS earliest
FROM tidemark.touched
WHERE (path = 'raw' AND block >= {raw_from:DateTime64(6, 'UTC')} AND block < {raw_to:DateTime64(6, 'UTC')})
    OR (path = 'folded' AND block >= {folded_from:DateTime64(6, 'UTC')} AND block < {folded_to:DateTime64(6, 'UTC')})
GROUP BY path, minute
