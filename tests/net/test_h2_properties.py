"""Whatever a peer sends, in whatever state: no exception gets out, and what is held is bounded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.clock import run
from tests.kit.pipe import pipe
from tests.net import h2_kit
from tests.net.h2_kit import (
    DATA,
    GET,
    GOAWAY,
    HEADERS,
    OK,
    PADDED,
    POST,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    WINDOW_UPDATE,
    Door,
    Scribe,
    ask,
    block,
    raw,
    settle,
    u32,
)
from tunnel_whisperer.net.h2_client import H2ClientConnection
from tunnel_whisperer.net.h2_connection import H2Connection
from tunnel_whisperer.net.h2_server import H2ServerConnection
from tunnel_whisperer.wire.http import ResponseHead

STREAMS = st.sampled_from([0, 1, 2, 3, 5, 7, 9, 0x7FFFFFFF, 0xFFFFFFFF])
BLOCKS = st.sampled_from(
    [
        block(GET),
        block((*POST, ("content-length", "10"))),
        block(OK),
        block(((":status", "100"),)),
        block((("trailer", "x"),)),
        block((*GET, ("x", "v" * 13_000))),
        b"",
        b"\x80",
        b"\x3f\xe1\x1f" + block(GET),
    ]
)
PAYLOADS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([bytes(4), bytes(5), bytes(6), bytes(8), u32(1), u32(0x7FFFFFFF), bytes(20_000)]),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame that makes sense more often than not."""
    stream = draw(STREAMS)
    kind = draw(st.integers(0, 11))
    flags = draw(st.sampled_from([0, 1, 4, 5, PADDED, 0x20, 0x25, 0xFF]))
    if kind == HEADERS:
        flags, payload = draw(st.sampled_from([0, 1, 4, 5])), draw(BLOCKS)
    elif kind == h2_kit.CONTINUATION:
        payload = draw(BLOCKS)
    elif kind in (RST_STREAM, WINDOW_UPDATE):
        payload = u32(draw(st.sampled_from([0, 1, 8, 1000, 0x7FFFFFFF])))
    elif kind == h2_kit.SETTINGS:
        flags = draw(st.sampled_from([0, 0, 1]))
        stream = 0
        payload = b"".join(
            number.to_bytes(2, "big") + u32(value)
            for number, value in draw(
                st.lists(
                    st.tuples(
                        st.integers(0, 9), st.sampled_from([0, 1, 100, 16384, 65535, 0x7FFFFFFF, 0xFFFFFFFF])
                    ),
                    max_size=3,
                )
            )
        )
        payload = b"" if flags else payload
    elif kind == DATA:
        flags = draw(st.sampled_from([0, 1, PADDED]))
        payload = (
            draw(st.binary(max_size=30)) if flags != PADDED else b"\x03" + bytes(draw(st.integers(3, 9)))
        )
    elif kind == GOAWAY:
        stream, payload = (
            0,
            u32(draw(st.sampled_from([0, 1, 3, 0x7FFFFFFF])), draw(st.sampled_from([0, 11, 99]))),
        )
    elif kind == PUSH_PROMISE:
        payload = u32(2) + draw(BLOCKS)
    else:
        payload = draw(PAYLOADS)
    return raw(kind, flags, stream, payload)


PLAUSIBLE = (
    "open", "open and end", "open in pieces", "open malformed", "open too long", "open with length",
    "data", "data", "data", "data and end", "empty data", "padded data", "large data", "trailers",
    "reset", "window", "window of all", "smaller windows", "larger windows", "table", "frames", "ping", "priority",
    "unknown", "late window",
)  # fmt: skip


