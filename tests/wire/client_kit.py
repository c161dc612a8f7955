"""A client machine with an imaginary shell that checks what every shell may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.wire.pair import App, draw
from tests.wire.vectors import SESSION_ID
from tunnel_whisperer.wire.http import RequestHead, ResponseHead
from tunnel_whisperer.wire.xhttp_client import ClientSettings, XhttpClient
from tunnel_whisperer.wire.xhttp_events import (
    Acknowledge,
    EndBody,
    OpenRequest,
    ResetRequest,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
)

__all__ = ["Asked", "Client"]


@dataclass
class Asked:
    """One request of the client, as the server sees it."""

    head: RequestHead
    ended: bool = False
    body: bytes = b""
    reset: bool = False
    told_lost: bool = False
    acknowledged: int = 0
    answered: bool = False  # by us, the server: to the end

    @property
    def state(self) -> str:
        """``open``, ``ended`` or ``reset``."""
        return "reset" if self.reset else "ended" if self.ended else "open"


@dataclass
class Client:
    """A client machine with an imaginary shell; requests go by the machine's numbers."""

    mode: str
    http_version: str = "2"
    settings: ClientSettings | None = None
    now: float = 1000.0
    asked: dict[int, Asked] = field(default_factory=dict)
    app: App = field(default_factory=App)

    def __post_init__(self) -> None:
        self.machine = XhttpClient(
            self.mode,
            path="/tw/srv1?ed=1",
            authority="h.test",
            scheme="https",
            session_id=SESSION_ID,
            http_version=self.http_version,
            draw=draw,
            settings=self.settings,
        )
        self.machine.start(self.now)
        self.turn()

    # -- the server -------------------------------------------------------------------------------

    def head(self, number: int, status: int = 200) -> None:
        if not self.asked[number].reset:
            self.machine.receive_response(number, ResponseHead(status), self.now)
            self.turn()

    def body(self, number: int, data: bytes) -> None:
        if not self.asked[number].reset:
            self.machine.receive_body(number, data, self.now)
            self.turn()

    def end(self, number: int) -> None:
        if not self.asked[number].reset:
            self.asked[number].answered = True
            self.machine.receive_end(number, self.now)
            self.turn()

    def answer(self, number: int, status: int = 200) -> None:
        """A whole response without a body."""
        self.head(number, status)
        self.end(number)

    def reset(self, number: int) -> None:
        """The server resets a request, or its link dies."""
        asked = self.asked[number]
        if not (asked.reset or asked.told_lost):
            asked.told_lost = True
            self.machine.receive_reset(number, self.now)
            self.turn()

    def sent(self, number: int) -> None:
        """The transport has taken all of a request's body, its end included."""
        assert self.asked[number].ended
        self.machine.request_sent(number, self.now)
        self.turn()

    # -- the application --------------------------------------------------------------------------

    def writes(self, data: bytes) -> None:
        self.machine.send_data(data, self.now)
        self.turn()

    def ends(self) -> None:
        self.machine.send_end(self.now)
        self.turn()

    def gives_up(self) -> None:
        self.machine.reset(self.now)
        self.turn()

    # -- the shell --------------------------------------------------------------------------------

    def turn(self) -> None:
        while (event := self.machine.next_event()) is not None:
            assert not self.app.lost or isinstance(event, Acknowledge | ResetRequest), event
            match event:
                case OpenRequest(number, head, end):
                    assert number == len(self.asked)
                    self.asked[number] = Asked(head, end)
                case SendBody(number, data):
                    asked = self.asked[number]
                    assert data and not asked.ended and not asked.reset
                    asked.body += data
                case EndBody(number):
                    asked = self.asked[number]
                    assert not asked.ended and not asked.reset
                    asked.ended = True
                case ResetRequest(number):
                    asked = self.asked[number]
                    assert not asked.reset and not asked.told_lost
                    asked.reset = True
                case Acknowledge(number, count):
                    self.asked[number].acknowledged += count
                case StreamData(0, data):
                    assert data and not self.app.ended
                    self.app.received += data
                case StreamEnded(0):
                    assert not self.app.ended
                    self.app.ended = True
                case StreamLost(0, code, why):
                    self.app.lost = (code, why)
                case _:
                    raise AssertionError(f"not an event of a client: {event!r}")

    @property
    def download(self) -> Asked:
        return self.asked[0]

    @property
    def upload(self) -> Asked:
        """Of the stream modes."""
        number = self.machine.upload_request()
        assert number is not None
        return self.asked[number]
