"""The collector's doors: what each kind of client sends, as events."""
