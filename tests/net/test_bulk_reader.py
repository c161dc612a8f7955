from __future__ import annotations

import asyncio
import random
import threading

from tests.kit.clock import real_run, run
from tests.kit.pipe import pipe
from tests.kit.recorder import Recorder
from tests.net.loops import LoopFactory, both_loops, tcp_pair
from tunnel_whisperer.net.bulk_reader import BulkReader

DATA = random.Random(1).randbytes(3 * 1024 * 1024)


@both_loops
def test_an_ordinary_protocol_notices_no_difference(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = tcp_pair()
        left, right = Recorder(), Recorder()
        a, _ = await loop.create_connection(lambda: BulkReader(left), sock=ours)
        b, _ = await loop.create_connection(lambda: right, sock=theirs)
        b.write(DATA)
        await left.got(len(DATA))
        assert left.received == DATA
        b.pause_reading()
        written = 0
        while not left.paused:
            a.write(DATA)
            written += len(DATA)
            await asyncio.sleep(0)
        b.resume_reading()
        await right.got(written)
        await left.until(lambda: not left.paused, "resume_writing")
        b.write_eof()
        await left.got_eof()
        assert not left.lost  # kept half open, as the inner protocol wishes
        a.close()
        b.close()
        await left.got_lost()
        await right.got_lost()
        assert left.lost_exc is None

    real_run(main(), loop_factory=loop_factory)


def test_pieces_handed_on_outlive_the_buffer() -> None:
    async def main() -> None:
        near, far = pipe()
        pieces: list[bytes] = []
        recorder = Recorder()
        recorder.on_data = pieces.append
        near.start(BulkReader(recorder))
        far.start(Recorder())
        far.write(b"first")
        await recorder.got(5)
        far.write(b"other")
        await recorder.got(10)
        assert pieces == [b"first", b"other"]
        near.abort()

    run(main())


def test_what_comes_later_goes_to_the_protocol_switched_to() -> None:
    async def main() -> None:
        near, far = pipe()
        first, second = Recorder(), Recorder()
        reader = BulkReader(first)
        near.start(reader)
        far.start(Recorder())
        second.transport = near
        first.on_data = lambda data: reader.switch(second)
        far.write(b"one")
        await first.got(3)
        far.write(b"two")
        far.write_eof()
        await second.got_eof()
        assert first.received == b"one" and second.received == b"two"
        near.close()
        far.close()
        await second.got_lost()

    run(main())


def test_two_loops_in_two_threads_do_not_share_a_buffer() -> None:
    buffers = [BulkReader(asyncio.Protocol()).get_buffer(-1), BulkReader(asyncio.Protocol()).get_buffer(-1)]
    assert buffers[0].obj is buffers[1].obj  # in one thread they do

    def elsewhere() -> None:
        buffers.append(BulkReader(asyncio.Protocol()).get_buffer(-1))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert buffers[2].obj is not buffers[0].obj
