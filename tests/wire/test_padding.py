"""Padding: the lengths that are sent and accepted, and where it is looked for."""

from __future__ import annotations

import random

import pytest

from tests.wire.vectors import golden_request, golden_requests
from tunnel_whisperer.wire.http import RequestHead
from tunnel_whisperer.wire.padding import has_padding, make_padding, make_referer

OURS = "http://h.test/tw/srv1/?x_padding="


def head(*, referer: str | None = None, target: str = "/tw/srv1/") -> RequestHead:
    return RequestHead("POST", target, "h.test", headers=(() if referer is None else (("referer", referer),)))


@pytest.mark.parametrize("vector", golden_requests(), ids=lambda v: f"{v['from']}-{v['path']}")
def test_every_request_of_the_real_client_has_padding(vector: dict[str, object]) -> None:
    assert has_padding(golden_request(vector))


# The statuses of case s_padding are replayed in test_xhttp_server; here are the edges between.
@pytest.mark.parametrize(
    ("referer", "accepted"),
    [
        (OURS + "X" * 99, False),
        (OURS + "X" * 100, True),
        (OURS + "X" * 1000, True),
        (OURS + "X" * 1001, False),
        (OURS, False),
        (OURS + "a" * 100, True),
        (OURS + "%58" * 100, True),
        (OURS + "\xe9" * 1000, True),
        (OURS + "%E9" * 100, True),
        (OURS + "\u20ac\ud800" * 50, True),
        (OURS + "%58" * 99, False),
        ("?x_padding=" + "X" * 100, True),
        ("http://other.test/?a=1&x_padding=" + "X" * 100, True),
        (OURS + "X" * 100 + "#fragment" * 200, True),
        ("http://h.test/#?x_padding=" + "X" * 100, False),
        (OURS + "X&x_padding=" + "X" * 100, False),  # the first one counts
    ],
)
def test_the_referer_decides(referer: str, accepted: bool) -> None:
    assert has_padding(head(referer=referer)) is accepted


def test_without_a_referer_the_query_counts() -> None:
    target = "/tw/srv1/s/0?x_padding=" + "X" * 100
    assert has_padding(head(target=target))
    assert has_padding(head(target=target, referer=""))
    assert not has_padding(head(target=target, referer="http://h.test/"))
    assert not has_padding(head())


def test_what_we_send_is_what_xray_draws() -> None:
    draw = random.Random(7).randint
    lengths = {len(make_padding(draw)) for _ in range(20_000)}
    assert (min(lengths), max(lengths)) == (100, 999)
    assert set(make_padding(draw)) == {"X"}


def test_our_referer_has_the_base_path_only() -> None:
    referer = make_referer("https", "relay.test", "/tw/srv1/", lambda lo, hi: lo)
    assert referer == "https://relay.test/tw/srv1/?x_padding=" + "X" * 100
    assert has_padding(head(referer=referer))
