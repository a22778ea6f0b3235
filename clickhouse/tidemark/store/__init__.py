"""Where the numbers live: ClickHouse, its tables, the watermark and the audit."""
