"""Rules that are judged on the data's own clock, and who is told."""
