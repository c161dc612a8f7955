from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import String, UInt32

from tests.contract.stream_contract import StreamContract
from tests.kit.clock import run
from tests.kit.recorder import Recorder
from tests.ssh.ends import BIND, ORIGIN, TARGET, Door, joined
from tunnel_whisperer.base.errors import Refused, Unreachable
from tunnel_whisperer.base.limits import (
    CHANNEL_START_WINDOW_BYTES,
    MAX_CHANNELS_PER_SESSION,
    PATH_WINDOW_BYTES,
    SSH_PACKET_BYTES,
)
from tunnel_whisperer.net.sockets import reset
from tunnel_whisperer.ssh import endpoint, options, session
from tunnel_whisperer.ssh.channel import ChannelTransport

MB = 1024 * 1024


class TestOpened(StreamContract):
    """A channel that the client opened."""

    options: ClassVar[dict[str, Any]] = {}

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        door = Door()
        door.make = lambda: right
        async with joined(door, **self.options) as pair:
            transport, _ = await pair.session.open_channel(TARGET, ORIGIN, lambda: left)
            assert right.transport is not None
            yield transport, right.transport


class TestOpenedOnALongPath(TestOpened):
    options: ClassVar[dict[str, Any]] = {"latency_s": 0.05, "window_bytes": 64 * MB}
    big_bytes = 4 * MB


class TestOpenedInCrumbs(TestOpened):
    options: ClassVar[dict[str, Any]] = {"chunk_bytes": 1000, "window_bytes": 3000}
    big_bytes = 2 * MB


class TestForwarded(StreamContract):
    """A channel that the server opened, for a connection to what the client has published."""

    big_bytes = 2 * MB

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        async with joined() as pair:
            await pair.session.publish(BIND, lambda origin: left)
            transport, _ = await pair.server.open_forwarded(BIND, ORIGIN, lambda: right)
            assert left.transport is not None
            yield left.transport, transport


@pytest.fixture
def without_gcm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cipher that asyncssh's own way of packets must carry."""
    plain = options.common_options()

    def common() -> dict[str, object]:
        return {**plain, "encryption_algs": ["chacha20-poly1305@openssh.com"]}

    monkeypatch.setattr(session, "common_options", common)
    monkeypatch.setattr(endpoint, "common_options", common)


@pytest.mark.usefixtures("without_gcm")
class TestOpenedWithChacha(TestOpened):
    big_bytes = 2 * MB


# -- windows --------------------------------------------------------------------------------------


def test_a_stuck_reader_gets_no_more_than_the_first_window() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, left, far, right = await pair.channel()
            far.pause_reading()
            transport.write(b"x" * (2 * MB))
            await asyncio.sleep(10)
            assert transport.get_write_buffer_size() == 2 * MB - CHANNEL_START_WINDOW_BYTES
            assert left.paused and not right.received
            far.resume_reading()
            await right.got(2 * MB)

    run(main())


def test_the_window_grows_to_the_full_path_with_use_and_no_further() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, far, right = await pair.channel()
            assert isinstance(far, ChannelTransport)
            for megabyte in range(1, 41):
                transport.write(b"x" * MB)
                await right.got(megabyte * MB)
            assert far._window == PATH_WINDOW_BYTES
            far.pause_reading()
            transport.write(b"x" * (2 * PATH_WINDOW_BYTES))
            await asyncio.sleep(10)
            waiting = sum(map(len, far._incoming))
            assert PATH_WINDOW_BYTES - MB <= waiting <= PATH_WINDOW_BYTES

    run(main())


def test_a_long_fat_path_is_filled() -> None:
    """100 ms of round trip: the sender must not stand still once the window has grown."""

    async def main() -> None:
        async with joined(latency_s=0.05, window_bytes=64 * MB) as pair:
            transport, left, _, right = await pair.channel()
            loop = asyncio.get_running_loop()
            total = 0
            while total < 96 * MB:
                await left.until(lambda: not left.paused)
                transport.write(b"x" * MB)
                total += MB
            start = len(right.received)
            began = loop.time()
            await right.got(total)
            rate = (total - start) / (loop.time() - began)
            assert rate > 12.5e6 * 8, f"{rate / 1e6:.0f} MB/s where a full window allows 160"

    run(main())


