"""Moving a list: evidence comes along, bad rows are told by line, and nobody is mailed unasked."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from notify import people
from notify.filters import Filter
from notify.people import DeliveryTime, Wish
from notify.subscriber_cells import guarded, joined, parted, unguarded
from notify.subscriber_export import COLUMNS, export_subscribers
from notify.subscriber_import import BadFile, Imported, import_subscribers, write_refused
from notify.suppression import is_suppressed, suppress
from tests.notify.stories import NOW, add_bill, add_reader
from tracker.db import reading, writing
from tracker.models import Subscriber, Subscription, Suppression

ASKED = "2024-05-06T07:08:09+00:00"


def bring(engine: Engine, path: Path, text: str | bytes, **options: object) -> Imported:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_subscribers(engine, path, NOW, **options)  # type: ignore[arg-type]


def readers(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as session:
        rows = session.execute(
            select(Subscriber.address, Subscriber.status).order_by(Subscriber.address)
        )
        return [(row[0], row[1]) for row in rows]


def test_a_list_from_elsewhere_keeps_its_evidence(engine: Engine, tmp_path: Path) -> None:
    done = bring(
        engine,
        tmp_path / "list.csv",
        "Email Address,Confirmed_At,Evidence,states,topics,frequency,weekday,time,timezone\r\n"
        f"Ann@Example.org,{ASKED},form of oldlist.example,md;va,detainers,weekly,Friday,18:30,"
        "America/Chicago\r\n"
        f"ann@example.org,{ASKED},form of oldlist.example,us,,monthly,,,\r\n"
        "bob@example.org,2024-05-06,paper form 17,,,,,,\r\n",
    )
    assert (dict(done.counts), done.refused) == ({"readers": 2, "subscriptions": 3}, {})
    with reading(engine) as session:
        ann, bob = session.scalars(select(Subscriber).order_by(Subscriber.id))
        assert (ann.address, ann.evidence) == ("Ann@example.org", "form of oldlist.example")
        assert ann.confirmed_at == dt.datetime.fromisoformat(ASKED)
        assert (ann.hour, ann.minute, ann.timezone) == (18, 30, "America/Chicago")
        first, second = ann.subscriptions
        assert first.filter == {"states": ["md", "va"], "topics": ["detainers"]}
        assert (first.frequency, first.weekday) == ("weekly", 4)
        assert (second.filter, second.frequency) == ({"states": ["us"]}, "monthly")
        assert bob.confirmed_at == dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
        assert [(one.filter, one.frequency) for one in bob.subscriptions] == [({}, "daily")]
        assert {one.active_since for one in ann.subscriptions} == {NOW}, "no old news"


def test_the_same_file_twice_is_once(engine: Engine, tmp_path: Path) -> None:
    text = f"email,confirmed_at,evidence,states\nann@example.org,{ASKED},form,md\n"
    bring(engine, tmp_path / "list.csv", text)
    assert dict(bring(engine, tmp_path / "list.csv", text).counts) == {"known": 1}


def test_the_operator_vouches_for_rows_that_say_nothing(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    assert "no word of when and how" in bring(engine, path, "email\nann@example.org\n").refused[2]
    done = bring(
        engine, path, "email\nann@example.org\n", evidence="double opt-in of oldlist.example",
        confirmed_at="2024-05-06",
    )  # fmt: skip
    assert done.refused == {}
    with reading(engine) as session:
        assert session.scalars(select(Subscriber.evidence)).one().startswith("double opt-in")


BAD_ROWS = {
    f"ann@,{ASKED},form,md,,": "is not an address we can mail",
    f"ann@example.org\r\nBcc: x,{ASKED},form,md,,": "",
    "bob@example.org,,form,md,,": "no word of when and how they confirmed",
    f"bob@example.org,{ASKED},,md,,": "no word of when and how they confirmed",
    "bob@example.org,yesterday,form,md,,": "confirmed_at is 'yesterday'; write it like",
    "bob@example.org,2030-01-01,form,md,,": "which is still to come",
    "bob@example.org,0001-01-01T00:00+14:00,form,md,,": "write it like 2025-03-31",
    "bob@example.org,9999-12-31T23:59-14:00,form,md,,": "write it like 2025-03-31",
    f"bob@example.org,{ASKED},fo\0rm,md,,": "evidence has control characters in it",
    f"bob@example.org,{ASKED},form,zz,,": "states: no state 'zz'",
    f"bob@example.org,{ASKED},form,md,hourly,": "no frequency 'hourly'",
    f"bob@example.org,{ASKED},form,md,daily,md HB 99": "there is no bill",
    f"bob@example.org,{ASKED},form,md,daily,,,,": "9 cells, but 6 columns",
}


def test_bad_rows_are_told_by_line_and_kept(engine: Engine, tmp_path: Path) -> None:
    heading = "email,confirmed_at,evidence,states,frequency,bills"
    rows = [row for row, why in BAD_ROWS.items() if why]
    good = f"good@example.org,{ASKED},form,md,,"
    done = bring(engine, tmp_path / "list.csv", "\n".join([heading, *rows, "", good]) + "\n")
    assert readers(engine) == [("good@example.org", "active")]
    expected = [why for why in BAD_ROWS.values() if why]
    assert sorted(done.refused) == list(range(2, 2 + len(rows)))
    for line, why in zip(sorted(done.refused), expected, strict=True):
        assert why in done.refused[line]
    out = io.StringIO()
    write_refused(done, out)
    kept = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [int(row["line"]) for row in kept] == sorted(done.refused)
    assert [row["email"] for row in kept][-1] == "bob@example.org"
    mended = out.getvalue().replace("zz", "va")
    again = bring(engine, tmp_path / "again.csv", mended)
    assert dict(again.counts) == {"readers": 1, "subscriptions": 2}
    assert len(again.refused) == len(rows) - 2, "the mended one, and the one with cells too many"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is: empty"),
        (b"name,city\nAnn,Rome\n", "one of them email; it is: name, city"),
        (b"email,colour\nann@example.org,red\n", "no such column: colour"),
        (b"email\nann@ex\xe4mple.org\n", "line 2: not UTF-8"),
        (b'email,evidence\nann@example.org,"never closed\n', "line 2"),
        (b'email\n"ann"x@example.org\n', "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(
    engine: Engine, tmp_path: Path, text: bytes, why: str
) -> None:
    with pytest.raises(BadFile, match=why):
        bring(engine, tmp_path / "list.csv", text, evidence="form", confirmed_at=ASKED)
    assert readers(engine) == []


def test_a_byte_order_mark_and_odd_line_ends_are_read(engine: Engine, tmp_path: Path) -> None:
    text = f"\ufeffemail,confirmed_at,evidence\rann@example.org,{ASKED},a\u2028form\r".encode()
    assert bring(engine, tmp_path / "list.csv", text).refused == {}
    assert readers(engine) == [("ann@example.org", "active")]


def test_who_left_or_is_suppressed_here_stays_so(engine: Engine, tmp_path: Path) -> None:
    left = add_reader(engine, "left@example.org")
    with writing(engine) as connection:
        people.leave(connection, left)
        suppress(connection, "no@example.org", "complaint", "", NOW)
    done = bring(
        engine, tmp_path / "list.csv",
        f"email,confirmed_at,evidence\nLeft@example.org,{ASKED},form\nNO@example.org,{ASKED},form\n",
    )  # fmt: skip
    assert "only they can undo that" in done.refused[2]
    assert "suppression list" in done.refused[3]
    assert readers(engine) == [("left@example.org", "left")]


def test_who_left_or_was_suppressed_elsewhere_is_not_mailed_here(
    engine: Engine, tmp_path: Path
) -> None:
    add_reader(engine, "here@example.org")
    done = bring(
        engine,
        tmp_path / "list.csv",
        "email,status,confirmed_at,evidence\n"
        "gone@example.org,left,,\n"
        "here@example.org,left,,\n"
        "no@example.org,suppressed,,hard bounce\n",
    )
    assert (done.counts["left"], done.counts["suppressed"], done.refused) == (2, 1, {})
    assert readers(engine) == [("gone@example.org", "left"), ("here@example.org", "left")]
    rows = {row["email"]: row for row in csv.DictReader(io.StringIO(exported(engine)))}
    assert rows["gone@example.org"]["confirmed_at"] == "", "nobody knows that they ever did"
    with reading(engine) as session:
        assert is_suppressed(session.connection(), "no@example.org")


def test_a_dry_run_tells_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    text = f"email,confirmed_at,evidence\nann@example.org,{ASKED},form\nbob@,{ASKED},form\n"
    done = bring(engine, tmp_path / "list.csv", text, dry_run=True)
    assert done.counts["readers"] == 1
    assert list(done.refused) == [3]
    assert readers(engine) == []


def exported(engine: Engine) -> str:
    out = io.StringIO()
    export_subscribers(engine, out)
    return out.getvalue()


def test_an_export_is_an_import(engine: Engine, tmp_path: Path) -> None:
    add_bill(engine, "md", "HB 1222")
    wishes = (
        Wish(Filter(states="md,va", topics="detainers", stances="limits"), "weekly", 4, True),
        Wish(Filter(keywords=["=cmd|' /C calc'!A0", "a; b", "c"], sponsors=["smith, j."])),
        Wish(Filter(bills="md:2026:HB 1222", kinds="vote", stages="became-law"), "immediate"),
    )
    ann = add_reader(engine, "ann@example.org", *wishes, clock=DeliveryTime("Asia/Tokyo", 5, 45))
    left, idle = add_reader(engine, "left@example.org"), add_reader(engine, "idle@example.org")
    with writing(engine) as connection:
        people.leave(connection, left)
        (only,) = connection.scalars(
            select(Subscription.id).where(Subscription.subscriber_id == idle)
        )
        people.remove_subscription(connection, idle, only, NOW)
        (*_, third) = connection.scalars(
            select(Subscription.id)
            .where(Subscription.subscriber_id == ann)
            .order_by(Subscription.id)
        )
        people.set_mailing(connection, ann, third, False, NOW)
        suppress(connection, "no@example.org", "complaint", "feedback report", NOW)
    before = exported(engine)
    rows = list(csv.DictReader(io.StringIO(before)))
    assert list(rows[0]) == list(COLUMNS)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]
    with writing(engine) as connection:
        for table in ("subscription", "outbox", "subscriber", "suppression"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert bring(engine, tmp_path / "export.csv", before).refused == {}
    assert exported(engine) == before


def test_why_a_reader_is_suppressed_moves_with_them(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, "ann@example.org", Wish(Filter(states="md")), Wish(Filter(states="va")))
    with writing(engine) as connection:
        suppress(connection, "ann@example.org", "complaint", "feedback: abuse", NOW)
    moved = exported(engine)
    with writing(engine) as connection:
        for table in ("subscription", "subscriber", "suppression"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert bring(engine, tmp_path / "export.csv", moved).refused == {}
    with reading(engine) as session:
        kept = session.execute(select(Suppression.reason, Suppression.detail)).one()
    assert tuple(kept) == ("complaint", "feedback: abuse")


values = st.lists(st.text("ab é;,'\"=+-@", min_size=1, max_size=8), max_size=4)
values = values.map(lambda some: [one.strip() for one in some if one.strip()])


@given(values)
def test_any_values_survive_the_way_there_and_back(some: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([guarded(joined(some)), "x"])
    cell, _ = next(csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True))
    assert parted(unguarded(cell.strip(" "))) == some
    assert not cell.startswith(("=", "+", "-", "@"))
