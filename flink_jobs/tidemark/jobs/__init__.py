"""The Flink jobs: their SQL, and what submits them and keeps them running."""
