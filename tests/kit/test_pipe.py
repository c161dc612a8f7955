from __future__ import annotations

import asyncio

from tests.kit.clock import run
from tests.kit.pipe import connect, pipe
from tests.kit.recorder import Recorder


def test_latency() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, b = connect(left, right, latency_s=0.05)
        began = asyncio.get_running_loop().time()
        right.on_data = b.write
        a.write(b"ping")
        await left.got(4)
        assert abs(asyncio.get_running_loop().time() - began - 0.1) < 1e-6

    run(main())


def test_byte_at_a_time() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, _ = connect(left, right, chunk_bytes=1)
        a.write(b"abcdef")
        await right.got(6)
        assert right.calls == 6

    run(main())


def test_what_was_sent_before_start_is_delivered_after_it() -> None:
    async def main() -> None:
        a, b = pipe()
        a.start(Recorder())
        a.write(b"early")
        await asyncio.sleep(1)
        late = Recorder()
        b.start(late)
        assert not late.received
        await late.got(5)

    run(main())


def test_a_black_hole_swallows_and_tells_nobody() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, b = connect(left, right, latency_s=0.01)
        a.write(b"under way")
        a.black_hole()
        a.write(b"x" * 10_000_000)
        b.write(b"y" * 10)
        await asyncio.sleep(600)
        assert not right.received and not left.received
        assert left.paused and not left.lost and not right.lost

    run(main())


def test_a_cut_reaches_both_ends() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, _ = connect(left, right)
        a.cut()
        await left.got_lost()
        await right.got_lost()
        assert isinstance(left.lost_exc, ConnectionResetError)
        assert isinstance(right.lost_exc, ConnectionResetError)

    run(main())


def test_data_for_a_closed_end_is_answered_with_a_reset() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, b = connect(left, right)
        b.close()
        await left.got_eof()
        a.write(b"too late")
        await left.got_lost()
        assert isinstance(left.lost_exc, ConnectionResetError)

    run(main())


def test_buffered_protocols_are_fed_too() -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(3)
            self.received = b""

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.received += bytes(self.buffer[:nbytes])

    async def main() -> None:
        a, b = pipe()
        a.start(Recorder())
        buffered = Buffered()
        b.start(buffered)
        a.write(b"abcdefgh")
        await asyncio.sleep(1)
        assert buffered.received == b"abcdefgh"

    run(main())
