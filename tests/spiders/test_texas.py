from __future__ import annotations

import pytest
from lxml import etree
from scrapy.http import Response

from spiders.errors import LayoutChanged
from spiders.states.texas import content_hash, ftp_text, listing

WEB = "https://capitol.texas.gov/tlodocs/89R/billtext/html"
FTP = "ftp://ftp.legis.state.tx.us/bills/89R/billtext/html"


def listed(text: str) -> Response:
    return Response("ftp://ftp.legis.state.tx.us/bills/89R/", body=text.encode())


def test_a_listing_of_the_ftp_server() -> None:
    entries = listing(
        listed(
            "03-20-25  04:15PM                48213 HB 1.xml\r\n"
            "01-02-2025  12:00AM       <DIR>          HB00001_HB00099\r\n\r\n"
        )
    )
    assert [(entry.name, entry.when, entry.folder) for entry in entries] == [
        ("HB 1.xml", "2025-03-20T16:15", False),
        ("HB00001_HB00099", "2025-01-02T00:00", True),
    ]


def test_a_listing_of_another_shape_is_never_an_empty_one() -> None:
    with pytest.raises(LayoutChanged, match="drwxr-xr-x"):
        listing(listed("drwxr-xr-x 2 ftp ftp 4096 Jan 02 2025 HB00001_HB00099"))


@pytest.mark.parametrize(
    ("number", "file", "path"),
    [
        ("SB 8", "SB00008I.htm", "senate_bills/SB00001_SB00099/SB00008I.htm"),
        ("HB 3328", "HB03328S.htm", "house_bills/HB03300_HB03399/HB03328S.htm"),
        ("HJR 100", "HJ00100F.htm", "house_joint_resolutions/HJ00100_HJ00199/HJ00100F.htm"),
    ],
)
def test_where_a_text_lies_on_the_ftp_server(number: str, file: str, path: str) -> None:
    assert ftp_text(f"{WEB}/{file}", number, "89R") == f"{FTP}/{path}"


def test_a_newer_file_that_says_the_same_is_no_change() -> None:
    def written(when: str, caption: str) -> str:
        return content_hash(
            etree.fromstring(
                f'<billhistory bill="89(R) SB 8" lastUpdate="{when}">'
                f"<caption>{caption}</caption></billhistory>"
            )
        )

    assert written("6/1/2025", "Sheriffs") == written("6/2/2025", "Sheriffs")
    assert written("6/1/2025", "Sheriffs") != written("6/1/2025", "Jails")
