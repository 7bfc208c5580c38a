"""A bill's history as stated now beside the one stored: new, edited and retracted lines.

Sources state it in two ways: its page gives all lines, a listing only the latest one.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rapidfuzz import fuzz

from tracker import changes
from tracker.bill_rows import Row
from tracker.changes import Draft, draft, iso
from tracker.compare import Moment, RowDiff, folded, repeated
from tracker.items import ActionItem

# rapidfuzz ratios, 0 to 100. A page shows that the old line is gone, so a line of that day which
# is much like it is the same line, edited. A listing only ever shows the latest line: there
# "Passed First Reading" and "Passed Third Reading" (85) may both be true.
EDITED_ON_PAGE = 80.0
EDITED_IN_LISTING = 95.0

Dated = TypeVar("Dated", bound=Any)


def compare_actions(old: Sequence[Row], stated: Sequence[ActionItem], moment: Moment) -> RowDiff:
    """A whole history as stated now. Identical lines may stand twice in it."""
    diff = RowDiff()
    pairs = _pair_actions(old, stated) if old else {}
    repeats: Counter[tuple[dt.date | None, str]] = Counter()
    for index, action in enumerate(stated):
        row = pairs.get(index)
        if row is not None:
            _keep_up(diff, row, action, index)
        else:
            diff.inserts.append(_action_row(action, index, moment, from_listing=False))
        if moment.may_tell:
            words = folded(action.text)
            repeats[action.date, words] += 1
            if row is None and moment.is_news(action.date):
                diff.drafts.append(_told_action(action, words, repeats[action.date, words]))
    kept = {row.id for row in pairs.values()}
    left = [row for row in old if row.id not in kept and row.retracted_at is None]
    ahead = _ahead_of_page(left, stated, moment.today)
    for row in left:
        if row in ahead:
            diff.updates += _after_page(row, stated)
            continue
        diff.updates.append({"id": row.id, "retracted_at": moment.now})
        if not row.from_listing:
            diff.drafts.append(_told_retraction(row))
    return diff


def _keep_up(diff: RowDiff, row: Row, action: ActionItem, position: int) -> None:
    """A stored line as the page has it now. What a listing said of it may be worded otherwise."""
    edits = _action_edits(row, action, position)
    if not edits:
        return
    diff.updates.append({"id": row.id, **edits})
    if row.from_listing:
        return
    reworded = "text" in edits and folded(row.text) != folded(action.text)
    if reworded or (row.date and "date" in edits):
        diff.drafts.append(_told_correction(row, action))
    elif row.retracted_at is not None:
        diff.drafts.append(_told_return(row, action))


def _ahead_of_page(left: Sequence[Row], stated: Sequence[ActionItem], today: dt.date) -> list[Row]:
    """Lines of a listing younger than all that the page has: the page may be an older print."""
    youngest = max((action.date for action in stated if action.date), default=dt.date.min)
    return [row for row in left if row.from_listing and row.date and youngest < row.date <= today]


def _after_page(row: Row, stated: Sequence[ActionItem]) -> list[dict[str, Any]]:
    position = -1 if newest_first(stated) else len(stated)
    return [] if row.position == position else [{"id": row.id, "position": position}]


def add_latest_action(old: Sequence[Row], action: ActionItem, moment: Moment) -> RowDiff:
    """A listing's latest action, added to what was known.

    A listing that has gone back to an older line tells the past, which is kept but no news.
    (A line dated ahead, as when an act takes effect, makes nothing that comes before it old.)
    """
    diff = RowDiff()
    words = folded(action.text)
    for row in old:
        if folded(row.text) == words and action.date in (None, row.date):
            return diff
    order = in_time(old)
    last = next((row for row in reversed(order) if row.retracted_at is None), None)
    if last is not None and _listing_edited(last, action, words):
        edits = _action_edits(last, action, last.position)
        diff.updates.append({"id": last.id, **edits, "from_listing": last.from_listing})
        if last.date is not None:
            diff.drafts.append(_told_correction(last, action))
        return diff
    standing = [row.date for row in old if row.date and row.retracted_at is None]
    is_older = bool(action.date and any(action.date < date <= moment.today for date in standing))
    position = _place(diff, old, action.date) if is_older else _after(old)
    diff.inserts.append(_action_row(action, position, moment, from_listing=True))
    if not is_older and not moment.first_page:
        diff.drafts.append(_told_action(action, words, 1))
    return diff


def in_time(rows: Sequence[Dated]) -> list[Dated]:
    """Rows with ``date``, given in the source's order, earliest first (some print newest first)."""
    return list(reversed(rows)) if newest_first(rows) else list(rows)


def newest_first(rows: Sequence[Any]) -> bool:
    dates = [row.date for row in rows if row.date]
    return bool(dates) and dates[0] > dates[-1]


def _after(old: Sequence[Row]) -> int:
    """The position of a line younger than all."""
    if not old:
        return 0
    positions: list[int] = [row.position for row in old]
    return min(positions) - 1 if newest_first(old) else max(positions) + 1


def _place(diff: RowDiff, old: Sequence[Row], date: dt.date | None) -> int:
    """The position of a line of that day among younger ones, which move on by one."""
    not_younger = [row.position for row in old if row.date and date and row.date <= date]
    position: int
    if newest_first(old):
        position = min(not_younger, default=old[-1].position + 1)
    else:
        position = max(not_younger, default=old[0].position - 1) + 1
    diff.updates += [
        {"id": row.id, "position": row.position + 1} for row in old if row.position >= position
    ]
    return position