class Peer:
    """Sends what a peer might, so that most connections live long enough to get into every state."""

    def __init__(self, *, client: bool) -> None:
        self._client = client
        self._next = 1
        self._open: list[int] = []

    def frame(self, kind: str, n: int) -> bytes:
        """Bytes of that kind; ``n`` chooses among the streams."""
        if kind.startswith("open"):
            return self._head(kind, n)
        if not self._client:
            self._open = [1, 3]
        stream = self._open[n % len(self._open)] if self._open else 0
        if stream and (make := self._ON_A_STREAM.get(kind)) is not None:
            if kind in ("trailers", "reset"):
                self._open.remove(stream)
            return make(stream, n)
        return self._ON_THE_CONNECTION.get(kind, raw(0x42, n % 256, n % 9))

    def _head(self, kind: str, n: int) -> bytes:
        fields: tuple[tuple[str, str], ...] = POST
        stream = self._next
        if self._client:
            self._next += 2
            self._open.append(stream)
        else:
            fields, stream = OK, (1, 3)[n % 2]
        if kind == "open malformed":
            fields = (*fields, ("Upper", "case"))
        elif kind == "open too long":
            fields = (*fields, ("x", "v" * 13_000))
        elif kind == "open with length":
            fields = (*fields, ("content-length", str(n)))
        whole = block(fields)
        if kind == "open in pieces":
            return raw(HEADERS, 0, stream, whole[:n]) + raw(h2_kit.CONTINUATION, 4, stream, whole[n:])
        return raw(HEADERS, 5 if kind == "open and end" else 4, stream, whole)

    _ON_A_STREAM: ClassVar[dict[str, Callable[[int, int], bytes]]] = {
        "data": lambda stream, n: h2_kit.data(stream, bytes(n)),
        "data and end": lambda stream, n: h2_kit.data(stream, bytes(n), end=True),
        "empty data": lambda stream, n: h2_kit.data(stream, b""),
        "padded data": lambda stream, n: raw(DATA, PADDED, stream, b"\x09" + bytes(n + 9)),
        "large data": lambda stream, n: h2_kit.data(stream, bytes(16_384)),
        "trailers": lambda stream, n: h2_kit.headers(stream, (("x", "y"),), end=True),
        "reset": lambda stream, n: raw(RST_STREAM, 0, stream, u32(n)),
        "window": lambda stream, n: raw(WINDOW_UPDATE, 0, stream, u32(n * 1000 + 1)),
        "late window": lambda stream, n: raw(WINDOW_UPDATE, 0, 1, u32(1)),
    }
    _ON_THE_CONNECTION: ClassVar[dict[str, bytes]] = {
        "window of all": raw(WINDOW_UPDATE, 0, 0, u32(10_000)),
        "smaller windows": h2_kit.settings((4, 10)),
        "larger windows": h2_kit.settings((4, 1 << 20)),
        "table": h2_kit.settings((1, 0), (1, 100)),
        "frames": h2_kit.settings((5, 1 << 18)),
        "ping": raw(h2_kit.PING, 0, 0, bytes(8)),
        "priority": raw(h2_kit.PRIORITY, 0, 5, bytes(5)),
    }


# What our own side does meanwhile.
ACTIONS = st.sampled_from(["respond", "answer", "send", "end", "reset", "acknowledge", "widen", "ask"])
PLAUSIBLE_STEP = st.tuples(st.sampled_from(PLAUSIBLE), st.integers(0, 30))
ODD_STEP = st.one_of(frames(), st.integers(1, 400), st.just("close"))
STEP = st.integers(0, 29).flatmap(lambda n: ODD_STEP if n == 0 else ACTIONS if n < 10 else PLAUSIBLE_STEP)
STEPS = st.lists(STEP, min_size=10, max_size=60)
Step = bytes | str | int | tuple[str, int]


class Ours:
    """A connection under test with its handlers, and what our side may do to them."""

    def __init__(self, connection: H2Connection) -> None:
        self.connection = connection
        self.scribes: list[Scribe] = []
        self.responded: set[int] = set()

    def act(self, action: str, n: int) -> None:
        if action == "close":
            self.connection.close()
        elif action == "ask":
            if isinstance(self.connection, H2ClientConnection) and self.connection.can_request:
                self.scribes.append(ask(self.connection, "POST", acknowledges=n % 2 == 0))
        elif self.scribes:
            index = n % len(self.scribes)
            self.act_on(action, index, self.scribes[index])

    def act_on(self, action: str, index: int, scribe: Scribe) -> None:
        exchange: Any = scribe.exchange
        if isinstance(self.connection, H2ServerConnection) and index not in self.responded:
            if action in ("respond", "answer"):
                self.responded.add(index)
                exchange.respond(ResponseHead(200), end=action == "answer")
        elif action == "send" and not exchange.ending:
            exchange.send_body(bytes(1000 * (index + 1)))
        elif action == "end":
            exchange.end_body()
        if action == "reset":
            exchange.reset()
        elif action == "acknowledge":
            exchange.acknowledge(exchange.receive_window.unacknowledged)
        elif action == "widen":
            exchange.grow_window(1 << 20)


