"""The VLESS header on a stream; the header's own bytes are tested in tests/wire."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import pytest

from tests.kit.clock import run
from tests.kit.pipe import pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import PeerFault, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import VLESS_HEADER_TIMEOUT_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.vless import VlessClient, VlessServer
from tunnel_whisperer.wire.vless import Command, RequestHeader

USER = uuid.UUID("11111111-2222-3333-4444-555555555555")
SSH = HostPort("127.0.0.1", 22)
# VLESS version 0, the user, no addons, TCP, port 22, IPv4 (wire spec 1.1).
REQUEST = bytes.fromhex("00" "11111111222233334444555555555555" "00" "01" "0016" "01" "7f000001")  # fmt: skip
RESPONSE = bytes.fromhex("0000")


def _client(inner: Recorder, *, early: bool = False) -> VlessClient:
    return VlessClient(RequestHeader(USER, Command.TCP, SSH), lambda: inner, early=early)


class Relay:
    """A VlessServer whose door admits, or raises what it is given."""

    def __init__(self, error: TwError | None = None) -> None:
        self.error = error
        self.asked: list[RequestHeader] = []
        self.inner = Recorder()
        self.protocol = VlessServer(self._admit)

    def _admit(self, header: RequestHeader, transport: asyncio.Transport) -> asyncio.Protocol:
        self.asked.append(header)
        if self.error is not None:
            raise self.error
        return self.inner


# -- both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [None, 1])
@pytest.mark.parametrize("early", [True, False])
def test_both_sides_step_aside_behind_their_headers(early: bool, chunk_bytes: int | None) -> None:
    async def main() -> None:
        near, far = pipe(chunk_bytes=chunk_bytes)
        inner, relay = Recorder(), Relay()
        client = _client(inner, early=early)
        near.start(client)
        far.start(relay.protocol)
        assert await client.ready is inner
        near.write(b"question")
        await relay.inner.got(8)
        assert relay.asked == [RequestHeader(USER, Command.TCP, SSH)]
        assert near.get_protocol() is inner and far.get_protocol() is relay.inner
        far.write(b"answer")
        far.write_eof()
        await inner.got_eof()
        assert inner.received == b"answer" and relay.inner.received == b"question"
        near.close()
        far.close()
        await inner.got_lost()
        await relay.inner.got_lost()
        assert inner.lost_exc is None and relay.inner.lost_exc is None

    run(main())


# -- the client ------------------------------------------------------------------------------------


def _against(
    script: Callable[[Recorder, asyncio.Transport], None], *, early: bool = False
) -> tuple[TwError | None, Recorder]:
    """A client against a scripted relay: how ``ready`` failed, and what was inside."""

    async def main() -> tuple[TwError | None, Recorder]:
        near, far = pipe()
        inner, peer = Recorder(), Recorder()
        client = _client(inner, early=early)
        near.start(client)
        far.start(peer)
        await peer.got(len(REQUEST))
        assert peer.received == REQUEST
        script(peer, far)
        try:
            await client.ready
        except TwError as exc:
            error: TwError | None = exc
        else:
            error = None
        if error is not None and early:
            await inner.got_lost()
            assert inner.lost_exc is error, "inside the same reason is told"
        elif error is not None:
            assert inner.transport is None, "made only for an answered stream"
        near.abort()
        far.abort()
        return error, inner

    return run(main())


@pytest.mark.parametrize("early", [True, False])
def test_payload_that_comes_with_the_response_header_is_not_lost(early: bool) -> None:
    error, inner = _against(lambda peer, far: far.write(RESPONSE + b"SSH-2.0-x\r\n"), early=early)
    assert error is None and inner.received == b"SSH-2.0-x\r\n"


@pytest.mark.parametrize("early", [True, False])
def test_addons_of_the_response_are_skipped(early: bool) -> None:
    error, inner = _against(lambda peer, far: far.write(b"\x00\x02\x18\x01payload"), early=early)
    assert error is None and inner.received == b"payload"


@pytest.mark.parametrize("early", [True, False])
def test_an_end_without_a_byte_means_an_unknown_user(early: bool) -> None:
    error, _ = _against(lambda peer, far: far.close(), early=early)
    assert isinstance(error, Refused) and error.code == "user-not-active"


@pytest.mark.parametrize("early", [True, False])
def test_a_reset_before_the_response_is_a_lost_link(early: bool) -> None:
    error, _ = _against(lambda peer, far: far.abort(), early=early)
    assert isinstance(error, Unreachable) and error.code == "link-lost"


@pytest.mark.parametrize("early", [True, False])
def test_another_protocol_is_noticed(early: bool) -> None:
    error, inner = _against(lambda peer, far: far.write(b"SSH-2.0-OpenSSH_9.2\r\n"), early=early)
    assert isinstance(error, PeerFault) and error.code == "bad-vless"
    assert not inner.received


def test_what_an_early_protocol_writes_follows_the_header() -> None:
    async def main() -> None:
        near, far = pipe()
        peer, client = Recorder(), _client(Recorder(), early=True)
        far.start(peer)
        near.start(client)
        near.write(b"I speak first")
        await peer.got(len(REQUEST) + 13)
        assert peer.received == REQUEST + b"I speak first"
        far.abort()
        await peer.got_lost()

    run(main())


@pytest.mark.parametrize("answered", [True, False])
def test_an_early_writer_that_is_full_is_paused_once_and_resumed_once(answered: bool) -> None:
    """Whether the response header comes while it is paused, or later; the recorder objects to two."""

    async def main() -> None:
        near, far = pipe(window_bytes=100)
        inner, peer = Recorder(), Recorder()
        client = _client(inner, early=True)
        far.start(peer)
        far.pause_reading()
        near.start(client)
        near.write(bytes(1_000_000))
        assert inner.paused
        if answered:
            far.write(RESPONSE)
            assert await client.ready is inner
            assert inner.paused
        far.resume_reading()
        await inner.until(lambda: not inner.paused, "resume_writing")
        await peer.got(1_000_000)
        near.abort()
        await peer.got_lost()
        await inner.got_lost()

    run(main())


def test_who_writes_much_at_once_is_paused_once() -> None:
    async def main() -> None:
        near, far = pipe(window_bytes=100)
        peer = Recorder()

        class Eager(Recorder):  # it objects to pausing twice
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                near.write(bytes(1_000_000))

        inner = Eager()
        client = _client(inner)
        far.start(peer)
        near.start(client)
        await peer.got(len(REQUEST))
        far.write(RESPONSE)
        await client.ready
        assert inner.paused
        await peer.got(1_000_000)
        await inner.until(lambda: not inner.paused, "resume_writing")
        near.abort()
        await peer.got_lost()
        await inner.got_lost()

    run(main())


def test_what_comes_behind_a_failure_is_not_looked_at() -> None:
    async def main() -> None:
        near, far = pipe()
        inner, peer = Recorder(), Recorder()
        client = _client(inner)
        near.start(client)
        far.start(peer)
        client.eof_received()
        client.data_received(RESPONSE)
        assert inner.transport is None
        near.abort()
        await peer.got_lost()

    run(main())


# -- the server --------------------------------------------------------------------------------


def _visit(
    relay: Relay, sent: bytes, *, chunk_bytes: int | None = None, end: bool = False
) -> tuple[bytes, bool, float]:
    """What a scripted client gets: bytes, whether it was a reset, and after how long."""

    async def main() -> tuple[bytes, bool, float]:
        near, far = pipe(chunk_bytes=chunk_bytes)
        visitor = Recorder(keep_open=False)
        near.start(visitor)
        far.start(relay.protocol)
        near.write(sent)
        if end:
            near.write_eof()
        begun = asyncio.get_running_loop().time()
        await visitor.got_lost()
        return (
            bytes(visitor.received),
            visitor.lost_exc is not None,
            asyncio.get_running_loop().time() - begun,
        )

    return run(main())


@pytest.mark.parametrize("chunk_bytes", [None, 1])
@pytest.mark.parametrize(
    "error", [Refused("user-not-active", "unknown UUID"), PeerFault("bad-vless", "no TCP")]
)
def test_a_refused_header_gets_no_answer_at_all(error: TwError, chunk_bytes: int | None) -> None:
    relay = Relay(error)
    assert _visit(relay, REQUEST + b"payload", chunk_bytes=chunk_bytes)[:2] == (b"", False)
    assert len(relay.asked) == 1, "asked once, also when more arrives behind the refusal"


def test_what_is_not_vless_gets_no_answer_at_all() -> None:
    relay = Relay()
    assert _visit(relay, b"GET / HTTP/1.1\r\n\r\n")[:2] == (b"", False)
    assert not relay.asked


def test_a_destination_that_is_not_there_is_answered_by_a_header_and_the_end() -> None:
    relay = Relay(Unreachable("server-not-there", "nobody listens"))
    assert _visit(relay, REQUEST)[:2] == (RESPONSE, False)


@pytest.mark.parametrize("sent", [b"", REQUEST[:-1]])
def test_a_header_that_does_not_come_ends_the_stream(sent: bytes) -> None:
    received, was_reset, waited = _visit(Relay(), sent)
    assert (received, was_reset) == (b"", False)
    assert waited == pytest.approx(VLESS_HEADER_TIMEOUT_S)


def test_an_end_before_the_header_ends_the_stream() -> None:
    relay = Relay()
    assert _visit(relay, REQUEST[:5], end=True)[:2] == (b"", False)
    assert not relay.asked


def test_the_header_timer_ends_with_the_header() -> None:
    async def main() -> None:
        near, far = pipe()
        visitor, relay = Recorder(), Relay()
        near.start(visitor)
        far.start(relay.protocol)
        near.write(REQUEST)
        await asyncio.sleep(VLESS_HEADER_TIMEOUT_S * 3)
        assert visitor.received == RESPONSE and not visitor.eof and not visitor.lost
        near.abort()
        await relay.inner.got_lost()
        assert relay.inner.lost_exc is not None

    run(main())
