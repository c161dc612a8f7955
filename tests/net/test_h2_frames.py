"""Frames as RFC 9113 sections 4 and 6 lay them out, in any pieces."""

from __future__ import annotations

import itertools

import hyperframe.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.h2_kit import DATA, END_STREAM, PADDED, PING, WINDOW_UPDATE, raw
from tunnel_whisperer.base.limits import MAX_CONTROL_FRAME_BYTES, MAX_FRAME_BYTES
from tunnel_whisperer.net import h2_frames as frames
from tunnel_whisperer.net.h2_frames import ErrorCode, FrameReader, H2Fault, Setting


class Log:
    """Writes down what a reader says; bodies are joined, for pieces are an accident."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        self.body = bytearray()
        self.at_end = b""
        self.reader = FrameReader(self, MAX_FRAME_BYTES)
        self.stop_after: int | None = None

    def data_begins(self, stream_id: int, length: int, end_stream: bool) -> None:
        self.said.append(("data", stream_id, length, end_stream))
        self.body.clear()

    def data_piece(self, data: bytes) -> None:
        assert data
        self.body += data

    def data_padding(self, count: int) -> None:
        assert not self.body
        self.said.append(("padding", count))

    def data_ends(self) -> None:
        self.said.append(("end", bytes(self.body)))

    def frame_received(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        self.said.append((kind, flags, stream_id, payload))
        if len(self.said) == self.stop_after:
            self.reader.stopped = True


def read(wire: bytes, *cuts: int) -> Log:
    log = Log()
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, end in itertools.pairwise(edges):
        log.reader.receive_data(wire[start:end])
    return log


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (frames.data_head(5, False, 1) + b"hello", hyperframe.frame.DataFrame(1, b"hello")),
        (frames.data_head(0, True, 7), hyperframe.frame.DataFrame(7, b"", flags=["END_STREAM"])),
        (frames.window_update(3, 70_000), hyperframe.frame.WindowUpdateFrame(3, window_increment=70_000)),
        (frames.rst_stream(9, 8), hyperframe.frame.RstStreamFrame(9, error_code=8)),
        (frames.goaway(5, 1), hyperframe.frame.GoAwayFrame(0, last_stream_id=5, error_code=1)),
        (
            frames.settings({Setting.ENABLE_PUSH: 0, Setting.MAX_FRAME_SIZE: 1 << 18}),
            hyperframe.frame.SettingsFrame(0, settings={2: 0, 5: 1 << 18}),
        ),
        (
            frames.frame(PING, 1, 0, b"12345678"),
            hyperframe.frame.PingFrame(0, opaque_data=b"12345678", flags=["ACK"]),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_frames_are_written_as_another_implementation_writes_them(
    ours: bytes, theirs: hyperframe.frame.Frame
) -> None:
    assert ours == theirs.serialize()


def test_a_head_longer_than_a_frame_is_continued() -> None:
    wire = frames.header_block(3, b"a" * 16384 + b"b" * 16384 + b"c", True, 16384)
    assert wire == (raw(1, END_STREAM, 3, b"a" * 16384) + raw(9, 0, 3, b"b" * 16384) + raw(9, 4, 3, b"c"))
    assert frames.header_block(3, b"a" * 16384, False, 16384) == raw(1, 4, 3, b"a" * 16384)


EVERY_KIND = b"".join(
    [
        raw(4, 0, 0, bytes(6)),
        raw(1, 4, 1, b"head"),
        raw(DATA, 0, 1, b"x" * 300),
        raw(DATA, PADDED, 1, b"\x03" + b"y" * 20 + bytes(3)),
        raw(DATA, PADDED, 1, b"\x03" + bytes(3)),
        raw(DATA, PADDED, 1, b"\x00"),
        raw(DATA, 0, 1),
        raw(0x16, 0xFF, 9, b"z" * 40),
        raw(0x16, 0, 9),
        raw(WINDOW_UPDATE, 0, 0, bytes(4)),
        raw(DATA, END_STREAM, 1, b"w"),
        raw(PING, 0, 0x80000000, b"12345678"),
    ]
)


def test_byte_at_a_time_equals_all_at_once() -> None:
    whole = read(EVERY_KIND)
    assert read(EVERY_KIND, *range(len(EVERY_KIND))).said == whole.said
    assert whole.said == [
        (4, 0, 0, bytes(6)),
        (1, 4, 1, b"head"),
        ("data", 1, 300, False),
        ("end", b"x" * 300),
        ("data", 1, 24, False),
        ("padding", 4),
        ("end", b"y" * 20),
        ("data", 1, 4, False),
        ("padding", 4),
        ("end", b""),
        ("data", 1, 1, False),
        ("padding", 1),
        ("end", b""),
        ("data", 1, 0, False),
        ("end", b""),
        (0x16, 0xFF, 9, b""),
        (0x16, 0, 9, b""),
        (WINDOW_UPDATE, 0, 0, bytes(4)),
        ("data", 1, 1, True),
        ("end", b"w"),
        (PING, 0, 0, b"12345678"),
    ]


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_no_cut_makes_a_difference(cuts: list[int]) -> None:
    assert read(EVERY_KIND, *cuts).said == read(EVERY_KIND).said


def test_data_is_passed_on_before_its_frame_is_complete() -> None:
    log = Log()
    log.reader.receive_data(frames.data_head(MAX_FRAME_BYTES, True, 1) + b"first")
    assert log.body == b"first" and log.said == [("data", 1, MAX_FRAME_BYTES, True)]
    log.reader.receive_data(bytes(MAX_FRAME_BYTES - 5))
    assert log.said[-1][0] == "end"


def test_padded_data_is_not_held_either() -> None:
    log = Log()
    log.reader.receive_data(raw(DATA, PADDED, 1, b"\xff" + bytes(MAX_FRAME_BYTES - 1))[:100_000])
    assert len(log.body) == 100_000 - 10 and not log.reader._held


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ((MAX_FRAME_BYTES + 1).to_bytes(3, "big") + bytes(6), ErrorCode.FRAME_SIZE_ERROR),
        ((MAX_CONTROL_FRAME_BYTES + 1).to_bytes(3, "big") + b"\x01" + bytes(5), ErrorCode.ENHANCE_YOUR_CALM),
        (raw(DATA, PADDED, 1), ErrorCode.PROTOCOL_ERROR),
        (raw(DATA, PADDED, 1, b"\x01"), ErrorCode.PROTOCOL_ERROR),
        (raw(DATA, PADDED, 1, b"\xff" + bytes(254)), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_lengths_that_cannot_be_end_the_connection(wire: bytes, code: ErrorCode) -> None:
    with pytest.raises(H2Fault) as fault:
        read(wire, 1, 9)
    assert fault.value.error_code is code


def test_a_reader_that_was_stopped_takes_nothing_more() -> None:
    log = Log()
    log.stop_after = 2
    log.reader.receive_data(EVERY_KIND)
    assert len(log.said) == 2


@given(st.binary(max_size=400))
def test_garbage_is_a_frame_or_a_fault(garbage: bytes) -> None:
    log = Log()
    try:
        log.reader.receive_data(garbage)
    except H2Fault:
        pass
    assert len(log.reader._held) <= len(garbage)


def test_codes_have_names_for_people() -> None:
    assert ErrorCode.name_of(7) == "REFUSED_STREAM" and ErrorCode.name_of(0xFFFF) == "65535"