def test_more_than_the_window_ends_the_session() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, far, _ = await pair.channel()
            assert isinstance(transport, ChannelTransport)
            far.pause_reading()
            for _ in range(3):
                transport._connection.send_channel_data(transport._peer_number, b"x" * SSH_PACKET_BYTES)
            error = await pair.session.closed
            assert error is not None and "Window exceeded" in str(error)

    run(main())


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        (MSG_CHANNEL_DATA, (UInt32(0), String(b"late"))),
        (MSG_CHANNEL_EOF, (UInt32(0),)),
    ],
)
def test_data_or_another_end_after_the_end_is_a_fault_of_the_peer(kind: int, args: tuple[bytes]) -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, _far, right = await pair.channel()
            assert isinstance(transport, ChannelTransport)
            transport.write_eof()
            await right.got_eof()
            transport._connection.send_packet(kind, *args)
            error = await pair.session.closed
            assert error is not None and error.code in ("protocol-fault", "session-lost")

    run(main())


def test_a_window_beyond_all_bounds_is_cut_to_what_the_rfc_allows() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, far, _right = await pair.channel()
            assert isinstance(far, ChannelTransport) and isinstance(transport, ChannelTransport)
            for _ in range(2):
                far._send(MSG_CHANNEL_WINDOW_ADJUST, UInt32(0xFFFFFFFF))
            far.write(b"behind it")
            await asyncio.sleep(1)
            assert transport._send_window == 0xFFFFFFFF

    run(main())


# -- opening and ending -----------------------------------------------------------------------------


def test_a_caller_that_gives_up_gets_no_channel_later() -> None:
    async def main() -> None:
        door = Door()
        door.delay = asyncio.Event()
        async with joined(door) as pair:
            made: list[Recorder] = []

            def make() -> Recorder:
                made.append(Recorder())
                return made[-1]

            with pytest.raises(Unreachable, match="no answer within 30 s"):
                await pair.session.open_channel(TARGET, ORIGIN, make)
            door.delay.set()
            await asyncio.sleep(1)
            (right,) = door.opened
            assert isinstance(right, Recorder) and right.lost and right.lost_exc is not None
            assert not made
            assert pair.server.channels == 0 and not pair.session._connection._channels

    run(main())


def test_a_caller_cancelled_in_the_turn_of_the_answer_leaves_no_channel_open() -> None:
    async def main() -> None:
        async with joined() as pair:
            task: asyncio.Task[Any]
            left = Recorder()

            def cancel_now() -> Recorder:
                task.cancel()
                return left

            task = asyncio.ensure_future(pair.session.open_channel(TARGET, ORIGIN, cancel_now))
            with pytest.raises(asyncio.CancelledError):
                await task
            await left.got_lost()
            (right,) = pair.door.opened
            assert isinstance(right, Recorder)
            await right.got_lost()
            assert right.lost_exc is not None

    run(main())


