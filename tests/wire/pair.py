"""A client machine and a server machine joined by imaginary HTTP exchanges.

Each exchange is two queues. ``step`` delivers the head of one queue, so a test (or hypothesis)
chooses every interleaving that HTTP allows: order within a body, none between exchanges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tunnel_whisperer.wire.http import RequestHead, ResponseHead
from tunnel_whisperer.wire.xhttp_client import ClientSettings, XhttpClient
from tunnel_whisperer.wire.xhttp_events import (
    Acknowledge,
    EndBody,
    Event,
    OpenRequest,
    ResetRequest,
    Respond,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
    StreamOpened,
)
from tunnel_whisperer.wire.xhttp_server import ServerSettings, XhttpServer

PATH = "/tw/srv1"
END, RESET = object(), object()
MODES = ("stream-one", "stream-up", "packet-up")


def draw(lo: int, hi: int) -> int:
    """No randomness: the shortest padding, the shortest pause."""
    assert lo <= hi
    return lo


def request(
    method: str, path: str, *headers: tuple[str, str], authority: str = "h.test", padding: int = 100
) -> RequestHead:
    """A request head with valid padding."""
    referer = () if padding == 0 else (("referer", f"http://h.test/tw/srv1/?x_padding={'X' * padding}"),)
    return RequestHead(method, path, authority, "http", (*headers, *referer))


def drain(machine: XhttpClient | XhttpServer) -> list[Event]:
    """All events that wait."""
    events: list[Event] = []
    while (event := machine.next_event()) is not None:
        events.append(event)
    return events


@dataclass
class App:
    """What one end's application saw."""

    received: bytearray = field(default_factory=bytearray)
    ended: bool = False
    lost: tuple[str | None, str] | None = None
    unacknowledged: int = 0
    paused: bool = False
    closed: bool = False

    @property
    def over_in_order(self) -> bool:
        """Whether both directions ended, and neither was cut."""
        return self.lost is not None and self.lost[0] is None

    @property
    def cut(self) -> str | None:
        """The error code that the stream was lost with, if any."""
        return None if self.lost is None else self.lost[0]


@dataclass
class Exchange:
    """One HTTP request: what is under way in each direction."""

    to_server: deque[object] = field(default_factory=deque)
    to_client: deque[object] = field(default_factory=deque)
    client_done: bool = False  # the client's body has been ended
    server_done: bool = False
    responded: bool = False
    dead: bool = False
    received: int = 0
    acknowledged: int = 0


