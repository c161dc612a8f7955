"""What every transport of ours promises, as one suite (design.md section 4).

Subclass it, say how two ends are joined, and pytest runs the promises against your transport:

    class TestMyStream(StreamContract):
        @asynccontextmanager
        async def ends(self, left, right):
            ...connect protocol `left` to one end and `right` to the other...
            yield left_transport, right_transport
            ...clean up...

The promises are those of ``net.stream.StreamTransport``. What a transport cannot do by its nature
is switched off by the class attributes, never by skipping a test in a subclass.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.kit.clock import run
from tests.kit.recorder import Recorder

__all__ = ["StreamContract"]

MB = 1024 * 1024


class StreamContract:
    """The suite. Both directions are tested by joining the ends either way round."""

    run: Callable[[Coroutine[Any, Any, Any]], Any] = staticmethod(run)
    """``real_run`` for transports on sockets."""
    half_close = True
    """False for TLS: asyncio's TLS cannot end one direction alone."""
    big_bytes = 8 * MB
    """Size of the big transfers."""
    in_flight_bytes = 64 * MB
    """A sender whose peer does not read is paused before it has written this much."""
    reset_is_seen = True
    """False where an abort cannot be told from an end."""

    def ends(
        self, left: Recorder, right: Recorder
    ) -> AbstractAsyncContextManager[tuple[asyncio.Transport, asyncio.Transport]]:
        """Two joined transports, connected to these protocols."""
        raise NotImplementedError

    def abort(self, transport: asyncio.Transport) -> None:
        """How this kind of transport is reset."""
        transport.abort()

    def _go(
        self,
        scenario: Callable[..., Coroutine[Any, Any, None]],
        *,
        swap: bool = False,
        left: Recorder | None = None,
        right: Recorder | None = None,
    ) -> None:
        left, right = left or Recorder(), right or Recorder()

        async def main() -> None:
            first, second = (right, left) if swap else (left, right)
            async with self.ends(first, second) as (a, b):
                if swap:
                    a, b = b, a
                assert left.transport is a and right.transport is b
                await scenario(a, left, b, right)

        self.run(main())

    # -- bytes ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("swap", [False, True])
    def test_bytes_arrive_in_order(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            a.write(b"one ")
            a.write(bytearray(b"two "))
            a.write(memoryview(b"three"))
            a.write(b"")
            await right.got(13)
            assert right.received == b"one two three"
            b.write(b"back")
            await left.got(4)
            assert left.received == b"back"

        self._go(scenario, swap=swap)

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_big_write(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            data = random.Random(1).randbytes(self.big_bytes)
            a.write(data)
            await right.got(len(data))
            assert hashlib.sha256(right.received).digest() == hashlib.sha256(data).digest()
            await left.until(lambda: not left.paused, "resume_writing")

        self._go(scenario, swap=swap)

    def test_big_both_ways_at_once(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            there, back = random.Random(2).randbytes(2 * MB), random.Random(3).randbytes(3 * MB)
            a.write(there)
            b.write(back)
            await right.got(len(there))
            await left.got(len(back))
            assert right.received == there and left.received == back

        self._go(scenario)

    def test_byte_at_a_time(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            data = random.Random(4).randbytes(1000)
            for i in range(len(data)):
                a.write(data[i : i + 1])
                if i % 100 == 0:
                    await asyncio.sleep(0)
            await right.got(len(data))
            assert right.received == data

        self._go(scenario)

    def test_echo(self) -> None:
        """Writing from inside ``data_received``."""

        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            right.on_data = b.write
            data = random.Random(5).randbytes(300_000)
            a.write(data)
            await left.got(len(data))
            assert left.received == data

        self._go(scenario)

    def test_a_writer_may_reuse_its_buffer(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            b.pause_reading()
            buffer = bytearray(b"x" * 100_000)
            a.write(buffer)
            buffer[:] = b"y" * 100_000
            b.resume_reading()
            await right.got(100_000)
            assert right.received == b"x" * 100_000

        self._go(scenario)

    # -- pushing back -----------------------------------------------------------------------------

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_reader_that_pauses_stops_the_writer(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            b.pause_reading()
            assert not b.is_reading()
            piece, sent = b"p" * 65536, 0
            quiet = 0
            while quiet < 20:  # paused, and stays so
                if left.paused:
                    quiet += 1
                    await asyncio.sleep(0.001)
                    continue
                quiet = 0
                a.write(piece)
                sent += len(piece)
                assert sent <= self.in_flight_bytes, "nothing stops the writer"
                await asyncio.sleep(0)
            assert not right.received
            b.resume_reading()
            assert b.is_reading()
            await right.got(sent)
            await left.until(lambda: not left.paused, "resume_writing")
            assert len(right.received) == sent

        self._go(scenario, swap=swap)

    def test_pausing_inside_data_received_stops_at_once(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            right.on_data = lambda data: b.pause_reading()
            total = 600_000
            a.write(b"z" * total)
            while len(right.received) < total:
                calls = right.calls
                await right.until(lambda seen=calls: right.calls > seen, "the next piece")  # type: ignore[misc]
                await asyncio.sleep(0.001)
                assert right.calls == calls + 1, "data while paused"
                b.resume_reading()

        self._go(scenario)

    def test_resuming_does_not_call_back_from_inside(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            depth = 0

            def nested(data: bytes) -> None:
                nonlocal depth
                depth += 1
                assert depth == 1, "data_received inside data_received"
                b.pause_reading()
                b.resume_reading()
                depth -= 1

            right.on_data = nested
            a.write(b"n" * 500_000)
            await right.got(500_000)

        self._go(scenario)

    def test_pausing_twice_is_pausing_once(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            b.pause_reading()
            b.pause_reading()
            a.write(b"data")
            await asyncio.sleep(0.001)
            b.resume_reading()
            b.resume_reading()
            await right.got(4)

        self._go(scenario)

    def test_write_buffer_limits(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            with pytest.raises(ValueError):
                a.set_write_buffer_limits(high=1, low=2)
            a.set_write_buffer_limits(high=1000, low=100)
            assert a.get_write_buffer_limits() == (100, 1000)
            a.set_write_buffer_limits(high=0)
            assert a.get_write_buffer_limits() == (0, 0)
            b.pause_reading()
            written = 0
            while not left.paused:
                a.write(b"w" * 65536)
                written += 65536
                assert written <= self.in_flight_bytes
                await asyncio.sleep(0)
            assert a.get_write_buffer_size() > 0
            b.resume_reading()
            await right.got(written)
            await left.until(lambda: not left.paused, "resume_writing")
            assert a.get_write_buffer_size() == 0

        self._go(scenario)

    # -- half-close -------------------------------------------------------------------------------

    @pytest.mark.parametrize("swap", [False, True])
    def test_half_close(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            assert a.can_write_eof() is self.half_close
            if not self.half_close:
                return
            question, answer = random.Random(6).randbytes(MB), random.Random(7).randbytes(MB)
            a.write(question)
            a.write_eof()
            await right.got_eof()
            assert right.received == question
            b.write(answer[:10])
            await left.got(10)
            b.write(answer[10:])
            b.write_eof()
            await left.got_eof()
            assert left.received == answer
            a.close()
            b.close()
            await left.got_lost()
            await right.got_lost()
            assert left.lost_exc is None and right.lost_exc is None

        self._go(scenario, swap=swap)

    def test_an_end_without_data(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if self.half_close:
                a.write_eof()
                a.write_eof()  # harmless
                await right.got_eof()
                b.write(b"still open")
                await left.got(10)
                assert not left.eof and not left.lost and not right.lost

        self._go(scenario)

    def test_writing_after_the_end_is_a_fault_of_the_caller(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if self.half_close:
                a.write_eof()
                with pytest.raises(RuntimeError):
                    a.write(b"late")

        self._go(scenario)

    def test_an_end_waits_for_the_reader(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if not self.half_close:
                return
            b.pause_reading()
            a.write(b"before the end")
            a.write_eof()
            await asyncio.sleep(0.01)
            assert not right.eof and not right.received
            b.resume_reading()
            await right.got_eof()
            assert right.received == b"before the end"

        self._go(scenario)

    def test_the_answer_may_be_sent_from_inside_eof_received(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if not self.half_close:
                return

            def answer() -> None:
                b.write(b"bye")
                b.write_eof()

            right.on_eof = answer
            a.write_eof()
            await left.got_eof()
            assert left.received == b"bye"

        self._go(scenario)

    def test_a_protocol_that_does_not_stay_open_closes_its_end(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if self.half_close:
                a.write(b"all")
                a.write_eof()
            else:
                a.close()
            await right.got_lost()
            assert right.eof and right.lost_exc is None
            if self.half_close:
                await left.got_eof()

        self._go(scenario, right=Recorder(keep_open=False))

    # -- close ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("swap", [False, True])
    def test_close_sends_what_is_buffered(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            data = random.Random(8).randbytes(2 * MB)
            a.write(data)
            a.close()
            assert a.is_closing()
            await right.got(len(data))
            assert right.received == data
            await right.got_eof()
            b.close()
            await left.got_lost()
            await right.got_lost()
            assert left.lost_exc is None and right.lost_exc is None

        self._go(scenario, swap=swap)

    def test_nothing_is_received_after_close(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            right.on_data = lambda data: b.close()
            a.write(b"1" * 1000)
            await right.until(lambda: right.calls == 1, "the first piece")
            a.write(b"2" * 1000)
            await right.got_lost()
            assert right.calls == 1 and not right.eof

        self._go(scenario)

    def test_close_twice_write_after_close_abort_after_close(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            a.close()
            a.close()
            a.write(b"dropped")
            await right.got_eof()
            b.close()
            await left.got_lost()
            await right.got_lost()
            for transport in (a, b):
                transport.abort()
                transport.close()
            await asyncio.sleep(0.01)  # the recorders object to a second connection_lost
            assert not right.received

        self._go(scenario)

    def test_both_close_at_once(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            a.close()
            b.close()
            await left.got_lost()
            await right.got_lost()
            assert left.lost_exc is None and right.lost_exc is None

        self._go(scenario)

    # -- reset ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("swap", [False, True])
    def test_an_abort_reaches_the_peer_as_an_error(self, swap: bool) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            a.write(b"hello")
            await right.got(5)
            self.abort(a)
            assert a.is_closing()
            await left.got_lost()
            await right.got_lost()
            if self.reset_is_seen:
                assert right.lost_exc is not None
                assert not right.eof

        self._go(scenario, swap=swap)

    def test_an_abort_drops_what_is_buffered(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            b.pause_reading()
            written = 0
            while not left.paused:
                a.write(b"d" * 65536)
                written += 65536
                await asyncio.sleep(0)
            a.write(b"d" * 65536)
            self.abort(a)
            await left.got_lost()
            b.resume_reading()
            await right.got_lost()
            assert len(right.received) < written + 65536
            if self.reset_is_seen:
                assert right.lost_exc is not None

        self._go(scenario)

    def test_an_abort_after_half_close_is_still_a_reset(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            if not self.half_close:
                return
            a.write_eof()
            await right.got_eof()
            self.abort(a)
            await left.got_lost()
            b.write(b"into the void")
            await right.got_lost()
            if self.reset_is_seen:
                assert right.lost_exc is not None

        self._go(scenario)

    def test_abort_from_inside_data_received(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            right.on_data = lambda data: self.abort(b)
            a.write(b"a" * 100_000)
            await right.got_lost()
            assert right.calls == 1
            await left.got_lost()
            if self.reset_is_seen:
                assert left.lost_exc is not None

        self._go(scenario)

    def test_abort_twice(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            self.abort(a)
            self.abort(a)
            await left.got_lost()
            await right.got_lost()
            assert not right.received

        self._go(scenario)

    # -- handing over -----------------------------------------------------------------------------

    def test_the_protocol_can_be_replaced(self) -> None:
        async def scenario(
            a: asyncio.Transport, left: Recorder, b: asyncio.Transport, right: Recorder
        ) -> None:
            second = Recorder()
            second.transport = b

            def hand_over(data: bytes) -> None:
                b.set_protocol(second)

            right.on_data = hand_over
            a.write(b"first")
            await right.got(5)
            assert b.get_protocol() is second
            a.write(b"second")
            await second.got(6)
            a.close()
            await second.got_eof()
            b.close()
            await second.got_lost()
            assert right.received == b"first" and second.received == b"second"
            assert not right.eof and not right.lost

        self._go(scenario)