def drive(ours: Ours, greeting: bytes, steps: list[Step], peer: Peer | None = None) -> Any:
    async def scenario() -> None:
        near, far = pipe(window_bytes=1 << 20)
        far.start(ours.connection)
        near.start(asyncio.Protocol())
        feed(ours.connection, greeting)
        for n, step in enumerate(steps):
            if isinstance(step, tuple):
                assert peer is not None
                feed(ours.connection, peer.frame(*step))
            elif isinstance(step, bytes):
                feed(ours.connection, step)
            elif isinstance(step, str):
                ours.act(step, n)
            else:
                await asyncio.sleep(step / 100)
            if n % 3 == 0:
                await settle(3)
        await settle()
        held = ours.connection._window.unacknowledged
        to_come = ours.connection._reader._left  # of a frame that is dropped as it arrives
        held_by_handlers = sum(x.receive_window.unacknowledged for x in ours.connection._exchanges.values())
        assert held_by_handlers <= held <= held_by_handlers + to_come
        assert ours.connection._promised_bytes == sum(
            x.receive_window.target for x in ours.connection._exchanges.values()
        )
        near.abort()
        far.abort()
        await settle()
        assert ours.connection.open_exchanges == 0
        assert all(len(scribe.lost) <= 1 for scribe in ours.scribes)
        loop: Any = asyncio.get_running_loop()
        gc.collect(0)
        waiting = [timer for timer in loop._scheduled if not timer.cancelled()]
        assert len(waiting) <= 1, "only this test's own deadline"

    return scenario()


def feed(connection: H2Connection, data: bytes) -> None:
    """As a transport would; one that is closed delivers nothing."""
    transport = connection._transport
    if data and transport is not None and not transport.is_closing():
        connection.data_received(data)


def server() -> Ours:
    def note(scribe: Scribe) -> None:
        ours.scribes.append(scribe)

    ours = Ours(H2ServerConnection(Door(note, acknowledges=False)))
    return ours


@given(STEPS)
def test_any_frames_at_a_server(steps: list[Step]) -> None:
    async def scenario() -> None:
        await drive(server(), PREFACE + h2_kit.settings(), steps, Peer(client=True))

    run(scenario())


@given(STEPS)
def test_any_frames_at_a_client(steps: list[Step]) -> None:
    async def scenario() -> None:
        await drive(Ours(H2ClientConnection()), h2_kit.settings(), ["ask", "ask", *steps], Peer(client=False))

    run(scenario())


@given(st.lists(st.binary(max_size=60), max_size=10), st.booleans(), st.booleans())
def test_garbage(pieces: list[bytes], greeted: bool, at_server: bool) -> None:
    async def scenario() -> None:
        if at_server:
            await drive(server(), PREFACE + h2_kit.settings() if greeted else b"", list(pieces))
        else:
            await drive(Ours(H2ClientConnection()), h2_kit.settings() if greeted else b"", ["ask", *pieces])

    run(scenario())


GOOD = (
    PREFACE
    + h2_kit.settings((4, 70_000), (1, 0))
    + h2_kit.headers(1, POST)
    + h2_kit.data(1, b"x" * 100)
    + raw(WINDOW_UPDATE, 0, 1, u32(9))
    + h2_kit.headers(3, GET, end=True)
    + raw(RST_STREAM, 0, 3, u32(8))
    + h2_kit.data(1, b"y" * 50, end=True)
)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_good_connection_with_some_bytes_changed(changes: list[tuple[int, int]]) -> None:
    wire = bytearray(GOOD)
    for at, value in changes:
        wire[at] = value

    async def scenario() -> None:
        await drive(server(), b"", [bytes(wire), 10, "respond", "send", "end"])

    run(scenario())


@pytest.mark.parametrize("size", [1, 2, 3, 17, 1000])
def test_how_the_bytes_are_cut_makes_no_difference(size: int) -> None:
    async def scenario() -> None:
        ours = server()
        steps: list[Step] = [GOOD[at : at + size] for at in range(0, len(GOOD), size)]
        await drive(ours, b"", steps)
        first, second = ours.scribes
        assert first.body == b"x" * 100 + b"y" * 50 and first.ended
        assert second.fault.code == "stream-reset"

    run(scenario())
