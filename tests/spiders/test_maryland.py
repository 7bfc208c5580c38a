from __future__ import annotations

import datetime as dt

from parsel import Selector
from scrapy.http import HtmlResponse

from spiders.states.maryland import ROLL_CALL, versions
from spiders.votes import vote_in
from tracker.items import ActionItem

PAGE = b"""<html><table id="detailsHistory"><tbody>
<tr><td>House</td><td>3/17/2025</td><td></td><td>Third Reading Passed (98-38)</td></tr>
<tr><td></td><td></td><td></td><td><a href="/2025RS/bills/hb/hb1222F.pdf">Text - First</a></td></tr>
<tr><td></td><td></td><td></td><td><a href="/2025RS/bills/hb/hb1222f.pdf">again</a></td></tr>
<tr><td></td><td></td><td></td><td><a href="/2025RS/bills/hb/hb1222E.pdf">Text</a></td></tr>
<tr><td></td><td></td><td></td><td><a href="/2025RS/fnotes/bil_0002/hb1222.pdf">Note</a></td></tr>
<tr><td></td><td></td><td></td>
<td><a href="/2025RS/Chapters_noln/CH_718_hb1222e.pdf">Chapter 718</a></td></tr>
</tbody></table></html>"""


def test_printings_of_a_bill() -> None:
    page = HtmlResponse(
        "https://mgaleg.maryland.gov/mgawebsite/Legislation/Details/hb1222", body=PAGE
    )
    rows: list[Selector] = list(page.css("tbody tr"))
    found = [(version.note, version.links[0].url) for version in versions(rows, page)]
    assert found == [
        ("First Reader", "https://mgaleg.maryland.gov/2025RS/bills/hb/hb1222F.pdf"),
        ("First Reader", "https://mgaleg.maryland.gov/2025RS/bills/hb/hb1222f.pdf"),
        ("Enrolled", "https://mgaleg.maryland.gov/2025RS/bills/hb/hb1222E.pdf"),
        ("Chapter", "https://mgaleg.maryland.gov/2025RS/Chapters_noln/CH_718_hb1222e.pdf"),
    ]


def test_a_roll_call_in_the_words_of_an_action() -> None:
    day = dt.date(2025, 3, 17)
    passed = vote_in(ActionItem(text="Third Reading Passed (98-38)", date=day), ROLL_CALL)
    assert passed is not None
    assert (passed.motion, passed.passed, passed.date) == ("Third Reading Passed", True, day)
    assert [(count.option, count.value) for count in passed.counts] == [("yes", 98), ("no", 38)]
    amendment = ActionItem(text="Floor Amendment {593621/1 (Delegate Buckel) Rejected (37-91)")
    rejected = vote_in(amendment, ROLL_CALL)
    assert rejected is not None
    assert rejected.passed is False
    assert vote_in(ActionItem(text="Motion Special Order until 03/15 Adopted"), ROLL_CALL) is None
