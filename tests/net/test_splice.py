"""Two joined transports are one connection: the stream contract through a splice, and its seams."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, cast

import pytest
import uvloop

from tests.contract.stream_contract import MB, StreamContract
from tests.kit.clock import real_run, run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tests.net.loops import tcp_pair
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.sockets import reset
from tunnel_whisperer.net.splice import SpliceResult, Waiting


class TestSpliceOfPipes(StreamContract):
    options: ClassVar[dict[str, float]] = {}

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        waiting = Waiting()
        a, inner_a = pipe(**self.options)  # type: ignore[arg-type]
        inner_b, b = pipe(**self.options)  # type: ignore[arg-type]
        a.start(left)
        inner_a.start(waiting)
        inner_b.start(waiting.other_side())
        b.start(right)
        yield a, b
        a.abort()
        b.abort()


class TestSpliceOfSlowPipes(TestSpliceOfPipes):
    options: ClassVar[dict[str, float]] = {"latency_s": 0.002, "chunk_bytes": 7000, "window_bytes": 20_000}
    big_bytes = MB


class TestSpliceOfSockets(StreamContract):
    run = staticmethod(real_run)

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        waiting = Waiting(on_end=lambda result: over.set())
        first, second = tcp_pair(), tcp_pair()
        await loop.create_connection(lambda: waiting, sock=first[1])
        await loop.create_connection(waiting.other_side, sock=second[1])
        a, _ = await loop.create_connection(lambda: left, sock=first[0])
        b, _ = await loop.create_connection(lambda: right, sock=second[0])
        yield a, b
        reset(a)
        reset(b)
        await asyncio.wait_for(over.wait(), 10)

    def abort(self, transport: asyncio.Transport) -> None:
        reset(transport)

    def test_an_abort_after_half_close_is_still_a_reset(self) -> None:
        """Behind its end a socket is not watched any more: a write finds out, on each leg."""

        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            a.write_eof()
            await right.got_eof()
            self.abort(a)
            while not right.lost:
                b.write(b"into the void")
                await asyncio.sleep(0.001)
            assert right.lost_exc is not None

        self._go(scenario)


class TestSpliceOfSocketsOnUvloop(TestSpliceOfSockets):
    run = staticmethod(functools.partial(real_run, loop_factory=uvloop.new_event_loop))


# -- before side B is there ------------------------------------------------------------------------


class Half:
    """Side A, connected to a pipe whose far end is ours."""

    def __init__(self, **options: Any) -> None:
        self.results: list[SpliceResult] = []
        self.waiting = Waiting(on_end=self.results.append)
        self.app = Recorder()
        self.near, inner = pipe(**options)
        self.near.start(self.app)
        inner.start(self.waiting)

    def join(self, **options: Any) -> tuple[PipeTransport, Recorder]:
        """Connect side B."""
        inner, far = pipe(**options)
        target = Recorder()
        far.start(target)
        inner.start(self.waiting.other_side())
        return far, target


def test_bytes_sent_before_b_is_there_wait_in_the_sender() -> None:
    async def scenario() -> None:
        half = Half(window_bytes=1000)
        half.near.write(bytes(MB))
        await asyncio.sleep(10)
        assert half.near.get_write_buffer_size() == MB - 1000
        far, target = half.join()
        await target.got(MB)
        far.close()
        half.near.close()
        await half.app.got_lost()
        await target.got_lost()

    run(scenario())


def test_bytes_that_came_with_a_header_go_first() -> None:
    async def scenario() -> None:
        half = Half()
        half.near.write(b"second")
        half.waiting.data_received(b"first ")  # what VLESS hands over behind its header
        far, target = half.join()
        await target.got(12)
        assert target.received == b"first second"
        half.near.abort()
        far.abort()

    run(scenario())


def test_a_flood_before_b_is_no_flood_on_b() -> None:
    """B is full from its first byte on: A is not read until there is room."""

    async def scenario() -> None:
        half = Half()
        half.waiting.data_received(bytes(MB))
        inner, far = pipe(window_bytes=1000)
        target = Recorder()
        far.start(target)
        far.pause_reading()
        inner.start(half.waiting.other_side())
        half.near.write(bytes(MB))
        await asyncio.sleep(1)
        assert half.near.get_write_buffer_size() >= MB - 64 * 1024, "A is read although B is full"
        far.resume_reading()
        await target.got(2 * MB)
        half.near.abort()
        await target.got_lost()

    run(scenario())


def test_what_ended_before_b_is_there_arrives_whole() -> None:
    async def scenario() -> None:
        half = Half()
        half.waiting.data_received(b"question")
        half.near.write_eof()
        far, target = half.join()
        await target.got_eof()
        assert target.received == b"question"
        far.write(b"answer")
        far.close()
        await half.app.got_eof()
        assert half.app.received == b"answer"
        half.near.close()
        await half.app.got_lost()
        assert half.results == [SpliceResult(8, 6, None)]

    run(scenario())


def test_b_is_reset_when_a_was_reset_before() -> None:
    async def scenario() -> None:
        half = Half()
        half.waiting.data_received(b"never to be seen")
        half.near.abort()
        await half.app.got_lost()
        await asyncio.sleep(0.1)
        _, target = half.join()
        await target.got_lost()
        assert target.lost_exc is not None and not target.received
        assert len(half.results) == 1 and half.results[0].error is not None

    run(scenario())


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("half_closed", [False, True])
def test_a_side_that_is_aborted_from_above_resets_the_other(side: str, half_closed: bool) -> None:
    """As a session does to its channels when it is closed: to the splice it looks like an end."""

    async def scenario() -> None:
        half = Half()
        far, target = half.join()
        if half_closed:
            ends = (half.near, target) if side == "a" else (far, half.app)
            ends[0].write_eof()
            await ends[1].got_eof()
        aborted = half.waiting if side == "a" else half.waiting.peer
        other = target if side == "a" else half.app
        assert aborted is not None and aborted.transport is not None
        aborted.transport.abort()
        await other.got_lost()
        assert other.lost_exc is not None
        assert len(half.results) == 1 and half.results[0].error is not None

    run(scenario())


def test_giving_up_resets_a() -> None:
    async def scenario() -> None:
        half = Half()
        error = Unreachable("target-refused", "nothing listens there")
        half.waiting.give_up(error)
        await half.app.got_lost()
        assert half.app.lost_exc is not None
        assert half.results == [SpliceResult(0, 0, error)]
        assert str(half.results[0]) == "0 bytes up, 0 bytes down, reset: nothing listens there"

    run(scenario())


def test_giving_up_while_b_is_being_connected_resets_both() -> None:
    async def scenario() -> None:
        half = Half()
        other = half.waiting.other_side()
        half.waiting.give_up()
        await half.app.got_lost()
        inner, far = pipe()
        target = Recorder()
        far.start(target)
        inner.start(other)
        await target.got_lost()
        assert target.lost_exc is not None
        assert len(half.results) == 1

    run(scenario())


def test_giving_up_before_a_is_connected_resets_a_later() -> None:
    async def scenario() -> None:
        waiting = Waiting()
        waiting.give_up()
        near, inner = pipe()
        app = Recorder()
        near.start(app)
        inner.start(waiting)
        await app.got_lost()
        assert app.lost_exc is not None

    run(scenario())


def test_giving_up_resets_a_joined_connection() -> None:
    async def scenario() -> None:
        half = Half()
        far, target = half.join()
        half.near.write(b"x")
        await target.got(1)
        half.waiting.give_up()
        await target.got_lost()
        await half.app.got_lost()
        assert target.lost_exc is not None and half.app.lost_exc is not None
        half.waiting.give_up()  # harmless
        assert [r.bytes_ab for r in half.results] == [1]
        del far

    run(scenario())


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_reason_is_that_of_the_side_which_broke_first(side: str) -> None:
    async def scenario() -> None:
        half = Half()
        far, target = half.join()
        half.near.write(b"x")
        await target.got(1)
        broken = half.waiting if side == "a" else half.waiting.peer
        assert broken is not None and broken.transport is not None
        reason = Unreachable("stream-reset", "the other end reset the connection: no longer granted")
        cast(PipeTransport, broken.transport).fail(reason)
        await (target if side == "a" else half.app).got_lost()
        assert [result.error for result in half.results] == [reason]
        assert half.results[0].reason == reason.why
        del far

    run(scenario())


# -- the seams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_slow_reader_holds_no_more_than_a_buffer(side: str) -> None:
    async def scenario() -> None:
        half = Half(window_bytes=10_000)
        far, target = half.join(window_bytes=10_000)
        sender, reader, got = (half.near, far, target) if side == "a" else (far, half.near, half.app)
        reader.pause_reading()
        sender.write(bytes(4 * MB))
        await asyncio.sleep(10)
        held = 4 * MB - sender.get_write_buffer_size()
        assert held < 400_000, "the splice buffers without end"
        reader.resume_reading()
        await got.got(4 * MB)
        half.near.abort()
        await target.got_lost()

    run(scenario())


def test_what_a_connection_holds_is_known() -> None:
    async def scenario() -> None:
        half = Half()
        half.waiting.data_received(b"early")
        assert half.waiting.held_bytes == 5
        far, target = half.join()
        await target.got(5)
        assert half.waiting.held_bytes == 0
        target.transport.pause_reading()  # type: ignore[union-attr]
        for _ in range(100):
            half.near.write(bytes(100_000))
        await asyncio.sleep(1)
        held = half.waiting.held_bytes
        assert held > 64 * 1024
        half.near.abort()
        far.abort()
        await asyncio.sleep(1)
        assert half.waiting.held_bytes == 0

    run(scenario())


def test_an_orderly_end_of_both_is_no_error() -> None:
    async def scenario() -> None:
        half = Half()
        far, target = half.join()
        half.near.write(b"ping")
        half.near.write_eof()
        await target.got_eof()
        far.write(b"pong!")
        far.write_eof()
        await half.app.got_eof()
        half.near.close()
        far.close()
        await half.app.got_lost()
        await target.got_lost()
        assert half.app.lost_exc is None and target.lost_exc is None
        assert half.results == [SpliceResult(4, 5, None)]
        assert str(half.results[0]) == "4 bytes up, 5 bytes down"

    run(scenario())


def test_a_transport_that_cannot_half_close_is_closed_and_not_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """TLS under asyncio: the end of one direction ends both, and eof_received must not say stay."""

    async def scenario() -> None:
        half = Half()
        inner, far = pipe()
        target = Recorder()
        far.start(target)
        inner.can_write_eof = lambda: False  # type: ignore[method-assign]
        inner.start(half.waiting.other_side())
        far.write(b"last words")
        far.write_eof()
        await half.app.got_eof()
        assert half.app.received == b"last words"
        assert inner.is_closing()
        half.near.close()
        await target.got_eof()
        far.close()
        await target.got_lost()

    run(scenario())
    assert not caplog.records


def test_the_end_reported_twice_is_passed_on_once() -> None:
    async def scenario() -> None:
        half = Half()
        far, target = half.join()
        half.near.write_eof()
        await target.got_eof()
        half.waiting.eof_received()
        far.write(b"still open")
        await half.app.got(10)
        far.close()
        await half.app.got_eof()
        half.near.close()
        await target.got_lost()

    run(scenario())


def test_the_origin_is_the_peer_of_a() -> None:
    async def scenario() -> None:
        started: list[int] = []
        waiting = Waiting(on_start=lambda: started.append(1))
        assert waiting.origin == HostPort("0.0.0.0", 1)
        near, inner = pipe(extra={"peername": ("192.0.2.7", 4711)})
        near.start(Recorder())
        inner.start(waiting)
        assert waiting.origin == HostPort("192.0.2.7", 4711)
        assert started == [1]
        nameless = Waiting()
        near2, inner2 = pipe(extra={"peername": ""})
        inner2.start(nameless)
        assert nameless.origin == HostPort("0.0.0.0", 1)
        near.abort()
        near2.start(Recorder())
        near2.abort()

    run(scenario())


def _errors() -> list[tuple[Callable[[], BaseException], str]]:
    return [
        (lambda: ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (lambda: ConnectionResetError("by hand"), "by hand"),
        (TimeoutError, "TimeoutError"),
    ]


@pytest.mark.parametrize(("error", "words"), _errors())
def test_a_result_tells_its_reason_in_words(error: Callable[[], BaseException], words: str) -> None:
    assert str(SpliceResult(1, 2, error())) == f"1 bytes up, 2 bytes down, reset: {words}"


def test_bytes_are_counted_while_they_pass() -> None:
    async def main() -> None:
        results: list[SpliceResult] = []
        waiting = Waiting(on_end=results.append)
        a, inner_a = pipe()
        inner_b, b = pipe()
        a.start(Recorder())
        inner_a.start(waiting)
        assert (waiting.bytes_ab, waiting.bytes_ba) == (0, 0)
        inner_b.start(waiting.other_side())
        b.start(Recorder())
        a.write(b"four")
        b.write(b"fives")
        await asyncio.sleep(1)
        assert (waiting.bytes_ab, waiting.bytes_ba) == (4, 5)
        b.write(b"six")
        await asyncio.sleep(1)
        assert (waiting.bytes_ab, waiting.bytes_ba) == (4, 8)
        a.abort()
        b.abort()
        await asyncio.sleep(1)
        assert [(result.bytes_ab, result.bytes_ba) for result in results] == [(4, 8)]

    run(main())
