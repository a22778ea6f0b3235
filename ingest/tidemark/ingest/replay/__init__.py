"""Sends files of events through the collector, as an application would."""
