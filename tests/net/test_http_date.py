"""The Date of a response."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.wire.vectors import load
from tunnel_whisperer.net.http_date import dated
from tunnel_whisperer.wire.http import ResponseHead


def test_the_example_of_the_standard() -> None:
    # RFC 9110 section 6.6.1.
    moment = datetime(1994, 11, 15, 8, 12, 31, 900_000, tzinfo=UTC).timestamp()
    head = dated(ResponseHead(200, ()), wall=lambda: moment)
    assert head.headers == (("date", "Tue, 15 Nov 1994 08:12:31 GMT"),)


def test_it_stands_where_the_server_that_we_resemble_has_it() -> None:
    ours = dated(ResponseHead(200, (("x-padding", "X"), ("content-length", "0"))))
    expected = [name for name, _ in ours.headers]
    cases = load("golden_server_responses.json")["responses"]
    theirs = [
        [line.partition(":")[0].lower() for line in case["headers"]]
        for case in cases
        if "Content-Length: 0" in case["headers"] and case["status"] == "200 OK"
    ]
    assert theirs
    for names in theirs:
        assert [name for name in names if name in expected] == expected


def test_each_second_has_its_own() -> None:
    moments = iter((0, 0.9, 1, 2))
    seen = {dated(ResponseHead(404, ()), wall=moments.__next__).headers for _ in range(4)}
    assert len(seen) == 3
