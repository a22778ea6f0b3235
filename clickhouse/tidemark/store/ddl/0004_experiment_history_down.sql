DROP TABLE tidemark.experiment_history;
