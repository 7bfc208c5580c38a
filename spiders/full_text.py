"""What a source's own full-text search is asked for: a net below titles that hide a bill."""

from __future__ import annotations

PHRASES = (
    "immigration detainer",
    "immigration authorities",
    "immigration enforcement",
    "immigration and customs enforcement",
    "287(g)",
)

ANY_PHRASE = " OR ".join(f'"{phrase}"' for phrase in PHRASES)
"""New York (Elasticsearch), LegiScan and Open States (PostgreSQL) write it alike."""
