"""The catalogue of experiments: definitions from YAML, what may change in them, what the job is told."""
