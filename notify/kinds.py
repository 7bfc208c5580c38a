"""The kinds of change as readers know them; what each holds is tracker.changes'."""

from __future__ import annotations

KINDS: dict[str, str] = {
    "introduced": "Introduced",
    "stage": "Stage reached",
    "action": "New action",
    "version": "New text",
    "version_text": "Text of a version arrived or changed",
    "vote": "Vote recorded",
    "hearing_set": "Hearing set",
    "hearing_moved": "Hearing moved",
    "hearing_cancelled": "Hearing cancelled",
    "title": "Title changed",
    "abstract": "Summary changed",
    "sponsor_added": "Sponsor added",
    "sponsor_removed": "Sponsor removed",
    "companion": "Companion bill linked",
    "action_corrected": "Action corrected by the source",
    "action_retracted": "Action withdrawn by the source",
    "vanished": "Gone from the source",
    "reappeared": "Back at the source",
}


def kind_label(kind: str) -> str:
    return KINDS.get(kind, kind.replace("_", " ").capitalize())
