-- The hours touched since the cursors: by folded rows, with their newest block, and by repairs, with the newest one's time.
SELECT 'block' AS what, toStartOfHour(minute) AS hour, max(block) AS newest
FROM tidemark.touched
WHERE path = 'folded' AND block >= {block:DateTime64(6, 'UTC')}
GROUP BY hour
UNION ALL
SELECT 'repair' AS what, toStartOfHour(minute) AS hour, max(at) AS newest
FROM tidemark.repairs
WHERE at > {repaired_at:DateTime64(6, 'UTC')}
GROUP BY hour
