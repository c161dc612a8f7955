"""What a request means by method and path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.wire.xhttp_paths import Kind, Route, classify, normalise, parse_seq

PREFIX = "/tw/srv1/"


@pytest.mark.parametrize(
    ("path", "prefix", "query"),
    [
        ("", "/", ""),
        ("/", "/", ""),
        ("tw", "/tw/", ""),
        ("/tw/srv1", "/tw/srv1/", ""),
        ("/tw/srv1/", "/tw/srv1/", ""),
        ("abc/def?ed=2048", "/abc/def/", "?ed=2048"),
        ("/a/?b?c", "/a/", "?b?c"),
    ],
)
def test_a_configured_path_is_a_prefix_and_a_query(path: str, prefix: str, query: str) -> None:
    assert normalise(path) == (prefix, query)


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [
        ("POST", "/tw/srv1/", Route(Kind.STREAM_ONE)),
        ("GET", "/tw/srv1/", Route(Kind.STREAM_ONE)),
        ("PUT", "/tw/srv1/?a=b", Route(Kind.STREAM_ONE)),
        ("GET", "/tw/srv1//0", Route(Kind.STREAM_ONE)),
        ("GET", "/tw/srv1/s", Route(Kind.DOWNLOAD, "s")),
        ("GET", "/tw/srv1/s?q", Route(Kind.DOWNLOAD, "s")),
        ("GET", "/tw/srv1/s/", Route(Kind.DOWNLOAD, "s")),
        ("POST", "/tw/srv1/s", Route(Kind.STREAM_UP, "s")),
        ("PUT", "/tw/srv1/s", Route(Kind.STREAM_UP, "s")),
        ("HEAD", "/tw/srv1/s", Route(Kind.STREAM_UP, "s")),
        ("POST", "/tw/srv1/s/0", Route(Kind.PACKET_UP, "s", "0")),
        ("GET", "/tw/srv1/s/0", Route(Kind.PACKET_UP, "s", "0")),
        ("POST", "/tw/srv1/s/0/extra/parts", Route(Kind.PACKET_UP, "s", "0")),
        ("POST", "/tw/srv1/%73/1", Route(Kind.PACKET_UP, "s", "1")),
        ("POST", "/tw/srv1/a%2F7", Route(Kind.PACKET_UP, "a", "7")),
        ("POST", "/tw/srv1/%E9", Route(Kind.STREAM_UP, "\xe9")),
        ("POST", "/tw/srv1/\xe9", Route(Kind.STREAM_UP, "\xe9")),
        ("POST", "/tw/srv1/\xe9%61", Route(Kind.STREAM_UP, "\xe9a")),
        ("POST", "/%74w/srv1/s", Route(Kind.STREAM_UP, "s")),
        ("OPTIONS", "/tw/srv1/s/0", Route(Kind.PREFLIGHT)),
        ("OPTIONS", "/tw/srv1", None),
        ("OPTIONS", "*", None),
        ("POST", "/tw/srv1", None),
        ("POST", "/TW/srv1/s", None),
        ("POST", "/tw/./srv1/s", None),
        ("POST", "//tw/srv1/s", None),
        ("POST", "/tw/srv1x/", None),
        ("POST", "/", None),
        ("POST", "", None),
        ("POST", "/?/tw/srv1/", None),
    ],
)
def test_the_part_that_a_request_plays(method: str, target: str, route: Route | None) -> None:
    assert classify(method, target, PREFIX) == route


@pytest.mark.parametrize(
    ("text", "seq"),
    [("0", 0), ("007", 7), ("18446744073709551615", 2**64 - 1), ("0" * 5000 + "1", 1)]
    + [(bad, None) for bad in ("", "abc", "-1", "+1", "1.5", " 1", "1_0", "0x1", "²", "٣")]
    + [("18446744073709551616", None), ("9" * 20, None), ("9" * 100_000, None)],
)
def test_sequence_numbers_are_decimal_64_bit(text: str, seq: int | None) -> None:
    assert parse_seq(text) == seq


@given(st.text(st.characters()))
def test_any_target_has_a_meaning_or_none(rest: str) -> None:
    for target in (PREFIX + rest, PREFIX + "%41" + rest):
        route = classify("POST", target, PREFIX)
        assert route is not None
        assert (route.kind is Kind.STREAM_ONE) == (route.session_id == "")
    classify("POST", rest, PREFIX)
