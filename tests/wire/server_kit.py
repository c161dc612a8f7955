"""A server machine with an imaginary shell that checks what every shell may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.wire.pair import PATH, App, draw
from tunnel_whisperer.wire.http import RequestHead, ResponseHead
from tunnel_whisperer.wire.padding import Draw
from tunnel_whisperer.wire.xhttp_events import (
    Acknowledge,
    EndBody,
    ResetRequest,
    Respond,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
    StreamOpened,
)
from tunnel_whisperer.wire.xhttp_server import ServerSettings, XhttpServer

__all__ = ["Answer", "Server"]


@dataclass
class Answer:
    """One request, as its client sees it."""

    head: ResponseHead | None = None
    body: bytes = b""
    ended: bool = False
    reset: bool = False
    sent: int = 0
    acknowledged: int = 0
    gone: bool = False
    """Reset by us, the client."""
    we_ended: bool = False

    @property
    def status(self) -> int | None:
        return None if self.head is None else self.head.status

    @property
    def state(self) -> str:
        """``waiting`` (for its head), ``open`` (its body), ``ended`` or ``reset``."""
        if self.reset:
            return "reset"
        if self.head is None:
            return "waiting"
        return "ended" if self.ended else "open"


@dataclass
class Server:
    """The machine; requests are named by the test."""

    settings: ServerSettings | None = None
    path: str = PATH
    draw: Draw = draw
    now: float = 1000.0
    answers: dict[Any, Answer] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    modes: dict[int, str] = field(default_factory=dict)
    takes: bool = True
    """Whether the applications take what they are given."""

    def __post_init__(self) -> None:
        self.machine = XhttpServer(self.path, self.draw, settings=self.settings)
        self._numbers: dict[Any, int] = {}
        self._by_number: dict[int, Answer] = {}

    # -- the client ---------------------------------------------------------------------------

    def asks(self, key: Any, head: RequestHead, *, body: bytes | None = None, end: bool = False) -> Answer:
        """Send a request, perhaps with a body; ``body`` implies its end unless it is None."""
        number = len(self._numbers)
        assert key not in self._numbers
        self._numbers[key] = number
        answer = self.answers[key] = self._by_number[number] = Answer()
        self.machine.receive_request(number, head, self.now)
        self.turn()
        if body:
            self.sends(key, body)
        if end or body is not None:
            self.ends(key)
        return answer

    def sends(self, key: Any, data: bytes) -> None:
        """A piece of a request's body; a client that was reset stops."""
        answer = self.answers[key]
        if not answer.reset:
            answer.sent += len(data)
            self.machine.receive_body(self._numbers[key], data, self.now)
            self.turn()

    def ends(self, key: Any) -> None:
        answer = self.answers[key]
        if not answer.reset:
            answer.we_ended = True
            self.machine.receive_end(self._numbers[key], self.now)
            self.turn()

    def resets(self, key: Any) -> None:
        answer = self.answers[key]
        if not (answer.reset or (answer.we_ended and answer.ended)):
            answer.gone = True
            self.machine.receive_reset(self._numbers[key], self.now)
            self.turn()

    # -- time -----------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass, with every deadline on the way."""
        until = self.now + seconds
        while (deadline := self.machine.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.machine.handle_deadline(self.now)
            self.turn()
            after = self.machine.next_deadline()
            assert after is None or after > self.now, "a deadline that does not move"
        self.now = until

    # -- the applications -------------------------------------------------------------------------

    @property
    def app(self) -> App:
        """The application of the only stream."""
        assert len(self.apps) == 1
        return self.apps[0]

    def says(self, data: bytes, stream: int = 0) -> None:
        self.machine.send_data(stream, data, self.now)
        self.turn()

    def finishes(self, stream: int = 0) -> None:
        self.machine.send_end(stream, self.now)
        self.turn()

    def closes(self, stream: int = 0) -> None:
        self.apps[stream].closed = True
        self.machine.close_stream(stream, self.now)
        self.turn()

    def cuts(self, stream: int = 0) -> None:
        self.machine.reset_stream(stream, self.now)
        self.apps[stream].lost = ("by us", "")
        self.turn()

    def takes_all(self, stream: int = 0) -> None:
        app = self.apps[stream]
        count, app.unacknowledged = app.unacknowledged, 0
        self.machine.acknowledge(stream, count, self.now)
        self.turn()

    # -- the shell --------------------------------------------------------------------------------

    def turn(self) -> None:
        while (event := self.machine.next_event()) is not None:
            self._carry_out(event)

    def _carry_out(self, event: object) -> None:
        match event:
            case Respond(number, head, end):
                answer = self._live(number)
                assert answer.head is None, "a second response"
                answer.head, answer.ended = head, end
            case SendBody(number, data):
                answer = self._live(number)
                assert data and answer.head is not None and not answer.ended
                answer.body += data
            case EndBody(number):
                answer = self._live(number)
                assert answer.head is not None and not answer.ended
                answer.ended = True
            case ResetRequest(number):
                answer = self._live(number)
                # One that is over is reset, too, for the sake of what a shell may not have sent yet.
                answer.reset = not (answer.ended and answer.we_ended)
            case Acknowledge(number, count):
                answer = self._by_number[number]
                assert count > 0
                answer.acknowledged += count
                assert answer.acknowledged <= answer.sent, "more acknowledged than sent"
            case StreamOpened(stream, mode, number):
                assert stream == len(self.apps)
                assert self._by_number[number].status == 200
                self.apps[stream], self.modes[stream] = App(), mode
            case StreamData(stream, data):
                app = self.apps[stream]
                assert data and not app.ended and not app.lost
                app.received += data
                if self.takes:
                    self.machine.acknowledge(stream, len(data), self.now)
                else:
                    app.unacknowledged += len(data)
            case StreamEnded(stream):
                app = self.apps[stream]
                assert not app.ended and not app.lost
                app.ended = True
            case StreamLost(stream, code, why):
                app = self.apps[stream]
                assert not app.lost, "lost twice"
                assert code is not None or app.ended or app.closed, "an orderly end without the peer's"
                app.lost = (code, why)
            case _:
                raise AssertionError(f"not an event of a server: {event!r}")

    def _live(self, number: int) -> Answer:
        answer = self._by_number[number]
        assert not answer.gone, "an order for a request that its client gave up"
        assert not answer.reset, "an order for a request that was reset"
        return answer

    @property
    def holds_nothing(self) -> bool:
        """Whether the machine has forgotten everything."""
        machine = self.machine
        return not (
            len(machine._table)
            or machine._sessions
            or machine._streams
            or machine._half_open
            or machine._waiting_bytes
        )
