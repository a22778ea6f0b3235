-- Generations of experiments for which the job, begun without state, was given raw events of before, and when it had read them.
CREATE TABLE tidemark.experiment_history
(
    experiment_id String,
    generation    Int64,
    read_at       DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(read_at)
ORDER BY (experiment_id, generation);
