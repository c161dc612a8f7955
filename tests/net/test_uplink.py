"""Which mode gets through: a relay behind middle boxes of all kinds, on a virtual clock."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from typing import cast

import pytest

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import PeerFault, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import STREAM_ANSWER_TIMEOUT_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net import uplink
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.net.h2_client import H2ClientConnection
from tunnel_whisperer.net.http import ClientConnection, Exchange, ExchangeHandler
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.uplink import MODES, Reached, Uplink, UplinkSettings
from tunnel_whisperer.net.vless import VlessServer
from tunnel_whisperer.net.xhttp_server import XhttpAcceptor
from tunnel_whisperer.wire.http import RequestHead, ResponseHead
from tunnel_whisperer.wire.vless import RequestHeader

PATH = "/tw/srv1"
USER = uuid.UUID("11111111-2222-4333-8444-555555555555")
SSH = HostPort("127.0.0.1", 22)
HOUR_S = 3600.0

Fate = Callable[[Exchange], None]


def silent(exchange: Exchange) -> None:
    """A proxy that holds everything back."""


def answers(status: int) -> Fate:
    """A box that answers by itself."""
    return lambda exchange: exchange.respond(ResponseHead(status, ()), end=True)


def resets(exchange: Exchange) -> None:
    """A box that does not like what it sees."""
    exchange.reset()


def ends_at_once(exchange: Exchange) -> None:
    """How a relay treats an unknown UUID: status 200, no byte, the end."""
    exchange.respond(ResponseHead(200, ()), end=True)


class Deaf:
    """A handler of what goes nowhere."""

    def response_received(self, head: ResponseHead) -> None: ...
    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def exchange_lost(self, exc: TwError | None) -> None: ...
    def body_progressed(self) -> None: ...


def mode_of(head: RequestHead) -> str | None:
    """The mode of an upload request, by the shape of its path (wire spec 2); None for a download."""
    if head.method == "GET":
        return None
    below = head.target.partition("?")[0].removeprefix(PATH).strip("/")
    if not below:
        return "stream-one"
    return "packet-up" if "/" in below else "stream-up"


class FakeRelay:
    """A relay of ours, and something in front of it that knows each mode's fate.

    Args:
        fates: by mode; a mode that is not named gets through.
        http: what its links speak.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fates: dict[str, Fate], http: str = "2") -> None:
        self.fates = fates
        self.http = http
        self.asked: list[str] = []
        self.streams: list[Recorder] = []
        self.wires: list[PipeTransport] = []
        self.refusal: TwError | None = None
        self.acceptor: XhttpAcceptor[None] = XhttpAcceptor(
            PATH, lambda stream, visitor: VlessServer(self._admit), random.Random(1).randint
        )
        self.uplink = self.another_uplink()
        monkeypatch.setattr(uplink, "dial_link", self._dial_link)

    def another_uplink(self, transport: str = "auto") -> Uplink:
        """One more client."""
        endpoint = RelayEndpoint(HostPort("relay.test", 443), plain=True, http=self.http)
        return Uplink(UplinkSettings(endpoint, PATH, USER, transport))

    def links_open(self) -> int:
        """Links that stand."""
        return sum(not wire.is_closing() for wire in self.wires)

    async def _dial_link(self, endpoint: RelayEndpoint, context: object) -> ClientConnection:
        near, far = pipe()
        connection = H2ClientConnection() if self.http == "2" else H1ClientConnection()
        far.start(HttpFront(self._accept))
        near.start(connection)
        self.wires.append(near)
        return cast(ClientConnection, connection)

    def _accept(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        mode = mode_of(head)
        if mode is not None and mode not in self.asked[-1:]:
            self.asked.append(mode)
        fate = self.fates.get(mode or "")
        if fate is None:
            return self.acceptor.accept(head, exchange, None)
        asyncio.get_running_loop().call_soon(fate, exchange)
        return Deaf()

    def _admit(self, header: RequestHeader, transport: asyncio.Transport) -> asyncio.Protocol:
        if self.refusal is not None:
            raise self.refusal
        assert (header.uuid, header.target) == (USER, SSH)
        self.streams.append(Recorder())
        return self.streams[-1]


async def _carries(relay: FakeRelay, client: Uplink | None = None) -> Recorder:
    """Open a stream, send both ways, end it in order."""
    made: list[Recorder] = []

    def factory() -> Recorder:
        made.append(Recorder())
        return made[-1]

    transport, protocol = await (client or relay.uplink).open(SSH, factory)
    assert made == [protocol], "one protocol, whatever modes were tried"
    inner, peer = made[0], relay.streams[-1]
    assert inner.transport is transport
    transport.write(b"question")
    await peer.got(8)
    assert peer.transport is not None
    peer.transport.write(b"answer")
    peer.transport.write_eof()
    await inner.got_eof()
    assert inner.received == b"answer" and peer.received == b"question"
    transport.close()
    await inner.got_lost()
    await peer.got_eof()
    peer.transport.close()
    return inner


async def _fails(relay: FakeRelay) -> TwError:
    def factory() -> asyncio.Protocol:
        raise AssertionError("nothing was answered")

    with pytest.raises(TwError) as caught:
        await relay.uplink.open(SSH, factory)
    await asyncio.sleep(1)
    assert relay.links_open() == 0, "no link is left behind"
    return caught.value


# -- falling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("http", ["2", "1.1"])
def test_the_fastest_mode_is_taken_where_nothing_is_in_the_way(
    monkeypatch: pytest.MonkeyPatch, http: str
) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {}, http)
        await _carries(relay)
        assert relay.asked == ["stream-one"] and relay.uplink.mode == "stream-one"
        assert (relay.uplink.reached, relay.uplink.ended_at) == (Reached.STREAM, Reached.STREAM)
        await asyncio.sleep(60)
        assert relay.links_open() == 0, "a stream's links end with it"
        relay.acceptor.close()

    run(main())


