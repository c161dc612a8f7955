"""The second half of the server's tests: ends, faults of handlers, time, pushing back."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.kit.clock import run
from tests.net.h1_kit import GET, OK, POST, Door, Visit, dechunk, empty, holds, says, server_and_peer, settle
from tunnel_whisperer.base.limits import (
    HEAD_TIMEOUT_S,
    HTTP_CLOSE_LINGER_S,
    HTTP_IDLE_TIMEOUT_S,
    PATH_WINDOW_BYTES,
    STRANGER_WINDOW_BYTES,
)
from tunnel_whisperer.wire.http import ResponseHead

# -- ends ------------------------------------------------------------------------------------------


def test_an_end_in_the_middle_of_a_body_is_a_loss() -> None:
    """srv_h1_stream.json s_one_cc_client_shutdown."""

    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(POST + b"5\r\nhel")
        await settle()
        wire.write_eof()
        await settle()
        visit = door.visits[0]
        assert visit.body == b"hel" and not visit.ended
        assert visit.lost is not None and visit.lost.code == "link-lost"
        assert peer.eof and not peer.received.endswith(b"0\r\n\r\n")

    run(main())


def test_an_end_before_a_download_is_over_is_a_loss() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, _, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        wire.write_eof()
        await settle()
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "link-lost"

    run(main())


def test_complete_requests_are_answered_after_the_client_s_end() -> None:
    async def main() -> None:
        door = Door(says)
        _, peer, wire = server_and_peer(door)
        wire.write(GET * 3 + b"GET /b")
        wire.write_eof()
        await settle()
        assert len(door.visits) == 3 and all(x.over and x.lost is None for x in door.visits)
        assert peer.received == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/a" * 3 and peer.eof

    run(main())


def test_a_reset_is_a_loss_of_the_exchange() -> None:
    async def main() -> None:
        door = Door()
        _, _, wire = server_and_peer(door)
        wire.write(POST)
        await settle()
        wire.abort()
        await settle()
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "link-lost"

    run(main())


def test_our_reset_cuts_the_connection_and_tells_nobody() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(POST)
        await settle()
        door.visits[0].ex.reset()
        door.visits[0].ex.reset()
        door.visits[0].ex.send_body(b"late")
        door.visits[0].ex.end_body()
        door.visits[0].ex.acknowledge(1)
        await settle()
        assert isinstance(peer.lost_exc, ConnectionResetError)
        assert not door.visits[0].over

    run(main())


def test_our_reset_behind_a_whole_answer_lets_it_arrive() -> None:
    async def main() -> None:
        door = Door()
        _, peer, wire = server_and_peer(door, latency_s=0.1)
        wire.write(POST + b"5\r\nhello\r\n")
        await asyncio.sleep(0.15)
        door.visits[0].answer()
        door.visits[0].ex.reset()
        wire.write(b"5\r\nhello\r\n")
        await asyncio.sleep(1)
        assert holds(peer.received == OK and peer.eof and not peer.lost)
        await asyncio.sleep(HTTP_CLOSE_LINGER_S)
        assert peer.lost and not door.visits[0].over

    run(main())


def test_close_waits_for_the_exchange_under_way() -> None:
    async def main() -> None:
        door = Door()
        server, peer, wire = server_and_peer(door)
        wire.write(GET * 2)
        await settle()
        server.close()
        await settle()
        assert holds(not peer.eof)
        door.visits[0].answer()
        await settle()
        assert peer.received == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        assert peer.eof and len(door.visits) == 1
        idle, peer, _ = server_and_peer(door)
        idle.close()
        await settle()
        assert peer.eof

    run(main())


def test_abort_loses_the_exchange_but_not_from_inside_the_call() -> None:
    async def main() -> None:
        door = Door()
        server, _, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        server.abort()
        assert not door.visits[0].over
        await settle()
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "link-lost"

    run(main())


# -- faults of handlers ----------------------------------------------------------------------------


def _fails(*_: object) -> None:
    raise RuntimeError("a bug above")


def test_a_door_that_fails_answers_500(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        _, peer, wire = server_and_peer(Door(_fails))
        wire.write(GET)
        await settle()
        assert peer.received.startswith(b"HTTP/1.1 500 ") and peer.eof
        assert b"bug" not in peer.received

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "a handler failed" in caplog.text


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("call", ["on_body", "on_end"])
def test_a_handler_that_fails_loses_its_exchange(call: str, answered: bool) -> None:
    async def main() -> None:
        def serve(visit: Visit) -> None:
            setattr(visit, call, _fails)
            if answered:
                visit.ex.respond(ResponseHead(200))

        door = Door(serve)
        _, peer, wire = server_and_peer(door)
        wire.write(POST + b"1\r\na\r\n0\r\n\r\n")
        await settle()
        lost = door.visits[0].lost
        assert lost is not None and lost.code == "internal"
        assert peer.received.startswith(b"HTTP/1.1 500 ") is not answered
        assert peer.lost is answered

    run(main())


def test_a_progress_callback_that_fails_loses_its_exchange() -> None:
    async def main() -> None:
        def serve(visit: Visit) -> None:
            visit.on_progress = _fails
            visit.ex.respond(ResponseHead(200))
            visit.ex.send_body(b"x")

        door = Door(serve)
        _, peer, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "internal" and peer.lost

    run(main())


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", b"POST /tw/srv1/ HTTP/1.1\r\nHost: x\r\n"])
def test_a_new_connection_has_4_s_for_its_head(start: bytes) -> None:
    """srv_h1_http.json s_slow_http_header: closed after 4.0 s without a word."""

    async def main() -> None:
        _, peer, wire = server_and_peer(Door(empty))
        wire.write(start)
        await asyncio.sleep(HEAD_TIMEOUT_S - 0.1)
        wire.write(start[:0] or b"")
        assert holds(not peer.eof)
        await asyncio.sleep(0.2)
        assert peer.eof and not peer.received

    run(main())


def test_a_later_head_has_as_long_once_it_began() -> None:
    async def main() -> None:
        _, peer, wire = server_and_peer(Door(empty))
        wire.write(GET)
        await asyncio.sleep(100)
        wire.write(GET[:9])
        for i in range(8):
            await asyncio.sleep(HEAD_TIMEOUT_S / 8 - 0.01)
            wire.write(GET[9 + i : 10 + i])
        assert holds(not peer.eof)
        await asyncio.sleep(0.2)
        assert peer.eof and peer.received == OK

    run(main())


def test_an_idle_connection_is_kept_for_its_time_and_no_longer() -> None:
    """srv_h1_http.json s_keepalive_idle: usable after 8 s."""

    async def main() -> None:
        _, peer, wire = server_and_peer(Door(empty))
        for _ in range(3):
            wire.write(GET)
            await asyncio.sleep(HTTP_IDLE_TIMEOUT_S - 1)
        assert peer.received == OK * 3 and not peer.eof
        await asyncio.sleep(1.1)
        assert peer.eof

    run(main())


def test_an_exchange_that_is_the_handler_s_to_end_has_no_deadline() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(GET)
        await asyncio.sleep(20 * HTTP_IDLE_TIMEOUT_S)
        assert holds(not peer.eof and not door.visits[0].over)
        door.visits[0].ex.end_body()
        await settle()
        assert door.visits[0].over and door.visits[0].lost is None
        wire.close()

    run(main(), timeout_s=1e6)


def test_a_client_that_does_not_end_its_request_after_the_answer_is_given_up() -> None:
    async def main() -> None:
        door = Door(empty)
        _, peer, wire = server_and_peer(door)
        wire.write(POST)
        for _ in range(5):
            await asyncio.sleep(HTTP_IDLE_TIMEOUT_S - 1)
            wire.write(b"1\r\na\r\n")
        await settle()
        assert holds(not peer.lost)
        await asyncio.sleep(HTTP_IDLE_TIMEOUT_S + 1)
        assert peer.lost and door.visits[0].lost is not None and door.visits[0].lost.code == "timeout"

    run(main(), timeout_s=1e6)


# -- pushing back ----------------------------------------------------------------------------------


def test_a_handler_that_does_not_acknowledge_stops_the_client() -> None:
    async def main() -> None:
        door = Door(acknowledge=False)
        _, _, wire = server_and_peer(door, window_bytes=16 * 1024)
        wire.write(POST)
        for _ in range(100):
            wire.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await settle(200)
        visit = door.visits[0]
        assert STRANGER_WINDOW_BYTES < len(visit.body) <= STRANGER_WINDOW_BYTES + 16 * 1024
        held = len(visit.body)
        visit.ex.acknowledge(8 * 1024)
        visit.ex.acknowledge(held - 8 * 1024)
        await settle(200)
        assert held < len(visit.body) <= held + STRANGER_WINDOW_BYTES + 16 * 1024
        visit.ex.grow_window(PATH_WINDOW_BYTES)
        await settle(200)
        assert len(visit.body) == 409600
        wire.write(b"0\r\n\r\n")
        await settle()
        visit.answer()
        await settle()
        assert visit.over and visit.lost is None
        wire.write(GET)  # what the last one holds is no matter of the next
        await settle()
        assert len(door.visits) == 2
        wire.abort()
        await settle()

    run(main())


def test_a_request_of_a_handler_that_never_acknowledged_does_not_block_the_next() -> None:
    async def main() -> None:
        door = Door(acknowledge=False)
        _, peer, wire = server_and_peer(door)
        size = STRANGER_WINDOW_BYTES + 1000
        wire.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        await settle(200)
        assert door.visits[0].ended
        door.on_visit = empty
        door.visits[0].answer()
        await settle()
        wire.write(GET)
        await settle()
        assert peer.received == OK * 2
        wire.close()

    run(main())


def test_a_client_that_does_not_read_makes_the_answer_wait_in_its_queue() -> None:
    async def main() -> None:
        def serve(visit: Visit) -> None:
            visit.ex.respond(ResponseHead(200))

        door = Door(serve)
        server, peer, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        visit, sent = door.visits[0], 0
        wire.pause_reading()
        while visit.ex.unsent_bytes == 0:
            visit.send(b"y" * 32768)
            sent += 32768
            await settle(2)
            assert sent < 4 * 1024 * 1024, "nothing pushes back"
        waits = visit.ex.unsent_bytes
        visit.send(b"z" * 1000)
        await settle()
        assert visit.ex.unsent_bytes == waits + 1000
        progressed = visit.progressed
        visit.ex.end_body()
        wire.resume_reading()
        await settle(200)
        assert visit.progressed > progressed and visit.ex.unsent_bytes == 0 and visit.over
        body = dechunk(bytes(peer.received.partition(b"\r\n\r\n")[2]))
        assert body == b"y" * sent + b"z" * 1000
        wire.close()
        await settle()
        assert server.open_exchanges == 0

    run(main())


def test_an_end_is_seen_although_reading_was_paused() -> None:
    async def main() -> None:
        door = Door(acknowledge=False)
        server, peer, wire = server_and_peer(door)
        wire.write(POST + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 60)
        await settle(100)
        assert wire.get_write_buffer_size() > 0
        door.visits[0].answer(500)
        door.visits[0].ex.reset()
        await settle(100)
        assert peer.eof and wire.get_write_buffer_size() == 0
        wire.close()
        await settle()
        assert server._transport is None  # before its time was up

    run(main())


def test_a_client_that_reads_nothing_is_cut_when_its_last_answer_has_waited() -> None:
    async def main() -> None:
        door = Door(lambda v: v.answer(200, bytes(1024 * 1024)))
        server, peer, wire = server_and_peer(door)
        wire.pause_reading()
        wire.write(GET)
        wire.write_eof()
        await asyncio.sleep(HTTP_CLOSE_LINGER_S + 1)
        assert server._transport is None
        wire.resume_reading()
        await settle()
        assert peer.lost

    run(main())


def test_small_writes_of_one_turn_are_one_chunk() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        calls, before = peer.calls, len(peer.received)
        for _ in range(10):
            door.visits[0].send(b"ab")
        await settle()
        assert peer.received[before:] == b"14\r\n" + b"ab" * 10 + b"\r\n" and peer.calls == calls + 1
        assert door.visits[0].progressed == 1
        wire.abort()
        await settle()

    run(main())


def test_extra_info_is_that_of_the_transport() -> None:
    async def main() -> None:
        door = Door(empty)
        _, _, wire = server_and_peer(door)
        wire.write(GET)
        await settle()
        ex = door.visits[0].ex
        assert ex.get_extra_info("http_version") == "1.1"
        assert ex.get_extra_info("peername") == ("192.0.2.2", 40002)
        assert ex.get_extra_info("peercert_der") is None
        assert ex.get_extra_info("nothing", 7) == 7
        wire.close()
        await settle()
        assert ex.get_extra_info("peername", "gone") == "gone"

    run(main())
