"""A living marketing department: events whose totals are known before anybody asks."""
