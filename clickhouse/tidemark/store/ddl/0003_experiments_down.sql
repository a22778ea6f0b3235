-- Back to 0002. What the experiment job computed is computed again from the events.
DROP TABLE tidemark.experiment_rejected;

DROP TABLE tidemark.experiment_heartbeats;

DROP TABLE tidemark.experiment_rows;

DROP TABLE tidemark.experiment_landing;

DROP TABLE tidemark.experiment_minute;

ALTER TABLE tidemark.heartbeats DELETE WHERE path = 'experiment' SETTINGS mutations_sync = 2;

ALTER TABLE tidemark.heartbeats MODIFY COLUMN path Enum8('raw' = 1, 'folded' = 2);
