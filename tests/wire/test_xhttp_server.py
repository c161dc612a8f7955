"""The server of one path: what each request is answered, against the recorded dialogues of Xray;
limits, deadlines, and any order of inputs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.pair import request
from tests.wire.server_kit import Answer, Server
from tests.wire.vectors import fill, golden_request, golden_requests, load
from tunnel_whisperer.base.limits import (
    MAX_BUFFERED_POSTS,
    MAX_HALF_OPEN_BYTES,
    MAX_HALF_OPEN_SESSIONS,
    MAX_POST_BYTES,
    MAX_REFUSED_BODY_BYTES,
    MAX_SESSION_ID_CHARS,
    SESSION_REAP_S,
)
from tunnel_whisperer.wire.http import RequestHead, header
from tunnel_whisperer.wire.xhttp_server import ServerSettings

# -- the recorded dialogues ----------------------------------------------------------------------

OTHER_LIMITS = {"u_small_post_limit", "u_keepalive"}

OURS: dict[tuple[str, str], int] = {
    # HEAD would be a stream-up upload whose garbage no HEAD response can carry; as it is none
    # here, the packets behind it are packets of a new session.
    ("s_paths", "HEAD /tw/srv1/s#0"): 405,
    ("s_paths", "POST /tw/srv1/s/0/extra/parts#0"): 200,
    ("s_paths", "POST /tw/srv1/%73/1#0"): 200,
    ("s_paths", "CONNECT /tw/srv1/s/4#0"): 405,
}
"""Where we answer otherwise (docs/protocol/xhttp.md)."""

OUR_HEADERS = {
    ("t_up_no_referer", "a3"): "the head is sent at once, not at the end of the session",
    ("u_keepalive_off", "a3"): "the same",
    ("u_no_sse", "a1"): "no such setting here",
}

DIALOGUES = [case for case in load("server_dialogues.json") if case["case"] not in OTHER_LIMITS]


def replay(case: dict[str, Any]) -> Server:
    settings = case["settings"]
    ours = ServerSettings(mode=settings.get("mode", "auto"), host=settings.get("host"))
    server = Server(settings=ours, path=settings["path"])
    began = server.now
    for step in case["steps"]:
        server.wait(max(0.0, began + step["t"] - server.now))
        key = step["id"]
        match step["do"]:
            case "request":
                headers = tuple((name, fill(value)) for name, value in step["headers"])
                head = RequestHead(step["method"], fill(step["target"]), step["authority"], "http", headers)
                server.asks(key, head)
            case "body":
                server.sends(key, bytes(step["zeros"]) if "zeros" in step else bytes.fromhex(step["hex"]))
            case "end":
                server.ends(key)
            case "reset":
                server.resets(key)
    return server


def without_http(names: list[str]) -> list[str]:
    return [name for name in names if name not in ("date", "connection", "transfer-encoding")]


@pytest.mark.parametrize("case", DIALOGUES, ids=lambda case: case["case"])
def test_a_recorded_dialogue_gets_the_same_answers(case: dict[str, Any]) -> None:
    server = replay(case)
    for key, theirs in case["answers"].items():
        answer = server.answers[key]
        ours = OURS.get((case["case"], key))
        assert answer.status == (ours or theirs["status"]), key
        if ours is None and "headers" in theirs and (case["case"], key) not in OUR_HEADERS:
            assert answer.head is not None
            names = sorted(name for name, _ in answer.head.headers)
            assert names == without_http(theirs["headers"]), key


def test_every_deviation_is_still_one() -> None:
    answers = {(case["case"], key): a["status"] for case in DIALOGUES for key, a in case["answers"].items()}
    assert all(answers[key] != status for key, status in OURS.items())
    assert set(OUR_HEADERS) <= set(answers)


@pytest.mark.parametrize("vector", golden_requests(), ids=lambda v: f"{v['from']}-{v['method']}-{v['path']}")
def test_every_request_of_the_real_client_is_accepted(vector: dict[str, Any]) -> None:
    path = (vector["client_xhttpSettings"] or {}).get("path", "/tw/srv1")
    server = Server(path=path)
    answer = server.asks("it", golden_request(vector), body=b"")
    assert answer.status == 200 and not answer.reset


# -- statuses ------------------------------------------------------------------------------------


def status_of(server: Server, head: RequestHead) -> int | None:
    return server.asks(object(), head, body=b"").status


@pytest.mark.parametrize(
    ("mode", "statuses"),
    [  # stream-one, stream-up, packet-up
        ("auto", (200, 200, 200)),
        ("packet-up", (400, 400, 200)),
        ("stream-up", (200, 200, 400)),
        ("stream-one", (200, 400, 400)),
    ],
)
def test_a_mode_that_is_shut_out_gets_400_and_a_download_never_does(
    mode: str, statuses: tuple[int, ...]
) -> None:
    server = Server(settings=ServerSettings(mode=mode))
    asked = [request("POST", path) for path in ("/tw/srv1/", "/tw/srv1/a", "/tw/srv1/b/0")]
    assert tuple(status_of(server, head) for head in asked) == statuses
    assert status_of(server, request("GET", "/tw/srv1/c")) == 200


def test_the_path_and_the_host_come_first_the_preflight_second_the_padding_third() -> None:
    server = Server(settings=ServerSettings(mode="stream-one", host="h.test"))
    assert status_of(server, request("POST", "/other/s/0", padding=0)) == 404
    assert status_of(server, request("OPTIONS", "/tw/srv1/", authority="x.test", padding=0)) == 404
    assert status_of(server, request("OPTIONS", "/tw/srv1/s/0", padding=0)) == 200
    assert status_of(server, request("HEAD", "/tw/srv1/s", padding=0)) == 400
    assert status_of(server, request("POST", "/tw/srv1/s/0", padding=100)) == 400


@pytest.mark.parametrize(
    ("authority", "status"),
    [
        ("right.test", 200),
        ("RIGHT.test:443", 200),
        ("right.test:", 404),
        ("wrong.test", 404),
        ("right.test.", 404),
        ("", 404),
    ],
)
def test_a_host_that_is_set_is_the_only_one(authority: str, status: int) -> None:
    server = Server(settings=ServerSettings(host="Right.Test"))
    assert status_of(server, request("POST", "/tw/srv1/s/0", authority=authority)) == status


def test_a_second_upload_gets_409_and_a_packet_beside_it_500() -> None:
    server = Server()
    server.asks("up", request("POST", "/tw/srv1/s"))
    assert status_of(server, request("POST", "/tw/srv1/s")) == 409
    assert status_of(server, request("POST", "/tw/srv1/s/0")) == 500


def test_an_upload_after_the_last_packet_gets_409() -> None:
    server = Server()
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.asks("last", request("POST", "/tw/srv1/s/0", ("x-end", "1")), body=b"")
    assert server.app.ended
    late = server.asks("up", request("POST", "/tw/srv1/s"), body=b"late")
    assert (late.status, late.state) == (409, "ended")
    server.finishes()
    assert server.app.over_in_order and server.holds_nothing


@pytest.mark.parametrize("seq", ["abc", "-1", "1.5", "18446744073709551616", "%00"])
def test_a_senseless_number_gets_500(seq: str) -> None:
    assert status_of(Server(), request("POST", f"/tw/srv1/s/{seq}")) == 500


def test_a_long_session_id_gets_400() -> None:
    server = Server()
    assert status_of(server, request("GET", "/tw/srv1/" + "s" * MAX_SESSION_ID_CHARS)) == 200
    assert status_of(server, request("GET", "/tw/srv1/" + "s" * (MAX_SESSION_ID_CHARS + 1))) == 400


def test_a_packet_above_the_limit_gets_413_by_its_length_or_by_its_bytes() -> None:
    server = Server()
    told = server.asks("told", request("POST", "/tw/srv1/s/0", ("content-length", str(MAX_POST_BYTES + 1))))
    assert (told.status, told.state) == (413, "ended")
    assert status_of(server, request("POST", "/tw/srv1/s/1", ("content-length", str(MAX_POST_BYTES)))) == 200
    chunked = server.asks("chunked", request("POST", "/tw/srv1/s/2"))
    server.sends("chunked", bytes(MAX_POST_BYTES))
    assert chunked.state == "waiting"
    server.sends("chunked", b"x")
    assert (chunked.status, chunked.state) == (413, "ended")
    server.ends("chunked")
    twice = server.asks("twice", request("POST", "/tw/srv1/s/1"))
    server.sends("twice", bytes(MAX_POST_BYTES + 1))
    assert twice.status == 413


@pytest.mark.parametrize("method", ["HEAD", "CONNECT"])
def test_methods_that_cannot_carry_a_stream_get_405(method: str) -> None:
    server = Server()
    for path in ("/tw/srv1/", "/tw/srv1/s", "/tw/srv1/s/0"):
        assert status_of(server, request(method, path)) == 405


def test_an_answer_without_a_session_has_no_body_and_leaves_nothing_behind() -> None:
    server = Server()
    for head in (
        request("POST", "/elsewhere"),
        request("OPTIONS", "/tw/srv1/"),
        request("POST", "/tw/srv1/s", padding=0),
        request("HEAD", "/tw/srv1/s"),
        request("POST", "/tw/srv1/s/x"),
    ):
        answer = server.asks(object(), head, body=b"some body")
        assert answer.ended and not answer.body
        assert answer.head is not None and header(answer.head.headers, "content-length") == "0"
        assert answer.acknowledged == answer.sent
    assert server.holds_nothing


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_body_of_a_refused_request_is_read_up_to_a_limit(method: str) -> None:
    server = Server()
    answer = server.asks("it", request(method, "/elsewhere"))
    assert answer.state == "ended"
    for _ in range(MAX_REFUSED_BODY_BYTES // 1024):
        server.sends("it", bytes(1024))
    assert answer.acknowledged == answer.sent
    assert answer.state == "ended"
    server.sends("it", b"x")
    assert answer.state == "reset"
    assert server.holds_nothing


# -- keep-alive garbage (spec 5.2) ---------------------------------------------------------------


def test_an_upload_is_answered_with_garbage_at_once_and_then_at_intervals() -> None:
    pauses: list[int] = []

    def draws(lo: int, hi: int) -> int:
        if (lo, hi) == (20, 79):
            pauses.append(20 + 30 * len(pauses))
            return pauses[-1]
        assert (lo, hi) == (100, 999)
        return 123

    server = Server(draw=draws)
    up = server.asks("up", request("POST", "/tw/srv1/s"))
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    assert up.body == b"X" * 123
    server.wait(19.9)
    assert len(up.body) == 123
    server.wait(0.1)
    assert len(up.body) == 246
    server.wait(49.9)
    assert len(up.body) == 246
    server.wait(0.1)
    assert up.body == b"X" * 369
    server.ends("up")
    assert up.ended
    server.wait(500)
    assert len(up.body) == 369


def test_there_is_no_garbage_without_a_referer_or_when_it_is_turned_off() -> None:
    padded = RequestHead("POST", "/tw/srv1/s?x_padding=" + "X" * 100, "h.test")
    server = Server()
    up = server.asks("up", padded)
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.wait(1000)
    assert up.status == 200 and up.body == b""
    server = Server(settings=ServerSettings(keepalive_s=None))
    up = server.asks("up", request("POST", "/tw/srv1/s"))
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.wait(1000)
    assert up.status == 200 and up.body == b""


def test_garbage_stops_when_the_upload_is_lost() -> None:
    server = Server()
    up = server.asks("up", request("POST", "/tw/srv1/s"))
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.resets("up")
    body = up.body
    server.wait(1000)
    assert up.body == body
    assert server.machine.next_deadline() is None


# -- reaping (spec 5.4) --------------------------------------------------------------------------


def test_a_session_without_its_download_is_ended_after_30_s() -> None:
    server = Server()
    up = server.asks("up", request("POST", "/tw/srv1/s"))
    server.sends("up", b"header")
    packet = server.asks("packet", request("POST", "/tw/srv1/p/0"), body=b"header")
    server.wait(SESSION_REAP_S - 0.1)
    assert up.state == "open"
    assert packet.status == 200
    server.wait(0.2)
    assert up.status == 200 and up.state == "ended"
    assert up.acknowledged == up.sent
    server.ends("up")
    assert server.holds_nothing and not server.apps
    assert server.machine.next_deadline() is None


def test_a_download_without_an_upload_is_ended_after_30_s() -> None:
    server = Server()
    down = server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.wait(SESSION_REAP_S)
    assert down.state == "ended" and down.body == b""
    assert server.holds_nothing


def test_a_packet_that_waited_for_its_download_in_vain_gets_500() -> None:
    server = Server()
    answers = [
        server.asks(seq, request("POST", f"/tw/srv1/s/{seq}"), body=b"x")
        for seq in range(MAX_BUFFERED_POSTS + 1)
    ]
    unfinished = server.asks("unfinished", request("POST", "/tw/srv1/s/99"))
    assert [answer.status for answer in answers] == [200] * MAX_BUFFERED_POSTS + [None]
    server.wait(SESSION_REAP_S)
    assert answers[-1].status == 500
    assert unfinished.status == 500
    server.ends("unfinished")
    assert server.holds_nothing


def test_a_session_that_is_complete_is_not_reaped_and_its_id_is_free_after_its_end() -> None:
    server = Server()
    server.asks("down", request("GET", "/tw/srv1/s"), body=b"")
    server.asks(0, request("POST", "/tw/srv1/s/0"), body=b"x")
    server.wait(10 * SESSION_REAP_S)
    assert not server.app.lost
    server.resets("down")
    assert server.app.cut == "stream-reset"
    server.asks("again", request("GET", "/tw/srv1/s"), body=b"")
    server.asks("0 again", request("POST", "/tw/srv1/s/0"), body=b"y")
    assert server.apps[1].received == b"y"


# -- limits --------------------------------------------------------------------------------------


def test_of_too_many_half_open_sessions_the_oldest_goes() -> None:
    server = Server()
    downs = [
        server.asks(n, request("GET", f"/tw/srv1/s{n}"), body=b"") for n in range(MAX_HALF_OPEN_SESSIONS)
    ]
    assert not any(answer.ended for answer in downs)
    server.asks("one more", request("GET", "/tw/srv1/one-more"), body=b"")
    assert [answer.ended for answer in downs] == [True] + [False] * (MAX_HALF_OPEN_SESSIONS - 1)
    server.asks("up", request("POST", "/tw/srv1/s1/0"), body=b"x")
    assert server.apps[0].received == b"x"


def test_of_too_many_waiting_bytes_those_of_the_greediest_session_go() -> None:
    server = Server()
    small = server.asks("small", request("POST", "/tw/srv1/small"))
    server.sends("small", b"header")
    seq = 0
    greedy: list[Answer] = []
    while len(server.machine._half_open) < 3:
        greedy.append(server.asks(("g", seq), request("POST", f"/tw/srv1/g{seq // 20}/{seq % 20}")))
        server.sends(("g", seq), bytes(500_000))
        server.ends(("g", seq))
        seq += 1
    server.asks("big", request("POST", "/tw/srv1/big"))
    while len(server.machine._half_open) == 4:
        assert server.machine._waiting_bytes <= MAX_HALF_OPEN_BYTES
        server.sends("big", bytes(500_000))
    assert server.machine._waiting_bytes <= MAX_HALF_OPEN_BYTES
    assert not small.ended
    server.asks("down", request("GET", "/tw/srv1/small"), body=b"")
    assert server.app.received == b"header"


def test_requests_that_are_unknown_are_ignored() -> None:
    server = Server()
    server.machine.receive_body(99, b"x", server.now)
    server.machine.receive_end(99, server.now)
    server.machine.receive_reset(99, server.now)
    for call in (server.machine.send_end, server.machine.close_stream, server.machine.reset_stream):
        call(99, server.now)
    server.machine.send_data(99, b"x", server.now)
    server.machine.acknowledge(99, 5, server.now)
    assert server.machine.next_event() is None
    assert server.machine.download_request(99) is None
    assert server.machine.next_deadline() is None