def test_a_factory_that_fails_is_told_to_who_asked() -> None:
    async def main() -> None:
        async with joined() as pair:
            with pytest.raises(ZeroDivisionError):
                await pair.session.open_channel(TARGET, ORIGIN, lambda: 1 // 0)  # type: ignore[arg-type, return-value]
            await pair.channel()  # the session lives

    run(main())


@pytest.mark.parametrize("call", ["connection_made", "data_received", "eof_received"])
def test_a_fault_of_the_application_ends_its_channel_alone(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with joined() as pair:
            bad = Recorder()
            setattr(bad, call, lambda *_: 1 // 0)
            transport, _ = await pair.session.open_channel(TARGET, ORIGIN, lambda: bad)
            far = pair.door.opened[-1]
            assert isinstance(far, Recorder) and far.transport is not None
            far.transport.write(b"data")
            far.transport.write_eof()
            await far.got_lost()
            assert transport.is_closing()
            other, _, _, right = await pair.channel()
            other.write(b"fine")
            await right.got(4)

    run(main())
    assert "failed" in caplog.text


def test_a_close_that_throws_bytes_away_is_no_orderly_end_for_who_sent_them() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, left, far, _right = await pair.channel()
            far.pause_reading()
            transport.write(b"never read")
            await asyncio.sleep(1)
            far.write(b"the last word")
            far.close()
            await left.got_lost()
            assert left.received == b"the last word" and left.eof
            assert left.lost_exc is not None

    run(main())


def test_what_arrived_before_a_late_reset_is_still_delivered() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, left, far, _right = await pair.channel()
            transport.pause_reading()
            far.write(b"all of it")
            far.write_eof()
            far.abort()
            await asyncio.sleep(1)
            assert not left.received and not left.lost
            transport.resume_reading()
            await left.got_lost()
            assert left.received == b"all of it" and left.eof and left.lost_exc is not None

    run(main())


@pytest.mark.parametrize("ended", [False, True])
def test_a_reset_with_a_reason_tells_it_in_one_printable_line(ended: bool) -> None:
    async def main() -> None:
        async with joined() as pair:
            _, left, far, _right = await pair.channel()
            if ended:
                far.write_eof()
            reset(far, "no longer granted\x1b[2J\n")
            await left.got_lost()
            reason = str(left.lost_exc)
            assert reason == "the other end reset the connection: no longer granted?[2J?"

    run(main())


def test_a_finished_channel_gives_its_number_and_window_back() -> None:
    async def main() -> None:
        async with joined() as pair:
            budget = pair.session._connection.windows
            free = budget._free
            for how in ("close", "abort", "half"):
                transport, left, far, right = await pair.channel()
                if how == "half":
                    transport.write_eof()
                    far.write_eof()
                else:
                    getattr(transport, how)()
                    await right.until(lambda r=right: r.eof or r.lost)  # type: ignore[misc]
                    far.close()
                await left.got_lost()
                await right.got_lost()
                await asyncio.sleep(1)
                assert not pair.session._connection._channels and pair.server.channels == 0
            assert budget._free == free
            assert pair.server._connection.windows._free == free

    run(main())


def test_a_refused_channel_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with joined() as pair:
            free = pair.server._connection.windows._free
            pair.door.opens.clear()
            for _ in range(50):
                with pytest.raises(Refused):
                    await pair.channel()
            assert pair.server.channels == 0 and not pair.session._connection._channels
            assert pair.server._connection.windows._free == free
            assert pair.session._connection.windows._free == free

    run(main())


def test_no_more_channels_than_the_limit() -> None:
    async def main() -> None:
        async with joined(window_bytes=16 * MB) as pair:
            for _ in range(MAX_CHANNELS_PER_SESSION):
                await pair.session.open_channel(TARGET, ORIGIN, asyncio.Protocol)
            with pytest.raises(Refused) as info:
                await pair.channel()
            assert info.value.code == "too-many"
            assert pair.server.channels == MAX_CHANNELS_PER_SESSION

    run(main(), timeout_s=1e5)


def test_the_server_cannot_open_more_channels_than_the_limit_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_CHANNELS_PER_SESSION", 10)

    async def main() -> None:
        async with joined() as pair:
            await pair.session.publish(BIND, lambda origin: asyncio.Protocol())
            for _ in range(10):
                await pair.server.open_forwarded(BIND, ORIGIN, asyncio.Protocol)
            with pytest.raises(Refused) as info:
                await pair.server.open_forwarded(BIND, ORIGIN, asyncio.Protocol)
            assert info.value.code == "too-many"

    run(main())


def test_two_thousand_channels_at_once() -> None:
    async def main() -> None:
        async with joined(window_bytes=16 * MB) as pair:
            door = pair.door
            lefts = [Recorder() for _ in range(2000)]
            async with asyncio.TaskGroup() as group:
                for left in lefts:
                    group.create_task(pair.session.open_channel(TARGET, ORIGIN, lambda x=left: x))  # type: ignore[misc]
            assert len(door.opened) == 2000
            for number, left in enumerate(lefts):
                assert left.transport is not None
                left.transport.write(b"%d" % number)
            got = set()
            for right in door.opened:
                assert isinstance(right, Recorder)
                await right.got(1)
            await asyncio.sleep(1)
            for right in door.opened:
                assert isinstance(right, Recorder)
                got.add(int(right.received))
            assert got == set(range(2000))

    run(main())


def test_a_neighbour_is_not_kept_waiting_by_a_bulk_transfer() -> None:
    """The stream below is slow; the small write gets its turn between the bulk's packets."""

    async def main() -> None:
        async with joined(latency_s=0.001, window_bytes=64 * 1024) as pair:
            bulk, bulk_left, _, bulk_right = await pair.channel()
            small, _, _, small_right = await pair.channel()
            bulk.write(b"b" * (8 * MB))
            await bulk_right.got(MB)
            before = len(bulk_right.received)
            small.write(b"ping")
            await small_right.got(4)
            assert len(bulk_right.received) - before < 2 * MB
            assert not bulk_left.lost

    run(main())


def test_a_slow_stream_holds_the_writers_back() -> None:
    async def main() -> None:
        async with joined(window_bytes=64 * 1024) as pair:
            transport, left, *_ = await pair.channel()
            pair.server_end.pause_reading()
            sent = 0
            while not left.paused:
                transport.write(b"x" * 65536)
                sent += 65536
                assert sent < 2 * MB
                await asyncio.sleep(0)
            assert pair.client_end.get_write_buffer_size() < 1 * MB
            pair.server_end.resume_reading()

    run(main())