def _listing_edited(last: Row, action: ActionItem, words: str) -> bool:
    """The latest line with another date, or reworded on its day, but for its numbers."""
    known = folded(last.text)
    if known == words:
        return last.date is None or (action.date is not None and action.date < last.date)
    return (
        last.date == action.date
        and _digits(known) == _digits(words)
        and fuzz.ratio(known, words) >= EDITED_IN_LISTING
    )


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _pair_actions(old: Sequence[Row], stated: Sequence[ActionItem]) -> dict[int, Row]:
    """Index of each stated action → the stored row it is. Rows still standing go first."""
    pairs: dict[int, Row] = {}
    left = sorted(old, key=lambda row: row.retracted_at is not None)
    shared = repeated(row.source_id for row in old) | repeated(one.source_id for one in stated)
    steps: tuple[Callable[[Any], object], ...] = (
        lambda action: None if action.source_id in shared else action.source_id,
        lambda action: (action.date, action.text),
        lambda action: (action.date, folded(action.text)),
    )
    for key in steps:
        _pair_equal(left, stated, pairs, key)
    left = [row for row in left if row.retracted_at is None]
    if left and len(pairs) < len(stated):
        _pair_listed(left, stated, pairs)
        _pair_edited(left, stated, pairs)
    return pairs


def _pair_equal(
    left: list[Row],
    stated: Sequence[ActionItem],
    pairs: dict[int, Row],
    key: Callable[[Any], object],
) -> None:
    """Pair what ``key`` calls the same, in order; takes the rows out of ``left``."""
    waiting: dict[object, deque[Row]] = defaultdict(deque)
    for row in left:
        if found := key(row):
            waiting[found].append(row)
    used = set()
    for index, action in enumerate(stated):
        if index not in pairs and waiting.get(key(action)):
            pairs[index] = waiting[key(action)].popleft()
            used.add(pairs[index].id)
    left[:] = [row for row in left if row.id not in used]


def _pair_listed(left: list[Row], stated: Sequence[ActionItem], pairs: dict[int, Row]) -> None:
    """A listing's line is the most similar line of its day: one step in two wordings."""
    for row in [row for row in left if row.from_listing and row.date]:
        free = [
            (fuzz.ratio(row.text, action.text), index)
            for index, action in enumerate(stated)
            if index not in pairs and action.date == row.date
        ]
        if free:
            pairs[max(free)[1]] = row
            left.remove(row)


def _pair_edited(left: list[Row], stated: Sequence[ActionItem], pairs: dict[int, Row]) -> None:
    """One line with another date, or reworded on its day."""
    for index, action in enumerate(stated):
        if index in pairs or not left:
            continue
        same_words = [row for row in left if folded(row.text) == folded(action.text)]
        of_day = [row for row in left if row.date == action.date]
        alike = max(of_day, key=lambda row: fuzz.ratio(row.text, action.text), default=None)
        if same_words:
            pairs[index] = same_words[0]
        elif alike and fuzz.ratio(alike.text, action.text) >= EDITED_ON_PAGE:
            pairs[index] = alike
        else:
            continue
        left.remove(pairs[index])


def _action_row(
    action: ActionItem, position: int, moment: Moment, from_listing: bool
) -> dict[str, Any]:
    """Without ``classification`` and ``stage``, which are derived from all lines together."""
    return {
        "position": position,
        "date": action.date,
        "date_text": action.date_text,
        "actor": action.actor,
        "text": action.text,
        "source_classification": list(action.classification),
        "source_id": action.source_id,
        "from_listing": from_listing,
        "first_seen_at": moment.now,
        "first_seen_run_id": moment.run_id,
        "retracted_at": None,
    }


def _action_edits(row: Row, action: ActionItem, position: int) -> dict[str, Any]:
    """Columns that differ. A date not printed any more does not erase the one known."""
    stated = {
        "position": position,
        "date": action.date or row.date,
        "date_text": action.date_text or row.date_text,
        "text": action.text,
        "actor": action.actor or row.actor,
        "source_id": action.source_id or row.source_id,
        "source_classification": list(action.classification) or row.source_classification,
        "from_listing": False,
        "retracted_at": None,
    }
    return {name: value for name, value in stated.items() if getattr(row, name) != value}


def _told_action(action: ActionItem, words: str, repeat: int) -> Draft:
    after = {"text": action.text, "date": iso(action.date), "actor": action.actor}
    return draft(
        changes.ACTION, action.text, action.date, words, repeat, on=action.date, after=after
    )


def _told_return(row: Row, action: ActionItem) -> Draft:
    """Told once, as its retraction was: a page that comes and goes is not worth more."""
    after = {"text": action.text, "date": iso(action.date), "actor": action.actor}
    summary = f"Stated by the source again: {action.text}"
    return draft(changes.ACTION, summary, "again", row.id, on=action.date, after=after)


def _told_correction(row: Row, action: ActionItem) -> Draft:
    date = action.date or row.date
    return draft(
        changes.ACTION_CORRECTED,
        f"Corrected: {action.text} ({iso(date) or 'no date'});"
        f" before: {row.text} ({iso(row.date) or 'no date'})",
        row.id,
        date,
        action.text,
        on=date,
        before={"text": row.text, "date": iso(row.date)},
        after={"text": action.text, "date": iso(date)},
    )


def _told_retraction(row: Row) -> Draft:
    before = {"text": row.text, "date": iso(row.date)}
    return draft(
        changes.ACTION_RETRACTED,
        f"Taken back by the source: {row.text}",
        row.id,
        on=row.date,
        before=before,
    )
