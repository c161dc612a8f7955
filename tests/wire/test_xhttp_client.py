"""The client of one stream: what it asks for, what it makes of each answer, how it ends."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.client_kit import Client
from tests.wire.pair import MODES, App
from tests.wire.vectors import SESSION_ID
from tunnel_whisperer.wire.http import ResponseHead
from tunnel_whisperer.wire.xhttp_client import ClientSettings

each_mode = pytest.mark.parametrize("mode", MODES)


# -- the start -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "requests"),
    [
        ("stream-one", [("POST", "/tw/srv1/?ed=1", False)]),
        (
            "stream-up",
            [
                ("GET", f"/tw/srv1/{SESSION_ID}?ed=1", True),
                ("POST", f"/tw/srv1/{SESSION_ID}?ed=1", False),
            ],
        ),
        ("packet-up", [("GET", f"/tw/srv1/{SESSION_ID}?ed=1", True)]),
    ],
)
def test_the_first_requests(mode: str, requests: list[tuple[str, str, bool]]) -> None:
    client = Client(mode)
    assert [(a.head.method, a.head.target, a.ended) for a in client.asked.values()] == requests


@each_mode
def test_the_first_bytes_wait_for_no_answer(mode: str) -> None:
    client = Client(mode)
    client.writes(b"header")
    assert list(client.asked.values())[-1].body == b"header"


@each_mode
def test_the_download_is_the_applications_and_is_acknowledged_by_it(mode: str) -> None:
    client = Client(mode)
    client.head(0)
    client.body(0, b"\x00\x00")
    client.body(0, b"banner")
    assert client.app.received == b"\x00\x00banner"
    assert client.download.acknowledged == 0
    client.machine.acknowledge(5, client.now)
    client.turn()
    assert client.download.acknowledged == 5


def test_the_garbage_in_the_answer_to_an_upload_is_thrown_away() -> None:
    client = Client("stream-up")
    client.head(1)
    client.body(1, b"X" * 500)
    assert client.app.received == b""
    assert client.asked[1].acknowledged == 500


# -- the end (spec 6) ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["stream-one", "stream-up"])
@pytest.mark.parametrize("order", ["we first", "server first"])
def test_both_ends_of_a_stream_upload(mode: str, order: str) -> None:
    client = Client(mode)
    number = client.machine.upload_request()
    assert number is not None
    client.writes(b"data")
    if order == "we first":
        client.ends()
        assert client.upload.state == "ended"
        client.sent(number)
        client.body(0, b"late answer")
        assert not client.app.lost
    client.end(0)
    assert client.app.ended
    if order == "server first":
        assert not client.app.lost
        client.writes(b" more")
        client.ends()
        assert client.upload.body == b"data more"
        client.sent(number)
    if mode == "stream-up":
        client.end(number)
    assert client.app.over_in_order
    assert all(asked.state == "ended" for asked in client.asked.values())


def test_both_ends_of_a_packet_upload() -> None:
    client = Client("packet-up")
    client.writes(b"data")
    client.ends()
    client.end(0)
    assert client.app.ended
    last = client.asked[2]
    assert ("x-end", "1") in last.head.headers
    client.answer(1)
    assert not client.app.lost
    client.answer(2)
    assert client.app.over_in_order


def test_nothing_is_in_order_before_our_last_byte_has_left() -> None:
    """The server may end before it has read our body."""
    client = Client("stream-one")
    client.writes(b"data")
    client.end(0)
    client.ends()
    assert client.app.ended
    assert not client.app.lost
    client.sent(0)
    assert client.app.over_in_order


def test_a_reset_before_our_last_byte_has_left_is_a_loss() -> None:
    """Xray ends the download, then tells with RST_STREAM(NO_ERROR) that it takes no more."""
    client = Client("stream-one")
    client.writes(b"data")
    client.end(0)
    client.ends()
    client.reset(0)
    assert client.app.cut == "stream-reset"


@each_mode
def test_the_download_lost_is_the_stream_lost(mode: str) -> None:
    client = Client(mode)
    client.writes(b"data")
    client.head(0)
    client.reset(0)
    assert client.app.cut == "stream-reset"
    assert not client.app.ended
    assert all(asked.state == "reset" for number, asked in client.asked.items() if number)


def test_an_upload_lost_is_the_stream_lost() -> None:
    client = Client("stream-up")
    client.reset(1)
    assert client.app.cut == "stream-reset"
    assert client.download.state == "reset"


@each_mode
@pytest.mark.parametrize("status", [204, 400, 403, 404, 409, 413, 431, 500, 502])
def test_any_status_but_200_ends_the_stream(mode: str, status: int) -> None:
    for number in (0, 1):
        client = Client(mode)
        client.writes(b"data")
        if number < len(client.asked):
            client.head(number, status)
            assert client.app.cut == "relay-refused"
            assert client.app.lost is not None and str(status) in client.app.lost[1]
            assert all(asked.state == "reset" for asked in client.asked.values())


@each_mode
def test_giving_up_resets_every_request_and_reports_nothing(mode: str) -> None:
    client = Client(mode)
    client.writes(b"data")
    client.gives_up()
    assert all(asked.state == "reset" for asked in client.asked.values())
    assert not client.app.lost
    client.writes(b"ignored")
    client.ends()
    client.gives_up()
    assert client.machine.next_event() is None


def test_an_upload_that_the_server_ends_matters_when_the_application_writes() -> None:
    client = Client("stream-up")
    client.head(1)
    client.end(1)
    client.reset(1)  # RST_STREAM(NO_ERROR) behind the answer
    client.body(0, b"the download goes on")
    assert client.app.received == b"the download goes on"
    assert not client.app.lost
    client.writes(b"no")
    assert client.app.cut == "stream-reset"
    assert client.download.state == "reset"


def test_an_upload_that_the_server_ended_may_be_ended_by_us() -> None:
    client = Client("stream-up")
    client.end(1)
    client.end(0)
    client.ends()
    assert client.app.over_in_order


# -- packets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("http_version", "posts"), [("2", 8), ("1.1", 4)])
def test_so_many_posts_are_under_way(http_version: str, posts: int) -> None:
    client = Client("packet-up", http_version)
    for _ in range(20):
        client.writes(b"x")
    assert len(client.asked) == 1 + posts
    client.answer(1)
    assert len(client.asked) == 2 + posts
    assert list(client.asked.values())[-1].body == b"x" * (20 - posts)


def test_a_post_whose_connection_died_is_sent_once_more() -> None:
    client = Client("packet-up")
    client.writes(b"data")
    client.sent(1)
    client.reset(1)
    assert not client.app.lost
    again = client.asked[2]
    assert again.head.target == client.asked[1].head.target
    assert (again.body, again.state) == (b"data", "ended")
    client.reset(2)
    assert client.app.cut == "stream-reset"
    assert client.download.state == "reset"


def test_the_last_packet_is_sent_once_more_too() -> None:
    client = Client("packet-up")
    client.ends()
    client.end(0)
    client.reset(1)
    assert ("x-end", "1") in client.asked[2].head.headers
    client.answer(2)
    assert client.app.over_in_order


def test_a_lost_post_after_its_answer_means_nothing() -> None:
    client = Client("packet-up")
    client.writes(b"data")
    client.answer(1)
    client.reset(1)
    assert len(client.asked) == 2
    assert not client.app.lost


def test_posts_are_paced_by_the_clock() -> None:
    client = Client("packet-up", settings=ClientSettings(post_interval_s=0.03))
    client.writes(b"a")
    client.writes(b"b")
    client.writes(b"c")
    assert len(client.asked) == 2
    deadline = client.machine.next_deadline()
    assert deadline == pytest.approx(client.now + 0.03)
    client.now += 0.031
    client.machine.handle_deadline(client.now)
    client.turn()
    assert client.asked[2].body == b"bc"
    assert client.machine.next_deadline() is None


def test_unsent_bytes_are_those_that_no_transport_has_taken() -> None:
    client = Client("packet-up")
    for _ in range(10):
        client.writes(b"xx")
    assert client.machine.unsent_bytes == 20
    client.sent(1)
    assert client.machine.unsent_bytes == 18
    client.answer(2)  # an answer tells, too; and frees the way for the rest
    assert client.machine.unsent_bytes == 16
    client.reset(1)
    assert client.machine.unsent_bytes == 18
    assert Client("stream-up").machine.unsent_bytes == 0


@each_mode
def test_what_comes_after_the_end_of_the_stream_means_nothing(mode: str) -> None:
    client = Client(mode)
    client.writes(b"data")
    client.gives_up()
    for number in list(client.asked):
        client.machine.receive_response(number, ResponseHead(500), client.now)
        client.machine.receive_body(number, b"x", client.now)
        client.machine.receive_end(number, client.now)
        client.machine.receive_reset(number, client.now)
        client.machine.request_sent(number, client.now)
    client.machine.handle_deadline(client.now)
    client.turn()
    assert client.app == App()


def test_an_empty_write_asks_for_nothing() -> None:
    client = Client("packet-up")
    client.writes(b"")
    assert len(client.asked) == 1


# -- any order of inputs -------------------------------------------------------------------------


def step(client: Client, chance: random.Random) -> None:
    """One thing that a server, a network or an application can do."""
    live = [n for n, a in client.asked.items() if not (a.reset or a.answered or a.told_lost)]
    ended = [n for n, a in client.asked.items() if a.ended and not (a.reset or a.told_lost)]
    match chance.choice(["write", "write", "head", "body", "answer", "sent", "reset", "end", "time", "cut"]):
        case "write":
            client.writes(bytes(chance.choice([1, 500, 1_500_000])))
        case "head" if live:
            client.head(chance.choice(live), chance.choice([200] * 30 + [404]))
        case "body" if live:
            client.body(chance.choice(live), b"x" * 10)
        case "answer" if live:
            client.end(chance.choice(live))
        case "sent" if ended:
            client.sent(chance.choice(ended))
        case "reset" if client.asked and chance.random() < 0.3:
            client.reset(chance.choice(list(client.asked)))
        case "end" if chance.random() < 0.2:
            client.ends()
        case "time":
            client.now += chance.choice([0.001, 0.1])
            client.machine.handle_deadline(client.now)
            client.turn()
        case "cut" if chance.random() < 0.1:
            client.gives_up()
        case _:
            pass


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MODES),
    st.sampled_from([0.0, 0.03]),
    st.randoms(use_true_random=False),
    st.integers(1, 80),
)
def test_any_order_of_inputs_is_survived_and_ends(
    mode: str, interval_s: float, chance: random.Random, steps: int
) -> None:
    client = Client(mode, settings=ClientSettings(post_interval_s=interval_s))
    for _ in range(steps):
        step(client, chance)
    client.gives_up()
    alive = [a for a in client.asked.values() if not (a.reset or a.told_lost or a.answered)]
    assert not alive or client.app.over_in_order, "a request that was forgotten, and not reset"
    assert client.machine.next_deadline() is None


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MODES), st.randoms(use_true_random=False), st.integers(0, 40))
def test_a_server_that_answers_everything_ends_every_stream_in_order(
    mode: str, chance: random.Random, steps: int
) -> None:
    client = Client(mode)
    for _ in range(steps):
        client.writes(b"x" * chance.choice([1, 1000]))
        if chance.random() < 0.3:
            client.body(0, b"y")
    client.ends()
    client.end(0)
    while pending := [
        n for n, a in client.asked.items() if a.ended and not a.answered and not client.app.lost
    ]:
        number = chance.choice(pending)
        client.sent(number)
        client.answer(number)
    if mode == "stream-one":
        client.sent(0)
    assert client.app.over_in_order