@pytest.mark.parametrize("http", ["2", "1.1"])
@pytest.mark.parametrize("fate", [silent, resets, answers(502), answers(400), answers(411)])
def test_what_stands_in_the_way_of_streams_lets_packets_through(
    monkeypatch: pytest.MonkeyPatch, fate: Fate, http: str
) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": fate, "stream-up": fate}, http)
        await _carries(relay)
        assert relay.asked == list(MODES) and relay.uplink.mode == "packet-up"
        relay.acceptor.close()
        await asyncio.sleep(60)
        assert relay.links_open() == 0

    run(main())


def test_a_proxy_that_buffers_costs_one_timeout_per_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": silent})
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await relay.uplink.open(SSH, Recorder)
        assert loop.time() - begun == pytest.approx(STREAM_ANSWER_TIMEOUT_S, abs=0.1)
        assert relay.uplink.mode == "stream-up"
        relay.acceptor.close()
        await asyncio.sleep(1)

    run(main())


def test_when_no_mode_gets_through_the_last_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, dict.fromkeys(MODES, silent))
        error = await _fails(relay)
        assert isinstance(error, Unreachable) and error.code == "timeout"
        assert relay.asked == list(MODES) and relay.uplink.mode is None
        relay.acceptor.close()

    run(main())


# -- an answer is an answer --------------------------------------------------------------------------


def test_404_is_not_asked_again_in_another_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": answers(404)})
        error = await _fails(relay)
        assert isinstance(error, Refused) and error.code == "relay-refused"
        assert relay.asked == ["stream-one"]
        assert relay.uplink.reached is Reached.RELAY

    run(main())


def test_an_unknown_user_is_not_asked_again_in_another_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {})
        relay.refusal = Refused("user-not-active", "unknown UUID")
        error = await _fails(relay)
        assert isinstance(error, Refused) and error.code == "user-not-active"
        assert relay.asked == ["stream-one"]

    run(main())


def test_a_refusal_by_the_end_of_the_response_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": ends_at_once})
        error = await _fails(relay)
        assert error.code == "user-not-active" and relay.asked == ["stream-one"]

    run(main())


def test_a_relay_that_cannot_be_dialled_is_not_the_modes_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {})
        dialled: list[int] = []

        async def refused(endpoint: RelayEndpoint, context: object) -> ClientConnection:
            dialled.append(1)
            raise Unreachable("relay-unreachable", "the connection was refused")

        monkeypatch.setattr(uplink, "dial_link", refused)
        error = await _fails(relay)
        assert error.code == "relay-unreachable" and dialled == [1]

    run(main())


