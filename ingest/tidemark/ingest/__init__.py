"""Ingest: the collector, the event contract, dead letters and replay."""
