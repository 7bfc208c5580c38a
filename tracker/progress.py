"""Where a bill stands by all lines of its history: their meanings, its stage, its latest action."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracker import changes, stages
from tracker.bill_rows import Row
from tracker.changes import Draft, draft
from tracker.compare import Moment, RowDiff
from tracker.histories import in_time


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts for a bill's stage beside its lines."""

    jurisdiction: str
    chamber: str | None
    bill_types: Sequence[str]


@dataclass(slots=True)
class _Line:
    """A standing action. ``new``: the row to be inserted; ``row``: the one stored."""

    position: int
    date: dt.date | None
    actor: str | None
    text: str
    codes: tuple[str, ...]
    new: dict[str, Any] | None = None
    row: Row = None
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a bill stands. ``columns``: of its row, whether they differ from the stored or not."""

    columns: dict[str, Any]
    progress: stages.Progress
    lines: Sequence[_Line]


def derive(bill: Facts, old: Sequence[Row], diff: RowDiff) -> Standing:
    """Read all lines, the stored ``old`` as ``diff`` is about to change them.

    Adds what each line means to the rows of ``diff``, where it is new or another than stored.
    """
    lines = _standing_lines(diff, old)
    meanings = [
        stages.classify_action(bill.jurisdiction, line.text, line.actor, line.codes)
        for line in lines
    ]
    progress = stages.bill_stage(
        bill.jurisdiction,
        bill.chamber,
        bill.bill_types,
        [
            stages.DatedAction(line.date, line.actor, meaning)
            for line, meaning in zip(lines, meanings, strict=True)
        ],
    )
    _derive_rows(diff, lines, meanings, progress)
    latest = _latest(lines)
    columns = {
        "stage": progress.stage,
        "stage_on": progress.on,
        "latest_action_on": latest.date if latest else None,
        "latest_action_text": latest.text if latest else "",
    }
    return Standing(columns, progress, lines)


def _standing_lines(diff: RowDiff, old: Sequence[Row]) -> list[_Line]:
    """The lines as they will be stored, in the source's order."""
    edits = {update["id"]: update for update in diff.updates}
    lines = []
    for row in old:
        edit = edits.get(row.id, {})
        if edit.get("retracted_at", row.retracted_at) is None:
            lines.append(
                _Line(
                    edit.get("position", row.position),
                    edit.get("date", row.date),
                    edit.get("actor", row.actor),
                    edit.get("text", row.text),
                    tuple(edit.get("source_classification", row.source_classification)),
                    row=row,
                    edited=bool(edit.keys() & {"date", "text", "retracted_at"}),
                )
            )
    for new in diff.inserts:
        codes = tuple(new["source_classification"])
        lines.append(_Line(new["position"], new["date"], new["actor"], new["text"], codes, new=new))
    lines.sort(key=lambda line: line.position)
    return lines


def _derive_rows(
    diff: RowDiff,
    lines: Sequence[_Line],
    meanings: Sequence[stages.ActionStage],
    progress: stages.Progress,
) -> None:
    updates = {update["id"]: update for update in diff.updates}
    for line, meaning, step in zip(lines, meanings, progress.steps, strict=True):
        classification = list(meaning.classification)
        if line.new is not None:
            line.new["classification"] = classification
            line.new["stage"] = step
        elif (line.row.classification, line.row.stage) != (classification, step):
            update = updates.setdefault(line.row.id, {"id": line.row.id})
            update.update(classification=classification, stage=step)
    diff.updates = list(updates.values())


def _latest(lines: Sequence[_Line]) -> _Line | None:
    """The youngest by date, the later printed of one day; a last line without date is youngest."""
    order = in_time(lines)
    if not order or order[-1].date is None:
        return order[-1] if order else None
    latest = order[-1]
    for line in reversed(order):
        if line.date and latest.date and line.date > latest.date:
            latest = line
    return latest


def told_stage(before: str, standing: Standing, diff: RowDiff, moment: Moment) -> Draft | None:
    """The stage as a change, where that is news: a line that is new, edited or taken back did it.

    (Else it is read differently because the rules are better now.) On a bill's first page the
    line may be the one the listing had, in words that tell the stage.
    """
    progress = standing.progress
    if progress.stage in ("", before):
        return None
    by = [
        line
        for line, step in zip(standing.lines, progress.steps, strict=True)
        if step == progress.stage and line.date == progress.on
    ]
    undone = (changes.ACTION_CORRECTED, changes.ACTION_RETRACTED)
    taken_back = any(made.kind in undone for made in diff.drafts)
    if moment.first_page:
        same_day = progress.on is not None and progress.on == moment.known_until
        if not (moment.is_news(progress.on) or (same_day and moment.is_recent(progress.on))):
            return None
    elif not taken_back and not any(line.new is not None or line.edited for line in by):
        return None
    action = by[-1].text if by else ""
    label = stages.stage(progress.stage).label
    return draft(
        changes.STAGE,
        f"{label}: {action}" if action else label,
        progress.stage,
        progress.on,
        before,
        on=progress.on,
        stage=progress.stage,
        before={"stage": before},
        after={"stage": progress.stage, "action": action},
    )