def test_a_mode_that_was_chosen_is_the_only_one_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-up": answers(400)})
        inner = Recorder()
        with pytest.raises(PeerFault) as caught:
            await relay.another_uplink("stream-up").open(SSH, lambda: inner)
        assert relay.asked == ["stream-up"]
        await inner.got_lost()
        assert inner.lost_exc is caught.value
        relay.asked.clear()
        await _carries(relay, relay.another_uplink("packet-up"))
        assert relay.asked == ["packet-up"]
        relay.acceptor.close()
        await asyncio.sleep(1)

    run(main())


def test_in_a_chosen_mode_the_client_may_speak_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Xray sends its response header only with the first bytes of the destination."""

    async def main() -> None:
        relay = FakeRelay(monkeypatch, {})
        held: list[Exchange] = []
        relay.fates["stream-one"] = held.append
        inner = Recorder()
        async with asyncio.TaskGroup() as tasks:
            opened = tasks.create_task(relay.another_uplink("stream-one").open(SSH, lambda: inner))
            await asyncio.sleep(1)
            assert inner.transport is not None and not opened.done()
            held[0].respond(ResponseHead(200, ()))
            held[0].send_body(b"\0\0answer")
            await inner.got(6)
        assert inner.received == b"answer"
        opened.result()[0].abort()
        await asyncio.sleep(1)
        assert relay.links_open() == 0

    run(main())


# -- memory ----------------------------------------------------------------------------------------


def test_what_got_through_is_tried_first_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": silent, "stream-up": silent})
        await _carries(relay)
        relay.asked.clear()
        await _carries(relay)
        assert relay.asked == ["packet-up"]
        relay.acceptor.close()
        await asyncio.sleep(60)

    run(main())


def test_when_it_gets_through_no_more_the_others_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": silent, "stream-up": silent})
        await _carries(relay)
        relay.fates = {"packet-up": answers(502)}
        relay.asked.clear()
        await _carries(relay)
        assert relay.asked == ["packet-up", "stream-one"] and relay.uplink.mode == "stream-one"
        relay.acceptor.close()
        await asyncio.sleep(60)

    run(main(), timeout_s=2 * HOUR_S)


def test_a_slow_mode_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that restarted at the wrong moment would cost the fastest mode for good."""

    async def main() -> None:
        relay = FakeRelay(monkeypatch, {"stream-one": resets})
        await _carries(relay)
        assert relay.uplink.mode == "stream-up"
        relay.fates.clear()
        await asyncio.sleep(HOUR_S / 2)
        await _carries(relay)
        assert relay.uplink.mode == "stream-up"
        await asyncio.sleep(HOUR_S / 2)
        await _carries(relay)
        assert relay.uplink.mode == "stream-one"
        relay.acceptor.close()
        await asyncio.sleep(60)

    run(main(), timeout_s=2 * HOUR_S)


# -- the end ---------------------------------------------------------------------------------------


def test_a_stream_that_is_lost_takes_its_links_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {})
        _, protocol = await relay.uplink.open(SSH, Recorder)
        peer = relay.streams[-1].transport
        assert peer is not None and relay.links_open() == 1
        peer.abort()
        assert isinstance(protocol, Recorder)
        await protocol.got_lost()
        assert protocol.lost_exc is not None
        assert relay.links_open() == 0
        relay.acceptor.close()

    run(main())


def test_an_opening_that_is_cancelled_leaves_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, dict.fromkeys(MODES, silent))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await relay.uplink.open(SSH, Recorder)
        assert relay.links_open() == 0
        relay.acceptor.close()

    run(main())


def test_how_far_an_attempt_came_is_of_that_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        relay = FakeRelay(monkeypatch, {})
        assert relay.uplink.reached is Reached.NOTHING
        await _carries(relay)

        async def nobody(endpoint: RelayEndpoint, context: object) -> ClientConnection:
            raise Unreachable("relay-unreachable", "refused")

        monkeypatch.setattr(uplink, "dial_link", nobody)
        with pytest.raises(Unreachable):
            await relay.uplink.open(SSH, Recorder)
        assert (relay.uplink.reached, relay.uplink.ended_at) == (Reached.NOTHING, Reached.NOTHING)
        relay.acceptor.close()
        await asyncio.sleep(60)

    run(main())
