"""A reader's own page: everything can be changed by its link, and nothing of anybody else."""

from __future__ import annotations

import json

import pytest

from notify.notices import send_notices
from tests.notify.site import Site, words
from tests.notify.stories import NOW, add_bill, add_reader

EVERYTHING = {
    "topics": ["detainers", "287g"],
    "states": ["md"],
    "stances": ["limits"],
    "stages": ["became-law"],
    "kinds": ["hearing_set"],
    "keywords": "jail\nsheriff's office",
    "sponsors": "Smith, J.",
    "committees": "Rules; Executive",
    "bills": "md HB 1222",
    "frequency": "weekly",
    "weekday": "4",
    "quiet_note": "1",
}


def test_several_subscriptions_are_added_changed_paused_and_ended(site: Site) -> None:
    add_bill(site.engine)
    own = site.subscribe()
    assert site.pages.post(f"{own}/new", data=EVERYTHING).headers["location"] == f"{own}?said=added"
    first, second = site.reader().subscriptions
    assert second.filter == {
        "topics": ["287g", "detainers"],
        "states": ["md"],
        "stances": ["limits"],
        "stages": ["became-law"],
        "kinds": ["hearing_set"],
        "keywords": ["jail", "sheriff's office"],
        "sponsors": ["smith, j."],
        "committees": ["rules; executive"],
        "bills": ["md:2026:HB 1222"],
    }
    assert (second.frequency, second.weekday, second.quiet_note) == ("weekly", 4, True)

    form = site.pages.get(f"{own}/subscriptions/{second.id}").text
    ticked = ('value="detainers" checked', 'value="md" checked', 'value="weekly" checked')
    for kept in (*ticked, 'value="4" selected', "smith, j.", "rules; executive", "md:2026:HB 1222"):
        assert kept in form, kept

    site.pages.post(f"{own}/subscriptions/{first.id}/pause")
    assert "Its mail is paused" in site.pages.get(own).text
    site.pages.post(f"{own}/subscriptions/{first.id}/resume")
    assert [one.active for one in site.reader().subscriptions] == [True, True]

    change = {"states": ["va"], "frequency": "daily"}
    site.pages.post(f"{own}/subscriptions/{second.id}", data=change)
    site.pages.post(f"{own}/subscriptions/{first.id}/end")
    (left,) = site.reader().subscriptions
    assert (left.id, left.filter, left.frequency) == (second.id, {"states": ["va"]}, "daily")
    assert left.token == second.token, "its feed stays where it was"


def test_saving_a_form_as_it_is_changes_nothing(site: Site) -> None:
    own = site.subscribe(states=["md"], frequency="monthly", quiet_note="1")
    (one,) = site.reader().subscriptions
    before = site.stored()
    fields = {"states": ["md"], "frequency": "monthly", "quiet_note": "1"}
    assert site.pages.post(f"{own}/subscriptions/{one.id}", data=fields).status_code == 303
    assert site.stored() == before


def test_a_bill_followed_from_another_database_can_still_be_saved(site: Site) -> None:
    add_bill(site.engine)
    own = site.subscribe(bills="md HB 1222")
    (one,) = site.reader().subscriptions
    with site.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE bill SET identifier_key = 'HB 1'")
    fields = {"bills": "md:2026:HB 1222", "states": ["md"]}
    assert site.pages.post(f"{own}/subscriptions/{one.id}", data=fields).status_code == 303


def test_the_time_of_day_and_zone(site: Site) -> None:
    own = site.subscribe()
    fields = {"time": "18:30", "timezone": "Pacific/Honolulu"}
    assert site.pages.post(f"{own}/time", data=fields).status_code == 303
    page = words(site.pages.get(own).text)
    assert "Every day at 6:30 pm Honolulu time" in page
    assert "Next, if anything moved: Tuesday, March 3, 6:30 pm" in page


def test_bad_preferences_change_nothing(site: Site) -> None:
    own = site.subscribe()
    (one,) = site.reader().subscriptions
    before = site.stored()
    for fields, why in (
        ({"states": "zz"}, "no state"),
        ({"topics": "zz"}, "no topic"),
        ({"frequency": "hourly"}, "no frequency"),
        ({"weekday": "-1", "frequency": "weekly"}, "no day of the week"),
        ({"bills": "md HB 7"}, "there is no bill"),
        ({"keywords": "\0"}, "control characters"),
    ):
        for path in (f"{own}/subscriptions/{one.id}", f"{own}/new"):
            answer = site.pages.post(path, data=fields)
            assert answer.status_code == 422
            assert why in answer.text
    for fields in ({"time": "99:99"}, {"time": "7:00", "timezone": "../etc/passwd"}):
        answer = site.pages.post(f"{own}/time", data=fields)
        assert answer.status_code == 422
        assert "Nothing was changed" in answer.text
    assert site.stored() == before


