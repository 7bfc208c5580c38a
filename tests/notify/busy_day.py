"""A day with everything in it, for looking at digests: many states, long titles, redlines, a law,
a veto, hearings tomorrow, a correction, and text in other scripts.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, insert, select, update

from notify.match import plan
from tests.notify.stories import (
    EARLIER,
    NOW,
    add_bill,
    add_change,
    add_evidence,
    add_hearing,
    add_version,
)
from tracker.bill_rows import model_table
from tracker.compare import Moment
from tracker.db import writing
from tracker.hearings import compare_hearings
from tracker.items import HearingItem
from tracker.models import Hearing

HEARING = model_table(Hearing)

OLD_TEXT = (
    "SECTION 1. Section 12-104 of the code is amended.\n\n(a) A correctional facility shall hold "
    "a person for up to 48 hours on an immigration detainer issued by the Department of Homeland "
    "Security. (b) The facility shall notify the Department of the date of release."
)
NEW_TEXT = (
    "SECTION 1. Section 12-104 of the code is amended.\n\n(a) A correctional facility may not hold "
    "a person on an immigration detainer issued by the Department of Homeland Security unless a "
    "judge has signed a warrant. (b) The facility may notify the Department of the date of "
    "release. (c) This section does not apply to a facility operated by the United States."
)
AGREEMENT = (
    "A unit of local government, a sheriff, or an agent of either may not enter into, renew or "
    "carry out an agreement under 8 U.S.C. § 1357(g) that deputizes officers for civil "
    "immigration enforcement. An agreement in force on the effective date ends within 90 days."
)
LONG_TITLE = (
    "An act relating to public safety; prohibiting state agencies, political subdivisions and "
    "public institutions of higher education from disclosing personal information, including "
    "driver and vehicle records, automated license plate reader data and school enrollment data, "
    "for civil immigration enforcement; providing exceptions; establishing reporting duties; "
    "creating a private right of action; and providing for an effective date"
)
STATES = ("ny", "va", "wa", "or", "tx", "wy", "nd", "sd", "nm", "us")


def busy_day(engine: Engine, more: int = 0) -> int:
    """Everything released and matched; ``more`` bills beside the ten. Gives the number of bills."""
    _law(engine)
    _redline(engine)
    _hearing_tomorrow(engine)
    _small_news(engine)
    for number in range(more):
        bill = add_bill(
            engine,
            STATES[number % len(STATES)],
            f"SB {700 + number}",
            title=LONG_TITLE if number % 7 == 3 else f"Immigration enforcement; study {number}",
            topics=("government-data", "jail-screening"),
            stance=("limits", "expands", "neutral", None)[number % 4],
            stage="in-committee",
        )
        add_change(engine, bill, summary="Referred to Committee on Judiciary", stage="")
        if number % 5 == 0:
            _quoted(engine, bill, AGREEMENT.replace("90 days", f"{number} days"), "8 U.S.C.")
    plan(engine, NOW)
    return 8 + more


def _quoted(engine: Engine, bill: int, text: str, quote: str) -> None:
    add_evidence(engine, bill, text, quote, add_version(engine, bill, 0, "Introduced", text))


def _law(engine: Engine) -> None:
    bill = add_bill(
        engine,
        title="Public Safety - Immigration Enforcement - 287(g) Agreements - Prohibition",
        stage="became-law",
        topics=("287g", "sanctuary-policy"),
    )
    _quoted(engine, bill, AGREEMENT, "agreement under 8 U.S.C. § 1357(g)")
    said = "Approved by the Governor - Chapter 118"
    add_change(engine, bill, summary=said, after={"text": said, "date": "2026-03-02"})
    add_change(
        engine,
        bill,
        "stage",
        "Became law",
        stage="became-law",
        after={"stage": "became-law", "action": said},
    )
    vetoed = add_bill(
        engine,
        "va",
        "HB 2",
        title="Sheriffs; immigration detainers, compliance",
        stage="vetoed",
        topics=("detainer-holds",),
        stance="expands",
    )
    add_change(engine, vetoed, "stage", "Vetoed", stage="vetoed", after={"action": "Vetoed"})


def _redline(engine: Engine) -> None:
    bill = add_bill(
        engine,
        "wa",
        "HB 1321",
        title="Concerning detainers and notification of release in correctional facilities",
        stage="passed-first-chamber",
        topics=("detainer-holds", "notification-transfer"),
    )
    old = add_version(engine, bill, 0, "Original Bill", OLD_TEXT)
    new = add_version(engine, bill, 1, "Engrossed Substitute", NEW_TEXT)
    add_evidence(engine, bill, OLD_TEXT, "immigration detainer", old)
    add_evidence(engine, bill, NEW_TEXT, "immigration detainer", new)
    add_change(
        engine,
        bill,
        "version",
        "New version: Engrossed Substitute",
        after={"note": "Engrossed Substitute", "text_sha256": new},
    )
    add_change(
        engine,
        bill,
        "stage",
        "Passed first chamber",
        stage="passed-first-chamber",
        after={"action": "Third reading, passed; yeas, 58; nays, 38; absent, 0; excused, 2"},
    )
    add_change(
        engine,
        bill,
        "vote",
        "Vote: Third reading, passed (58 yes, 38 no, 0 absent, 2 excused)",
        after={"motion": "Third reading, passed"},
    )


def _hearing_tomorrow(engine: Engine) -> None:
    bill = add_bill(
        engine,
        "or",
        "SB 1587",
        title=LONG_TITLE,
        chamber="upper",
        stage="in-committee",
        topics=("government-data", "surveillance-tech", "data-brokers"),
    )
    _page_says(
        engine,
        bill,
        HearingItem(
            committee="Senate Committee On Judiciary",
            date=NOW.date() + dt.timedelta(days=1),
            time_text="08:00",
            location="State Capitol, 900 Court St NE, Hearing Room F",
        ),
    )
    far = add_bill(
        engine,
        "tx",
        "SB 8",
        title="Relating to agreements between sheriffs and ICE",
        chamber="upper",
        stage="in-committee",
        stance="expands",
    )
    add_hearing(engine, far, NOW.date() + dt.timedelta(days=7), "State Affairs", "14:30", "E1.016")
    moved = NOW.date() + dt.timedelta(days=9)
    item = HearingItem(committee="State Affairs", date=moved, time_text="upon adjournment")
    _page_says(engine, far, item)
    add_change(engine, far, summary="Referred to State Affairs", after={"text": "x"})


def _page_says(engine: Engine, bill: int, *stated: HearingItem) -> None:
    """A crawl finds these hearings; what it makes of them is news."""
    moment = Moment(NOW, NOW.date(), run_id=None, first_page=False)
    with writing(engine) as connection:
        old = connection.execute(select(HEARING).where(HEARING.c.bill_id == bill)).all()
        diff = compare_hearings(old, stated, moment)
        for row in diff.inserts:
            connection.execute(insert(HEARING).values(bill_id=bill, **row))
        for row in diff.updates:
            connection.execute(update(HEARING).where(HEARING.c.id == row["id"]).values(row))
    for made in diff.drafts:
        add_change(
            engine,
            bill,
            made.kind,
            made.summary,
            on=made.occurred_on,
            before=made.before,
            after=made.after,
        )


def _small_news(engine: Engine) -> None:
    new_york = add_bill(
        engine,
        "ny",
        "S 2235",
        title="New York for All Act — protección de datos; 保护; حماية",
        chamber="upper",
        topics=("sanctuary-policy",),
    )
    add_change(engine, new_york, "sponsor_added", "Sponsor added: Sen. Peña-Núñez")
    congress = add_bill(engine, "us", "HR 9", title="Stop Dangerous Sanctuaries Act", stance=None)
    add_change(
        engine,
        congress,
        "introduced",
        "Introduced",
        stage="introduced",
        after={"title": "Stop Dangerous Sanctuaries Act"},
    )
    wyoming = add_bill(engine, "wy", "HB 133", title="", topics=(), stance="mixed", stage="failed")
    add_change(
        engine,
        wyoming,
        "stage",
        "Failed",
        stage="failed",
        after={"action": "H:Did Not Consider in COW"},
    )


def told_and_taken_back(engine: Engine) -> tuple[int, int]:
    """The numbers of a line of history and of its correction, which is released an hour later."""
    bill = add_bill(engine, "md", "HB 20", stage="in-committee")
    told = add_change(
        engine,
        bill,
        summary="Referred to Judiciary",
        after={"text": "Referred to Judiciary", "date": "2026-03-02"},
        released_at=EARLIER + dt.timedelta(hours=1),
    )
    said = add_change(
        engine,
        bill,
        "action_corrected",
        "Corrected: “Referred to Judiciary” is now “Referred to Government and Transportation”",
        before={"text": "Referred to Judiciary", "date": "2026-03-02"},
        after={"text": "Referred to Government and Transportation", "date": "2026-03-02"},
        status="held",
    )
    return told, said