class Pair:
    """One client stream against one server."""

    def __init__(
        self,
        mode: str,
        *,
        http_version: str = "2",
        client_settings: ClientSettings | None = None,
        server_settings: ServerSettings | None = None,
    ) -> None:
        self.now = 100.0
        self.client = XhttpClient(
            mode,
            path=PATH,
            authority="h.test",
            scheme="https",
            session_id="11111111-2222-4333-8444-555555555555",
            http_version=http_version,
            draw=draw,
            settings=client_settings,
        )
        self.server = XhttpServer(PATH, draw, settings=server_settings)
        self.exchanges: dict[int, Exchange] = {}
        self.heads: list[RequestHead] = []
        self.statuses: list[int] = []
        self.client_app, self.server_app = App(), App()
        self.opened: str | None = None
        self.stream_id = -1
        self._numbers = count(1000)
        self._server_numbers: dict[int, int] = {}
        self.client.start(self.now)
        self.turn()

    # -- carrying out orders ----------------------------------------------------------------

    def turn(self) -> None:
        for event in drain(self.client):
            self._client_event(event)
        for event in drain(self.server):
            self._server_event(event)

    def _client_event(self, event: Event) -> None:
        app = self.client_app
        assert app.lost is None or isinstance(event, Acknowledge), f"after the end: {event}"
        match event:
            case OpenRequest(number, head, end):
                assert number not in self.exchanges
                exchange = self.exchanges[number] = Exchange()
                self.heads.append(head)
                exchange.to_server.append(head)
                if end:
                    exchange.to_server.append(END)
                    exchange.client_done = True
            case SendBody(number, data):
                exchange = self.exchanges[number]
                assert data and not exchange.client_done
                exchange.to_server.append(data)
            case EndBody(number):
                exchange = self.exchanges[number]
                assert not exchange.client_done
                exchange.client_done = True
                exchange.to_server.append(END)
            case ResetRequest(number):
                self._reset_by_client(number)
            case Acknowledge(number, _):
                assert number in self.exchanges
            case StreamData(0, data):
                assert data and not app.ended
                app.received += data
                app.unacknowledged += len(data)
                if not app.paused:
                    self.client.acknowledge(len(data), self.now)
                    app.unacknowledged = 0
                    self.turn()
            case StreamEnded(0):
                assert not app.ended
                app.ended = True
            case StreamLost(0, code, why):
                app.lost = (code, why)
            case _:
                raise AssertionError(event)

    def _server_event(self, event: Event) -> None:
        app = self.server_app
        match event:
            case Respond(number, head, end):
                exchange = self._at_server(number)
                assert not exchange.responded
                exchange.responded = True
                self.statuses.append(head.status)
                exchange.to_client.append(head)
                if end:
                    exchange.server_done = True
                    exchange.to_client.append(END)
            case SendBody(number, data):
                exchange = self._at_server(number)
                assert exchange.responded and not exchange.server_done and data
                exchange.to_client.append(data)
            case EndBody(number):
                exchange = self._at_server(number)
                assert exchange.responded and not exchange.server_done
                exchange.server_done = True
                exchange.to_client.append(END)
            case ResetRequest(number):
                exchange = self._at_server(number)
                if not exchange.dead:
                    exchange.to_client.clear()
                    exchange.to_server.clear()
                    exchange.to_client.append(RESET)
            case Acknowledge(number, count):
                exchange = self._at_server(number)
                exchange.acknowledged += count
                assert exchange.acknowledged <= exchange.received
            case StreamOpened(stream_id, mode, number):
                assert self.opened is None
                self.opened, self.stream_id = mode, stream_id
                assert self._at_server(number) is not None
            case StreamData(stream_id, data):
                assert stream_id == self.stream_id and data and not app.ended and app.lost is None
                app.received += data
                if app.paused:
                    app.unacknowledged += len(data)
                else:
                    self.server.acknowledge(stream_id, len(data), self.now)
            case StreamEnded(_):
                assert not app.ended and app.lost is None
                app.ended = True
            case StreamLost(_, code, why):
                assert app.lost is None
                app.lost = (code, why)
            case _:
                raise AssertionError(event)
        if not isinstance(event, Acknowledge):
            for more in drain(self.server):
                self._server_event(more)

    def _at_server(self, number: int) -> Exchange:
        return self.exchanges[self._server_numbers[number]]

    def _reset_by_client(self, number: int) -> None:
        exchange = self.exchanges[number]
        over = exchange.client_done and exchange.server_done
        exchange.to_client.clear()
        if not over:
            if exchange.to_server and isinstance(exchange.to_server[0], RequestHead):
                exchange.to_server.clear()  # the request never left
                exchange.dead = True
            else:
                exchange.to_server.clear()
                exchange.to_server.append(RESET)

    # -- moving messages --------------------------------------------------------------------

    def movable(self) -> list[tuple[int, bool]]:
        """Queues with something in them: exchange number, and whether towards the server."""
        found = []
        for number, exchange in self.exchanges.items():
            if exchange.to_server:
                found.append((number, True))
            if exchange.to_client:
                found.append((number, False))
        return found

    def step(self, number: int, towards_server: bool) -> None:
        """Deliver one message."""
        exchange = self.exchanges[number]
        if towards_server:
            self._deliver_to_server(number, exchange, exchange.to_server.popleft())
        else:
            self._deliver_to_client(number, exchange, exchange.to_client.popleft())
        self.turn()

    def _deliver_to_server(self, number: int, exchange: Exchange, message: object) -> None:
        if isinstance(message, RequestHead):
            theirs = next(self._numbers)
            self._server_numbers[theirs] = number
            self.server.receive_request(theirs, message, self.now)
            return
        theirs = next(key for key, value in self._server_numbers.items() if value == number)
        if message is RESET:
            exchange.dead = True
            exchange.to_client.clear()
            self.server.receive_reset(theirs, self.now)
        elif message is END:
            self.client.request_sent(number, self.now)
            self.server.receive_end(theirs, self.now)
        else:
            assert isinstance(message, bytes)
            exchange.received += len(message)
            self.server.receive_body(theirs, message, self.now)

    def _deliver_to_client(self, number: int, exchange: Exchange, message: object) -> None:
        if isinstance(message, ResponseHead):
            self.client.receive_response(number, message, self.now)
        elif message is RESET:
            exchange.dead = True
            self.client.receive_reset(number, self.now)
        elif message is END:
            self.client.receive_end(number, self.now)
        else:
            assert isinstance(message, bytes)
            self.client.receive_body(number, message, self.now)

    def run(self, choose: Callable[[int], int] = lambda n: 0) -> None:
        """Deliver until nothing is under way; ``choose(n)`` picks one of n queues."""
        while queues := self.movable():
            self.step(*queues[choose(len(queues))])

    # -- the applications -------------------------------------------------------------------

    def client_sends(self, data: bytes) -> None:
        self.client.send_data(data, self.now)
        self.turn()

    def client_ends(self) -> None:
        self.client.send_end(self.now)
        self.turn()

    def client_resets(self) -> None:
        self.client.reset(self.now)
        self.turn()

    def server_sends(self, data: bytes) -> None:
        self.server.send_data(self.stream_id, data, self.now)
        self.turn()

    def server_ends(self) -> None:
        self.server.send_end(self.stream_id, self.now)
        self.turn()

    def server_closes(self) -> None:
        self.server.close_stream(self.stream_id, self.now)
        self.turn()

    def server_resets(self) -> None:
        self.server.reset_stream(self.stream_id, self.now)
        self.turn()

    def server_acknowledges(self) -> None:
        """Hand on all that waits."""
        count, self.server_app.unacknowledged = self.server_app.unacknowledged, 0
        self.server.acknowledge(self.stream_id, count, self.now)
        self.turn()

    def cut_exchange(self, number: int) -> None:
        """The link below one exchange dies: both ends learn of it."""
        exchange = self.exchanges[number]
        exchange.to_server.clear()
        exchange.to_client.clear()
        exchange.dead = True
        theirs = [key for key, value in self._server_numbers.items() if value == number]
        if theirs:
            self.server.receive_reset(theirs[0], self.now)
        self.client.receive_reset(number, self.now)
        self.turn()