def test_a_link_opens_ones_own_subscriptions_only(site: Site) -> None:
    theirs = site.subscribe("bob@example.org")
    (other,) = site.reader("bob@example.org").subscriptions
    own = site.subscribe("ann@example.org")
    before = site.stored()
    for path in ("", "/end", "/pause", "/resume", "/webhook", "/webhook/test", "/webhook/remove"):
        answer = site.pages.post(f"{own}/subscriptions/{other.id}{path}", data={"states": "md"})
        assert answer.status_code == 404
        assert "You have no such subscription" in answer.text
    assert site.pages.get(f"{own}/subscriptions/{other.id}").status_code == 404
    for number in ("99999999999999999999", "-1", "x"):
        assert site.pages.get(f"{own}/subscriptions/{number}").status_code == 404
    assert site.stored() == before
    assert theirs != own


def test_forged_links_open_nothing(site: Site) -> None:
    own = site.subscribe()
    token = own.rpartition("/")[2]
    feed = site.reader().subscriptions[0].token
    before = site.stored()
    for forged in (token[:-1], token.swapcase(), "%00", "a" * 3000, feed, "%F0%9F%92%A9"):
        for ask, path in (
            (site.pages.get, f"/manage/{forged}"),
            (site.pages.post, f"/manage/{forged}/delete"),
            (site.pages.get, f"/manage/{forged}/data.json"),
            (site.pages.get, f"/unsubscribe/{forged}"),
            (site.pages.post, f"/unsubscribe/{forged}"),
            (site.pages.get, f"/digests/{forged}"),
        ):
            assert ask(path).status_code in (404, 405)
    assert site.pages.get(f"/feeds/{token}.atom").status_code == 404, "feeds have their own words"
    assert site.stored() == before


def test_nothing_a_reader_typed_becomes_markup(site: Site) -> None:
    own = site.subscribe(keywords="<script>alert(1)</script>")
    for path in (own, f"{own}/subscriptions/{site.reader().subscriptions[0].id}"):
        page = site.pages.get(path).text
        assert "<script" not in page
        assert "&lt;script&gt;" in page
    assert "<script" not in site.inbox.message(-1).get_body(("html",)).get_content()


def test_pages_with_a_secret_address_stay_private(site: Site) -> None:
    own = site.subscribe()
    token = own.rpartition("/")[2]
    for path in (own, f"{own}/new", f"{own}/data.json", f"{own}/delete", f"/unsubscribe/{token}"):
        headers = site.pages.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_all_we_know_can_be_downloaded(site: Site) -> None:
    own = site.subscribe(states=["md"])
    site.digest()
    answer = site.pages.get(f"{own}/data.json")
    assert 'attachment; filename="bill-news-data.json"' in answer.headers["content-disposition"]
    data = answer.json()
    assert data["subscriber"]["address"] == "ann@example.org"
    assert data["subscriber"]["confirmed_at"] == NOW.isoformat()
    assert [one["filter"] for one in data["subscriptions"]] == [{"states": ["md"]}]
    assert [one["in_words"] for one in data["subscriptions"]] == ["every topic in Maryland"]
    assert [one["asked_at"] for one in data["asked_on_our_pages"]] == [NOW.isoformat()]
    assert [one["kind"] for one in data["other_mails"]] == ["sign-up", "welcome"]
    assert [one["summary"] for one in data["news"]] == ["Third Reading Passed (99-38)"]
    assert data["digests"][0]["subject"].startswith("MD HB 1222")
    reader = site.reader()
    said = json.dumps(data)
    assert reader.token not in said, "the file may be passed on"
    assert reader.subscriptions[0].token not in said


def test_delete_me_asks_and_then_forgets(site: Site) -> None:
    add_reader(site.engine, "bob@example.org")
    own = site.subscribe()
    site.digest()
    before = site.stored()
    assert "cannot be undone" in site.pages.get(f"{own}/delete").text
    assert site.stored() == before
    assert "All gone" in site.pages.post(f"{own}/delete").text
    assert "ann@example.org" not in json.dumps(site.stored(), default=str)
    assert site.reader("bob@example.org").status == "active"
    for path in (own, own.replace("manage", "unsubscribe")):
        assert "has been deleted" in site.pages.get(path).text
    assert dict(send_notices(site.engine, site.settings, clock=site.clock)) == {}


def test_only_so_many_subscriptions(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notify.manage_pages.MOST_SUBSCRIPTIONS", 2)
    own = site.subscribe()
    assert site.pages.post(f"{own}/new", data={"states": "md"}).status_code == 303
    refused = site.pages.post(f"{own}/new", data={"states": "va"})
    assert refused.status_code == 422
    assert "end one first" in refused.text
