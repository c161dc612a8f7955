"""How far a connection through a local port gets; the client is a double that says what became of it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.doctor.doubles import closed_port, listening
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Refused, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor import LocalPort, PortState, Report, State, walk_port

TARGET = HostPort("plc-7", 502)


@dataclass
class Client:
    """A local port, and what its client says of it."""

    talk: Callable[[Client, asyncio.StreamReader, asyncio.StreamWriter], None]
    state: PortState | None = field(default_factory=lambda: PortState(7))

    async def test(self) -> Report:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.talk(self, reader, writer)
            await reader.read()

        async with listening(accepted) as address:
            return await walk_port(LocalPort(address, TARGET, lambda: self.state, 0.3), lambda step: None)


def _walk(client: Client) -> Report:
    return real_run(client.test())


def _words(report: Report) -> list[tuple[str, State]]:
    return [(step.name, step.state) for step in report.steps]


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_a_target_that_speaks_first_answers() -> None:
    report = _walk(Client(lambda client, reader, writer: writer.write(b"220 ready")))
    assert report.failure is None
    assert _words(report) == [("local port", State.OK), ("session", State.OK), ("target", State.OK)]
    assert report.steps[-1].detail == "plc-7:502 answers" and report.steps[-1].ms is not None


def test_a_silent_target_is_known_by_the_clients_count() -> None:
    def talk(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client.state = PortState(8)

    step = _walk(Client(talk)).steps[-1]
    assert (step.state, step.detail, step.ms) == (State.OK, "plc-7:502 takes the connection", None)


def test_a_refusal_is_told_in_the_clients_words_though_it_is_late() -> None:
    refusal = Refused("not-authorised", "this user has no grant for plc-7:502", hint="ask")

    def talk(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _reset(writer)
        late = PortState(7, error=refusal)
        asyncio.get_running_loop().call_later(0.1, lambda: setattr(client, "state", late))

    report = _walk(Client(talk, PortState(7, error=Unreachable("target-refused", "before"))))
    assert report.failure is refusal and report.steps[-1].state is State.FAILED


def test_the_same_failure_as_before_and_one_without_words_end_as_well() -> None:
    same = Unreachable("target-refused", "nothing listens there")

    def talk(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _reset(writer)

    assert _walk(Client(talk, PortState(7, error=same))).failure is same
    failure = _walk(Client(talk)).failure
    assert failure is not None and failure.code == "stream-reset"


def test_another_connection_that_was_counted_does_not_pass_for_ours() -> None:
    refusal = Unreachable("target-refused", "nothing listens there")

    def talk(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client.state = PortState(8, error=refusal)
        asyncio.get_running_loop().call_later(0.1, _reset, writer)

    assert _walk(Client(talk)).failure is refusal


def test_a_target_that_closes_at_once_is_a_note() -> None:
    step = _walk(Client(lambda client, reader, writer: writer.close())).steps[-1]
    assert step.state is State.NOTE and "closes it at once" in step.hint


def test_without_a_session_the_target_is_not_tried() -> None:
    why = Unreachable("relay-unreachable", "no way there")
    report = _walk(Client(lambda client, reader, writer: None, PortState(7, session=why)))
    assert report.failure is why
    assert _words(report) == [("local port", State.OK), ("session", State.FAILED)]


def test_a_port_that_is_not_open_and_a_client_that_is_gone_are_told() -> None:
    async def main() -> None:
        port = LocalPort(await closed_port(), TARGET, lambda: PortState(0))
        report = await walk_port(port, lambda step: None)
        assert _words(report) == [("local port", State.FAILED)]
        gone = await walk_port(LocalPort(port.address, TARGET, lambda: None), lambda step: None)
        assert gone.failure is not None and "does not run" in gone.failure.why

    real_run(main())
