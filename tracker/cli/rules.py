"""billtracker rules …"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tracker.classify import Judgement
    from tracker.classify.book import Book
    from tracker.rejudge import Moved, Report, Side

app = typer.Typer(help="The rules: check, try, replay, explain, evaluate.", no_args_is_help=True)

RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        help="Topic rules to use instead of those in force.",
        exists=True,
        dir_okay=False,
    ),
]
SHOWN = 20
AROUND = 90


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A topic rule file; else all in force.")
    ] = None,
) -> None:
    """Read the rules and run the examples inside them; each problem has file, line and reason."""
    from tracker.classify.check import check_rules
    from tracker.classify.force import rules_file
    from tracker.stage_rules import rule_file_names, rule_set

    path = file or rules_file()
    try:
        book = check_rules(path)
    except OSError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    stage_files = () if file else rule_file_names()
    for name in stage_files:
        rule_set(name)
    stages = f"; {len(stage_files)} files of stage rules" if stage_files else ""
    typer.echo(f"{path}: {len(book.rules)} rules, their examples hold{stages}")


@app.command()
def test(
    file: Annotated[
        Path, typer.Argument(help="A bill's text (plain text).", exists=True, dir_okay=False)
    ],
    title: Annotated[str, typer.Option(help="Its title.")] = "",
    summary: Annotated[str, typer.Option(help="Its summary.")] = "",
    rules: RulesFile = None,
) -> None:
    """Judge one text and show every place the rules found, with the words that turn it."""
    from tracker.classify import classify

    text = file.read_text(encoding="utf-8", errors="replace")
    found = classify(title, summary, text, book=_book(rules))
    _tell(found, {"title": title, "abstract": summary, "text": text})


@app.command()
def explain(
    bill: Annotated[str, typer.Argument(help="A bill: its number on our pages, or 'md HB 1222'.")],
    rules: RulesFile = None,
) -> None:
    """Why a stored bill was judged as it was; with --rules, how other rules would judge it."""
    from tracker.bill_names import find_bill
    from tracker.db import open_database, reading
    from tracker.judging import newest_decision, read_words

    with reading(open_database()) as session:
        try:
            bill_id = find_bill(session, bill).id
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        words = next(read_words(session.connection(), [bill_id]))
        decision = newest_decision(session.connection(), bill_id)
    if decision is not None:
        side = "on topic" if decision.relevant else "not on topic"
        typer.echo(f"{decision.decided_by} decided: {side}. {decision.note}".rstrip())
    fields = {"title": words.title, "abstract": words.abstract, "text": words.text}
    fields |= {f"subject:{n}": subject for n, subject in enumerate(words.subjects)}
    _tell(words.judged(_book(rules)), fields)


@app.command()
def replay(
    rules: RulesFile = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only bills that moved on this day or later."),
    ] = None,
    state: Annotated[str, typer.Option(help="Only this jurisdiction, e.g. md.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; write nothing.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="List every bill that moves.")] = False,
) -> None:
    """Judge all stored bills anew and read all their actions anew; report what moves.

    Stages and topics are derived from what sources said, so a better rule is replayed over what
    is stored. A person's decision stays; where the rules disagree with it, it is listed.
    """
    from tracker.db import open_database
    from tracker.rejudge import rejudge
    from tracker.replay import replay_stages

    if rules and not dry_run:
        raise typer.BadParameter("rules that are not in force can only be tried: add --dry-run")
    engine = open_database()
    stages = replay_stages(engine, state or None, dry_run)
    would = "would " if dry_run else ""
    typer.echo(
        f"stages: {stages.actions:,} actions of {stages.bills:,} bills read,"
        f" {stages.bills_changed:,} bills {would}stand elsewhere"
    )
    for (before, now), count in stages.moved.most_common(SHOWN):
        typer.echo(f"  {before or 'no stage'} → {now or 'no stage'}: {count:,}")
    report = rejudge(
        engine,
        dt.datetime.now(dt.UTC),
        book=_book(rules) if rules else None,
        jurisdiction=state or None,
        since=since.date() if since else None,
        dry_run=dry_run,
    )
    _tell_report(report, would, all_)
    _tell_reach(report)


@app.command()
def suggest(
    most: Annotated[int, typer.Option(help="How many terms to show.")] = 30,
) -> None:
    """Terms frequent in bills that staff marked relevant, rare elsewhere, that no rule uses."""
    from tracker.db import open_database
    from tracker.suggest import suggestions

    found = suggestions(open_database(), most)
    if not found:
        typer.echo("nothing to suggest: no bill has been marked relevant by a person")
    for one in found:
        typer.echo(
            f"{one.term:40} in {one.marked} of {one.of_marked} marked, {one.elsewhere} others"
        )


@app.command()
def evaluate(
    gold: Annotated[
        Path,
        typer.Argument(
            help="Bills with the right answers, JSON lines.", exists=True, dir_okay=False
        ),
    ],
    rules: RulesFile = None,
    part: Annotated[str, typer.Option(help="Only this part of the gold set, e.g. dev.")] = "",
    list_: Annotated[bool, typer.Option("--errors/--no-errors", help="List every error.")] = True,
) -> None:
    """Precision, recall and F1 beside people's labels, with 95 % intervals, and every error.

    Each line: id, title, summary, text, relevant, topics, stance; level, part, basis if known.
    """
    from tracker import evaluate as measured

    try:
        cases = [case for case in measured.read_gold(gold) if not part or case.part == part]
    except measured.BadGold as error:
        raise typer.BadParameter(str(error)) from error
    book = _book(rules)
    for mode in (measured.WORDS_ALONE, measured.WITH_TEXT):
        done = measured.judged(cases, mode, book)
        typer.echo(f"== {mode}: {len(done):,} bills")
        tally = measured.relevance(done)
        typer.echo(
            f"relevance  precision {tally.precision}  recall {tally.recall}  F1 {tally.f1:.3f}"
        )
        if mode == measured.WORDS_ALONE and any(one.case.basis == "text" for one in done):
            told = [one for one in done if one.case.basis != "text"]
            rate = measured.relevance(told).recall
            typer.echo(f"           recall {rate} where title and summary tell at all")
        typer.echo(f"stance     {measured.stance(done)}")
        for topic in sorted({topic for one in done for topic in one.case.topics}):
            one = measured.of_topic(done, topic)
            typer.echo(
                f"{topic:22} precision {one.precision}  recall {one.recall}  F1 {one.f1:.3f}"
            )
        for line in measured.errors(done) if list_ else ():
            typer.echo(f"  {line}")


def _book(path: Path | None) -> Book:
    from tracker.classify.force import book_in_force, read_book

    return read_book(path) if path else book_in_force()


def _tell(found: Judgement, fields: dict[str, str]) -> None:
    topics = ", ".join(f"{one.topic} ({one.stance}, {one.score:.2f})" for one in found.topics)
    typer.echo(f"{found.level}, score {found.score:.2f}, {found.stance or 'no stance'}")
    typer.echo(f"topics: {topics or 'none'}")
    for one in found.evidence:
        words = fields[one.field]
        before = words[max(0, one.start - AROUND) : one.start]
        after = words[one.end : one.end + AROUND]
        context = " ".join(f"{before}[[{one.quote}]]{after}".split())
        way = one.stance if one.told else f"perhaps {one.stance}"
        if one.leaning not in (None, one.stance):
            way += f", in words of bills that {'expand' if one.leaning == 'expands' else 'limit'}"
        typer.echo(f"  {one.rule} ({way}) in {one.field}: … {context} …")


def _tell_report(report: Report, would: str, everything: bool) -> None:
    typer.echo(f"topics: {report.bills:,} bills judged, {len(report.moved):,} {would}move")
    for how, said in (
        ("in", "become relevant"),
        ("out", "are relevant no longer"),
        ("topics", "change topics"),
        ("stance", "change stance"),
        ("level", "stay off topic, at another level"),
    ):
        moved = report.of(how)
        if moved:
            typer.echo(f"{len(moved):,} {would}{said}:")
            _tell_moved(moved if everything else moved[:SHOWN], len(moved))
    for one in report.disagreements:
        typer.echo(
            f"{one.jurisdiction.upper()} {one.identifier}: {one.decided_by} decided {one.decided},"
            f" the rules say {one.rules_say}; the decision stands"
        )


def _tell_moved(shown: Sequence[Moved], total: int) -> None:
    from tracker.settings import get_settings

    pages = get_settings().public_url.rstrip("/")
    for one in shown:
        typer.echo(
            f"  {one.jurisdiction.upper()} {one.identifier} {one.title[:70]}"
            f" ({_said(one.before)} → {_said(one.now)}) {pages}/bills/{one.bill_id}"
        )
    if total > len(shown):
        typer.echo(f"  … and {total - len(shown):,} more (--all)")


def _said(side: Side | None) -> str:
    if side is None:
        return "never judged"
    if not side.relevant:
        return side.level
    topics = ", ".join(f"{topic} {stance}" for topic, stance in side.topics)
    return f"{side.stance}: {topics}"


def _tell_reach(report: Report) -> None:
    from notify.reach import readers_reached
    from tracker.db import open_database

    if moved := [one for how in ("in", "topics", "stance") for one in report.of(how)]:
        readers = readers_reached(open_database(), moved, dt.datetime.now(dt.UTC))
        typer.echo(f"{readers:,} readers have filters that fit these bills only as judged now")
