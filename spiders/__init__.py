"""Spiders say what the page says: one process reads one source and yields bill items."""
