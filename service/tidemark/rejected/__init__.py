"""The dead letters, for people: an HTTP endpoint and a command."""
