"""A small rule file for tests, of the same shape as the one that comes with the program."""

from __future__ import annotations

from tracker.rules.schema import TOPICS_FILE

RULES = """
rules:
- id: detainer
  topic: detainer-holds
  says: Detainers.
  weight: 0.9
  stance: cooperation
  find: [honor* /8 immigration detainer*]
  match: [{text: Sheriffs shall honor immigration detainers., stance: expands}]
  no-match: [An action in unlawful detainer]
"""


def small_rules() -> str:
    """The file in force with one rule only; its last line is line ``.count("\\n")`` of it."""
    content = TOPICS_FILE.read_text(encoding="utf-8")
    return content[: content.index("\nrules:\n")] + RULES
