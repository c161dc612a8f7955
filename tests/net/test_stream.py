"""The water marks of our own transports; what else they promise is in tests/contract."""

from __future__ import annotations

import pytest

from tests.kit.recorder import Recorder
from tunnel_whisperer.base.limits import STREAM_HIGH_WATER_BYTES
from tunnel_whisperer.net.stream import StreamTransport


class Tank(StreamTransport):
    """Holds what is written until it is let out."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 7)})
        self.held = 0

    def get_write_buffer_size(self) -> int:
        return self.held

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.held += len(data)
        self._buffer_grew()

    def drain(self, count: int) -> None:
        self.held -= count
        self._buffer_shrank()


def _tank() -> tuple[Tank, Recorder]:
    tank, recorder = Tank(), Recorder()
    tank.set_protocol(recorder)
    return tank, recorder


def _paused(recorder: Recorder) -> bool:
    return recorder.paused


def test_the_writer_is_paused_above_the_high_mark_and_resumed_at_the_low_one() -> None:
    tank, recorder = _tank()
    tank.set_write_buffer_limits(high=100, low=20)
    tank.write(bytes(100))
    assert not _paused(recorder)
    tank.write(bytes(1))
    assert _paused(recorder)
    tank.write(bytes(1000))  # the recorder objects to a second pause
    tank.drain(1080)
    assert _paused(recorder)
    tank.drain(1)
    assert not _paused(recorder)
    tank.drain(20)


def test_limits_default_as_in_asyncio() -> None:
    tank, _ = _tank()
    assert tank.get_write_buffer_limits() == (STREAM_HIGH_WATER_BYTES // 4, STREAM_HIGH_WATER_BYTES)
    tank.set_write_buffer_limits(high=1000)
    assert tank.get_write_buffer_limits() == (250, 1000)
    tank.set_write_buffer_limits(low=10)
    assert tank.get_write_buffer_limits() == (10, 40)
    tank.set_write_buffer_limits()
    assert tank.get_write_buffer_limits() == (STREAM_HIGH_WATER_BYTES // 4, STREAM_HIGH_WATER_BYTES)
    for high, low in ((1, 2), (1, -1)):
        with pytest.raises(ValueError, match="must be >="):
            tank.set_write_buffer_limits(high=high, low=low)


def test_new_limits_hold_at_once() -> None:
    tank, recorder = _tank()
    tank.write(bytes(500))
    tank.set_write_buffer_limits(high=400, low=100)
    assert _paused(recorder)
    tank.set_write_buffer_limits(high=1000, low=600)
    assert not _paused(recorder)


def test_a_new_protocol_learns_that_writing_is_paused() -> None:
    tank, first = _tank()
    tank.set_write_buffer_limits(high=0)
    tank.write(b"x")
    assert _paused(first)
    second = Recorder()
    tank.set_protocol(second)
    assert tank.get_protocol() is second
    assert _paused(second)
    tank.drain(1)
    assert not _paused(second) and _paused(first)


def test_extra_info_and_half_close() -> None:
    tank, _ = _tank()
    assert tank.get_extra_info("peername") == ("192.0.2.1", 7)
    assert tank.can_write_eof()
