"""What must not be lost: what was decided, and who has yet to be told. SQLite, or PostgreSQL."""
