"""Where questions are taken in: limits, waiting, sharing, caching, watching, around a blocking answerer."""
