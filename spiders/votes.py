"""Roll calls that a source prints inside the words of an action."""

from __future__ import annotations

import re

from tracker.items import ActionItem, VoteCount, VoteItem

LOST = ("failed", "rejected", "lost")


def vote_in(action: ActionItem, pattern: re.Pattern[str]) -> VoteItem | None:
    """``pattern`` names the groups motion, result, yes and no."""
    counted = pattern.search(action.text)
    if not counted:
        return None
    return VoteItem(
        motion=counted["motion"],
        date=action.date,
        date_text=action.date_text,
        chamber=action.actor,
        passed=not counted["result"].lower().startswith(LOST),
        counts=(
            VoteCount(option="yes", value=int(counted["yes"])),
            VoteCount(option="no", value=int(counted["no"])),
        ),
    )
