"""One stream on the server: how its requests are joined, how it ends, what it holds."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.pair import MODES, request
from tests.wire.server_kit import Server
from tunnel_whisperer.base.limits import (
    HALF_CLOSED_REAP_S,
    MAX_BUFFERED_POSTS,
    MAX_POST_BYTES,
    MAX_REFUSED_BODY_BYTES,
    PACKET_BACKLOG_BYTES,
    PATH_WINDOW_BYTES,
)

each_mode = pytest.mark.parametrize("mode", MODES)


def opened(mode: str, *, takes: bool = True) -> Server:
    """A server with one stream; ``down`` carries the download, and ``up`` (in packet-up there is
    none) the upload. The application has received ``hello``."""
    server = Server(takes=takes)
    if mode == "stream-one":
        server.asks("down", request("POST", "/tw/srv1/"))
        server.sends("down", b"hello")
        server._numbers["up"], server.answers["up"] = server._numbers["down"], server.answers["down"]
        return server
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    if mode == "stream-up":
        server.asks("up", request("POST", "/tw/srv1/s"))
        server.sends("up", b"hello")
    else:
        packet(server, 0, b"hello")
    assert server.modes == {0: mode}
    assert server.app.received == b"hello"
    return server


def packet(server: Server, seq: int, body: bytes | None, *, last: bool = False, copy: str = "") -> str:
    """A POST of packet-up; its name. No body: it is left open."""
    key = f"{seq}{copy}"
    end = (("x-end", "1"),) if last else ()
    server.asks(key, request("POST", f"/tw/srv1/s/{seq}", *end), body=body)
    return key


def status(server: Server, key: str) -> int | None:
    return server.answers[key].status


def upload_ends(server: Server, mode: str) -> None:
    if mode == "packet-up":
        packet(server, 1, b"", last=True)
    else:
        server.ends("up")


# -- joining -------------------------------------------------------------------------------------


def test_the_upload_may_come_before_the_download() -> None:
    server = Server()
    up = server.asks("up", request("POST", "/tw/srv1/s"))
    server.sends("up", b"one ")
    server.sends("up", b"two ")
    server.ends("up")
    assert not server.apps
    assert (up.status, up.state, up.acknowledged) == (200, "open", 0)
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert server.modes == {0: "stream-up"}
    assert server.app.received == b"one two "
    assert server.app.ended
    assert up.acknowledged == up.sent
    assert up.state == "ended"


def test_packets_may_come_before_the_download_in_any_order() -> None:
    server = Server()
    for seq in (2, 0, 1):
        assert status(server, packet(server, seq, b"p%d" % seq)) == 200
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert server.app.received == b"p0p1p2"


def test_a_packet_may_be_half_here_when_the_download_comes() -> None:
    server = Server()
    key = packet(server, 0, None)
    server.sends(key, b"half")
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert server.app.received == b"half"
    server.sends(key, b" whole")
    server.ends(key)
    assert server.app.received == b"half whole"
    assert status(server, key) == 200


def test_a_stream_upload_after_packets_takes_over() -> None:
    server = opened("packet-up")
    waiting = packet(server, 2, b"never in turn")
    unfinished = packet(server, 3, None)
    server.asks("up", request("POST", "/tw/srv1/s"))
    assert (status(server, waiting), status(server, unfinished)) == (200, 500)
    server.sends("up", b" stream")
    assert server.app.received == b"hello stream"
    server.ends("up")
    assert server.app.ended


def test_a_second_download_is_answered_with_an_empty_body() -> None:
    server = opened("packet-up")
    second = server.asks("second", request("GET", "/tw/srv1/s"), body=b"")
    assert (second.status, second.state, second.body) == (200, "ended", b"")
    server.says(b"answer")
    assert server.answers["down"].body == b"answer"


def test_sessions_do_not_mix() -> None:
    server = Server()
    for name in ("a", "b"):
        server.asks(name, request("GET", f"/tw/srv1/{name}"), body=b"")
        server.asks(f"{name}0", request("POST", f"/tw/srv1/{name}/0"), body=name.encode())
    assert [server.apps[n].received for n in (0, 1)] == [b"a", b"b"]
    server.says(b"to b", stream=1)
    assert (server.answers["a"].body, server.answers["b"].body) == (b"", b"to b")
    server.resets("a")
    assert server.apps[0].cut == "stream-reset"
    assert not server.apps[1].lost


# -- the end of each direction (spec 6, and half-close between two ends of ours) -------------------


@each_mode
def test_the_upload_ends_and_the_download_goes_on(mode: str) -> None:
    server = opened(mode)
    upload_ends(server, mode)
    assert server.app.ended
    assert not server.app.lost
    server.wait(1000)
    server.says(b"answer after the end")
    server.finishes()
    down = server.answers["down"]
    assert (down.body, down.state) == (b"answer after the end", "ended")
    assert server.app.over_in_order
    assert server.holds_nothing


@each_mode
def test_the_download_ends_and_the_upload_goes_on(mode: str) -> None:
    server = opened(mode)
    server.says(b"bye")
    server.finishes()
    assert server.answers["down"].state == "ended"
    if mode == "packet-up":
        packet(server, 1, b" and on")
        packet(server, 2, b"", last=True)
    else:
        server.sends("up", b" and on")
        server.ends("up")
    assert server.app.received == b"hello and on"
    assert server.app.over_in_order
    assert server.holds_nothing


@each_mode
def test_after_close_what_still_comes_is_counted_out(mode: str) -> None:
    server = opened(mode)
    server.closes()
    assert server.answers["down"].state == "ended"
    if mode == "packet-up":
        key = packet(server, 1, b"more")
        packet(server, 2, b"", last=True)
    else:
        key = "up"
        server.sends("up", b"more")
        assert server.answers["up"].state == "ended"  # tells a stream-up client to stop
        server.ends("up")
    assert server.app.received == b"hello"
    assert server.answers[key].acknowledged == server.answers[key].sent
    assert not server.app.ended
    assert server.app.over_in_order
    assert server.holds_nothing


@each_mode
def test_a_close_right_after_the_opening_is_the_refusal_of_xray(mode: str) -> None:
    """Status 200 with the normal head, an empty body, its end (spec 1.3)."""
    server = opened(mode)
    server.closes()
    down = server.answers["down"]
    assert (down.status, down.body, down.state) == (200, b"", "ended")


@each_mode
def test_a_reset_of_the_download_loses_the_stream(mode: str) -> None:
    server = opened(mode)
    server.resets("down")
    assert server.app.cut == "stream-reset"
    if mode == "stream-up":
        assert server.answers["up"].state == "reset"
    assert server.holds_nothing


def test_a_reset_of_a_stream_upload_loses_the_stream() -> None:
    server = opened("stream-up")
    server.resets("up")
    assert server.app.cut == "stream-reset"
    assert server.answers["down"].state == "reset"
    assert server.holds_nothing


@each_mode
def test_a_reset_after_the_end_of_the_upload_still_counts(mode: str) -> None:
    server = opened(mode)
    upload_ends(server, mode)
    server.resets("down")
    assert server.app.cut == "stream-reset"
    assert server.holds_nothing


def test_a_reset_of_the_upload_after_its_end_means_nothing() -> None:
    server = Server()
    server.asks("up", request("POST", "/tw/srv1/s"), body=b"all of it")
    server.resets("up")  # half open: its answer was not over
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert server.app.received == b"all of it"
    assert server.app.ended
    server.finishes()
    assert server.app.over_in_order
    assert server.holds_nothing


def test_a_reset_while_half_open_frees_the_id() -> None:
    server = Server()
    server.asks("up", request("POST", "/tw/srv1/s"))
    server.sends("up", b"old")
    server.resets("up")
    assert server.holds_nothing
    server.asks("new", request("POST", "/tw/srv1/s"))
    server.sends("new", b"new")
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert server.app.received == b"new"


@each_mode
def test_our_own_reset_cuts_what_is_open(mode: str) -> None:
    server = opened(mode)
    server.cuts()
    assert server.answers["down"].state == "reset"
    assert server.answers.get("up", server.answers["down"]).state == "reset"
    assert server.holds_nothing


def test_a_half_closed_packet_session_is_dropped_when_no_packet_comes_for_long() -> None:
    server = opened("packet-up")
    server.finishes()
    for seq in range(1, 6):  # packets keep it alive
        server.wait(HALF_CLOSED_REAP_S - 20)
        packet(server, seq, b".")
    assert not server.app.lost
    server.wait(HALF_CLOSED_REAP_S + 20)
    assert server.app.cut == "timeout"
    assert server.holds_nothing


@pytest.mark.parametrize("mode", ["stream-one", "stream-up"])
def test_a_half_closed_stream_upload_may_be_silent_for_long(mode: str) -> None:
    server = opened(mode)
    server.finishes()
    server.wait(10 * HALF_CLOSED_REAP_S)
    assert not server.app.lost
    server.ends("up")
    assert server.app.over_in_order


def test_a_stream_upload_that_takes_over_ends_the_watch_on_packets() -> None:
    server = opened("packet-up")
    server.finishes()
    server.asks("up", request("POST", "/tw/srv1/s"))
    server.wait(10 * HALF_CLOSED_REAP_S)
    assert not server.app.lost


# -- packets (spec 5.3) --------------------------------------------------------------------------


def test_a_packet_that_comes_twice_counts_once() -> None:
    server = opened("packet-up")
    assert status(server, packet(server, 0, b"other", copy=" again")) == 200
    assert status(server, packet(server, 2, b"two")) == 200
    assert status(server, packet(server, 2, b"other", copy=" again")) == 200
    packet(server, 1, b"one")
    assert server.app.received == b"helloonetwo"


def test_a_packet_that_was_cut_off_can_be_sent_again() -> None:
    server = opened("packet-up")
    key = packet(server, 1, None)
    server.sends(key, b"abc")
    server.resets(key)
    assert not server.app.lost
    assert status(server, packet(server, 1, b"abcdef", copy=" again")) == 200
    assert server.app.received == b"helloabcdef"


def test_of_two_copies_under_way_the_newer_counts_and_both_are_answered() -> None:
    server = opened("packet-up")
    old = packet(server, 1, None)
    server.sends(old, b"abc")
    new = packet(server, 1, None, copy=" again")
    server.sends(old, b"def")
    server.sends(new, b"abcd")
    assert server.app.received == b"helloabcd"
    server.ends(old)
    server.sends(new, b"ef")
    server.ends(new)
    assert server.app.received == b"helloabcdef"
    assert (status(server, old), status(server, new)) == (200, 200)
    assert all(a.acknowledged == a.sent for a in server.answers.values())


def test_an_empty_packet_uses_up_its_number() -> None:
    server = opened("packet-up")
    packet(server, 2, b"two")
    key = packet(server, 1, b"")
    head = server.answers[key].head
    assert head is not None and ("cache-control", "no-store") in head.headers
    assert server.app.received == b"hellotwo"


def test_any_method_can_carry_a_packet() -> None:
    server = opened("packet-up")
    server.asks("get", request("GET", "/tw/srv1/s/1"), body=b"by GET")
    server.asks("put", request("PUT", "/tw/srv1/s/2"), body=b" by PUT")
    assert server.app.received == b"helloby GET by PUT"


def test_too_many_packets_before_a_missing_one_end_the_stream() -> None:
    """The 32nd that waits, as recorded in s_packet_up_missing_seq."""
    server = opened("packet-up")
    for seq in range(2, MAX_BUFFERED_POSTS + 3):
        packet(server, seq, b"x")
    assert not server.app.lost
    packet(server, MAX_BUFFERED_POSTS + 3, b"x")
    assert server.app.cut == "bad-xhttp"
    assert server.answers["down"].state == "reset"
    assert server.holds_nothing


def test_packets_that_are_never_finished_are_limited() -> None:
    server = opened("packet-up")
    keys = [packet(server, seq, None) for seq in range(2, 2 * MAX_BUFFERED_POSTS + 3)]
    statuses = [status(server, key) for key in keys]
    assert statuses == [None] * (2 * MAX_BUFFERED_POSTS) + [500]
    assert not server.app.lost


def test_a_packet_above_the_limit_leaves_the_stream_alone() -> None:
    server = opened("packet-up")
    key = packet(server, 1, None)
    server.sends(key, bytes(MAX_POST_BYTES + 1))
    assert status(server, key) == 413
    assert not server.app.lost


def test_answers_wait_while_the_application_lags() -> None:
    server = opened("packet-up", takes=False)
    assert status(server, packet(server, 1, bytes(PACKET_BACKLOG_BYTES - 5))) == 200
    late = packet(server, 2, b"xx")
    assert status(server, late) is None
    server.takes_all()
    assert status(server, late) == 200
    assert all(a.acknowledged == a.sent for a in server.answers.values())


def test_bytes_may_be_taken_bit_by_bit_and_belong_to_the_packets_that_carried_them() -> None:
    server = opened("packet-up", takes=False)
    packet(server, 1, b"0123456789")
    for taken, first, second in ((3, 3, 0), (4, 5, 2), (8, 5, 10)):
        server.machine.acknowledge(0, taken, server.now)
        server.turn()
        assert (server.answers["0"].acknowledged, server.answers["1"].acknowledged) == (first, second)


@each_mode
def test_the_exchange_of_the_download_is_known_while_the_stream_lives(mode: str) -> None:
    server = opened(mode)
    assert server.machine.download_request(0) == server._numbers["down"]
    server.cuts()
    assert server.machine.download_request(0) is None


def test_a_client_cannot_fill_a_lagging_application_by_resetting_complete_packets() -> None:
    server = opened("packet-up", takes=False)
    for seq in range(1, 200):
        key = packet(server, seq, bytes(MAX_POST_BYTES))
        if status(server, key) is None:
            server.resets(key)  # HTTP/2 gives its window back
    assert server.app.unacknowledged <= PATH_WINDOW_BYTES + 2 * MAX_POST_BYTES
    assert not server.app.lost


def test_an_orderly_end_answers_what_waits() -> None:
    server = opened("packet-up", takes=False)
    large = packet(server, 1, bytes(PACKET_BACKLOG_BYTES))
    last = packet(server, 2, b"", last=True)
    assert (status(server, large), status(server, last)) == (None, None)
    assert server.app.ended
    server.finishes()
    assert server.app.over_in_order
    assert (status(server, large), status(server, last)) == (200, 200)
    assert server.holds_nothing


def test_nothing_comes_after_the_last_packet() -> None:
    server = opened("packet-up")
    packet(server, 1, b"", last=True)
    assert status(server, packet(server, 2, b"late")) == 200
    assert server.app.received == b"hello"


def test_the_last_packet_may_come_first() -> None:
    server = opened("packet-up")
    packet(server, 2, b"", last=True)
    assert not server.app.ended
    packet(server, 1, b" there")
    assert server.app.received == b"hello there"
    assert server.app.over_in_order is False and server.app.ended is True


# -- bodies that nobody wants --------------------------------------------------------------------


def test_the_body_of_a_download_request_is_counted_out_up_to_a_limit() -> None:
    server = Server()
    down = server.asks("down", request("GET", "/tw/srv1/s"))
    packet(server, 0, b"hello")
    server.sends("down", bytes(MAX_REFUSED_BODY_BYTES))
    assert down.acknowledged == down.sent
    assert not server.app.lost
    server.sends("down", b"x")
    assert server.app.cut == "bad-xhttp"
    assert down.state == "reset"
    assert server.holds_nothing


def test_an_unfinished_download_request_is_no_obstacle_to_the_end() -> None:
    server = Server()
    server.asks("down", request("GET", "/tw/srv1/s"))
    packet(server, 0, b"hello", last=True)
    server.finishes()
    assert server.app.over_in_order
    server.ends("down")
    assert server.holds_nothing


# -- any order of inputs -------------------------------------------------------------------------


class Walk:
    """Everything that clients and applications can do, in random order."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.server = Server(takes=chance.random() < 0.5)
        self.count = 0
        self.inputs: list[Callable[[], None]] = [
            self.asks,
            self.asks,
            self.sends,
            self.sends,
            self.ends,
            self.resets,
            self.application,
            self.time,
        ]

    def asks(self) -> None:
        session = self.chance.choice("ab")
        method, path = self.chance.choice(
            [
                ("POST", "/tw/srv1/"),
                ("GET", f"/tw/srv1/{session}"),
                ("GET", f"/tw/srv1/{session}"),
                ("POST", f"/tw/srv1/{session}"),
                ("POST", f"/tw/srv1/{session}/{self.chance.randint(0, 3)}"),
                ("POST", f"/tw/srv1/{session}/{self.chance.randint(0, 3)}"),
                ("PUT", f"/tw/srv1/{session}/{self.chance.randint(0, 60)}"),
                ("HEAD", f"/tw/srv1/{session}"),
                ("OPTIONS", "/tw/srv1/"),
                ("POST", "/elsewhere"),
                ("POST", f"/tw/srv1/{session}/x"),
            ]
        )
        extra = [("x-end", "1")] if self.chance.random() < 0.15 else []
        padding = 0 if self.chance.random() < 0.05 else 100
        self.count += 1
        self.server.asks(self.count, request(method, path, *extra, padding=padding))
        if method == "GET" or self.chance.random() < 0.3:
            self.server.ends(self.count)

    def some(self) -> int | None:
        live = [
            key for key, a in self.server.answers.items() if not (a.we_ended or a.gone or a.state == "reset")
        ]
        return self.chance.choice(live) if live else None

    def sends(self) -> None:
        if (key := self.some()) is not None:
            size = self.chance.choice([1, 7, 7, 7, 600, 600, 70_000, 300_000])
            self.server.sends(key, bytes(size))

    def ends(self) -> None:
        if (key := self.some()) is not None:
            self.server.ends(key)

    def resets(self) -> None:
        keys = [key for key, answer in self.server.answers.items() if not answer.gone]
        if keys:
            self.server.resets(self.chance.choice(keys))

    def application(self) -> None:
        live = [stream for stream, app in self.server.apps.items() if not app.lost]
        if live:
            server, stream = self.server, self.chance.choice(live)
            calls: list[Callable[[int], None]] = [
                lambda stream: server.says(b"answer", stream),
                server.finishes,
                server.closes,
                server.takes_all,
                server.cuts,
            ]
            self.chance.choice(calls)(stream)

    def time(self) -> None:
        self.server.wait(self.chance.choice([0.1, 5.0, 31.0, 320.0]))

    def finish(self) -> None:
        """Every client gives up, every application closes."""
        server = self.server
        for key in list(server.answers):
            if not server.answers[key].gone:
                server.resets(key)
        for stream, app in server.apps.items():
            if not app.lost:
                server.closes(stream)
        server.wait(400)


@settings(max_examples=500, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_any_order_of_inputs_is_survived_and_leaves_nothing_behind(chance: random.Random, steps: int) -> None:
    walk = Walk(chance)
    for _ in range(steps):
        chance.choice(walk.inputs)()
    walk.finish()
    assert walk.server.holds_nothing
    assert walk.server.machine.next_deadline() is None
    assert all(app.lost for app in walk.server.apps.values())
    assert all(a.state != "waiting" for a in walk.server.answers.values() if not a.gone)
