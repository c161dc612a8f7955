from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import PeerFault
from tunnel_whisperer.base.limits import SSH_BACKLOG_BYTES, SSH_CLOSE_LINGER_S
from tunnel_whisperer.ssh.wire import Hold, SshWire, WriteGate


class Above:
    """The SSH connection, as a wire sees it."""

    def __init__(self) -> None:
        self.gate = WriteGate()
        self.transport: SshWire | None = None
        self.received: list[bytes] = []
        self.lost: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(SshWire, transport)

    def data_received(self, data: bytes) -> None:
        self.received.append(data)

    def connection_lost(self, exc: Exception | None = None) -> None:
        self.lost.append(exc)


def _joined(**options: int) -> tuple[Above, SshWire, PipeTransport, PipeTransport, Recorder]:
    above = Above()
    wire, far = SshWire(above), Recorder()
    ends = pipe(**options)  # type: ignore[arg-type]
    ends[1].start(far)
    ends[0].start(wire)
    return above, wire, ends[0], ends[1], far


# -- the gate -----------------------------------------------------------------------------------------


def test_a_gate_opens_when_the_last_reason_is_gone() -> None:
    gate = WriteGate()
    gate.hold(Hold.STREAM)
    gate.hold(Hold.KEYS)
    gate.hold(Hold.KEYS)
    gate.release(Hold.STREAM)
    states = [gate.paused]
    for _ in range(2):  # the second is harmless
        gate.release(Hold.KEYS)
        states.append(gate.paused)
    assert states == [True, False, False]


def test_those_who_wait_send_in_turn_until_the_gate_shuts_again() -> None:
    gate, order = WriteGate(), list[str]()
    gate.hold(Hold.STREAM)

    def turns(name: str, count: int) -> Callable[[], bool]:
        def turn() -> bool:
            nonlocal count
            order.append(name)
            count -= 1
            if len(order) == 4:
                gate.hold(Hold.STREAM)
            return count > 0

        return turn

    gate.wait(turns("a", 3))
    gate.wait(turns("b", 1))
    gate.wait(turns("c", 2))
    gate.release(Hold.STREAM)
    assert order == ["a", "b", "c", "a"]
    gate.release(Hold.STREAM)
    assert order == ["a", "b", "c", "a", "c", "a"]


def test_nobody_gets_a_turn_after_the_end() -> None:
    gate = WriteGate()
    gate.hold(Hold.STREAM)
    gate.wait(lambda: 1 // 0 > 0)
    gate.clear()
    gate.release(Hold.STREAM)


# -- writing --------------------------------------------------------------------------------------------


def test_small_writes_leave_together_at_the_end_of_the_turn() -> None:
    async def main() -> None:
        _, wire, _, _, far = _joined()
        for _ in range(100):
            wire.writelines((b"head", b"body"))
        wire.write(bytearray(b"tail"))
        assert not far.received
        await far.got(804)
        assert far.calls == 1 and far.received == b"headbody" * 100 + b"tail"

    run(main())


def test_much_is_handed_down_at_once_so_that_the_stream_can_say_enough() -> None:
    async def main() -> None:
        above, wire, end, _, _ = _joined(window_bytes=1000)
        while not above.gate.paused:
            wire.write(b"x" * 10_000)
            assert end.get_write_buffer_size() < 1_000_000
        assert end.get_write_buffer_size() > 100_000

    run(main())


def test_the_gate_follows_the_stream() -> None:
    async def main() -> None:
        above, wire, _, far_end, far = _joined(window_bytes=1000)
        far_end.pause_reading()
        wire.write(b"x" * 1_000_000)
        assert above.gate.paused
        far_end.resume_reading()
        await far.got(1_000_000)
        await asyncio.sleep(1)
        assert not above.gate.paused

    run(main())


def test_a_peer_that_reads_nothing_cannot_make_us_hold_answers_without_end() -> None:
    async def main() -> None:
        above, wire, end, far_end, _ = _joined(window_bytes=1000)
        far_end.pause_reading()
        for _ in range(2 * SSH_BACKLOG_BYTES // 1000):
            wire.write(b"a" * 1000)
            await asyncio.sleep(0)
            if above.lost:
                break
        assert isinstance(above.lost[0], PeerFault)
        assert end.get_write_buffer_size() < SSH_BACKLOG_BYTES + 200_000

    run(main())


# -- receiving and ends -----------------------------------------------------------------------------------


def test_bytes_go_up_and_an_end_is_the_end() -> None:
    async def main() -> None:
        above, wire, _, far_end, _ = _joined()
        far_end.write(b"hello")
        far_end.write_eof()
        await asyncio.sleep(1)
        assert above.received == [b"hello"]
        assert above.lost[0] is None and wire.is_closing()

    run(main())


def test_the_last_message_still_goes() -> None:
    async def main() -> None:
        above, wire, _, far_end, far = _joined()
        wire.write(b"goodbye")
        wire.abort()  # as asyncssh does right after its disconnect message
        wire.write(b"too late")
        far_end.write(b"too late as well")
        await far.got_eof()
        assert far.received == b"goodbye" and not above.received
        far_end.close()
        await asyncio.sleep(0.1)
        assert above.lost == [None]

    run(main())


def test_a_stream_that_does_not_end_is_cut() -> None:
    async def main() -> None:
        above, wire, end, far_end, _ = _joined(window_bytes=10)
        far_end.pause_reading()
        end.black_hole()
        wire.write(b"x" * 1000)
        wire.close()
        await asyncio.sleep(SSH_CLOSE_LINGER_S - 0.1)
        assert not above.lost
        await asyncio.sleep(0.2)
        assert above.lost == [None]

    run(main())


def test_a_cut_is_at_once() -> None:
    async def main() -> None:
        above, wire, _, _, far = _joined()
        wire.write(b"never sent")
        wire.cut()
        await far.got_lost()
        assert far.lost_exc is not None and not far.received
        await asyncio.sleep(2)
        assert len(above.lost) == 1

    run(main())


def test_a_lost_stream_is_told_with_its_reason() -> None:
    async def main() -> None:
        above, wire, end, _, _ = _joined()
        end.cut()
        await asyncio.sleep(0.1)
        assert isinstance(above.lost[0], ConnectionResetError)
        wire.write(b"dropped")
        wire.close()
        wire.abort()
        wire.cut()
        await asyncio.sleep(2)
        assert len(above.lost) == 1

    run(main())


def test_the_socket_of_the_stream_is_not_to_be_tuned_from_above() -> None:
    async def main() -> None:
        above = Above()
        wire = SshWire(above)
        assert wire.get_extra_info("peername", "nobody") == "nobody"
        end, _ = pipe(extra={"socket": object()})
        end.start(wire)
        assert wire.get_extra_info("socket") is None
        assert wire.get_extra_info("peername") == ("192.0.2.2", 40002)

    run(main())
