"""Message heads."""

from __future__ import annotations

from tunnel_whisperer.wire.http import RequestHead, header


def test_the_first_value_of_a_field_counts() -> None:
    headers = (("a", "1"), ("b", "2"), ("a", "3"))
    assert header(headers, "a") == "1"
    assert header(headers, "b") == "2"
    assert header(headers, "c") is None


def test_heads_are_values() -> None:
    assert RequestHead("GET", "/", "h.test") == RequestHead("GET", "/", "h.test", "https", (), False)
    assert len({RequestHead("GET", "/", "h.test"), RequestHead("GET", "/", "h.test")}) == 1
