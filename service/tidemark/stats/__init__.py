"""Statistics that may be watched: from sums of users to a verdict that holds however often one looks."""
