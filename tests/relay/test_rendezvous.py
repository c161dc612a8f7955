from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import cast

import pytest

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tests.server.test_policy import Book
from tunnel_whisperer.base.errors import TwError, Unreachable
from tunnel_whisperer.base.limits import HELD_CHECK_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.relay.journal import Arrival, Journal
from tunnel_whisperer.relay.rendezvous import Rendezvous
from tunnel_whisperer.ssh.endpoint import ServerSession

BIND = HostPort("127.0.0.1", 20000)
USER = uuid.UUID(int=5)
ARRIVAL = Arrival("plant", USER, HostPort("192.0.2.1", 4711))


class FakeSession:
    def __init__(self, name: str, failure: TwError | None = None) -> None:
        self.user = name
        self.failure = failure
        self.opened: list[asyncio.Protocol] = []

    async def open_forwarded(
        self, bind: HostPort, origin: HostPort, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        await asyncio.sleep(0.1)
        if self.failure is not None:
            raise self.failure
        self.opened.append(factory())


def _session(fake: FakeSession) -> ServerSession:
    return cast(ServerSession, fake)


def test_nobody_there() -> None:
    async def main() -> None:
        with pytest.raises(Unreachable) as caught:
            Rendezvous().join(BIND, ARRIVAL)
        assert caught.value.code == "server-not-there"

    run(main())


def test_the_newest_serves_and_an_older_one_gets_the_port_back() -> None:
    async def main() -> None:
        rendezvous = Rendezvous()
        old, new = FakeSession("old"), FakeSession("new")
        rendezvous.listen(_session(old), BIND)
        rendezvous.listen(_session(new), BIND)

        async def join() -> None:
            left, _ = pipe()
            protocol = rendezvous.join(BIND, ARRIVAL)
            protocol.connection_made(left)
            await asyncio.sleep(1)

        assert rendezvous.streams(BIND) == 0
        await join()
        assert (len(old.opened), len(new.opened)) == (0, 1)
        assert rendezvous.streams(BIND) == 1
        rendezvous.forget(_session(new))
        await join()
        assert (len(old.opened), len(new.opened)) == (1, 1)
        rendezvous.unlisten(_session(old), BIND)
        assert not rendezvous.is_listening(BIND)
        await rendezvous.drain()

    run(main())


def test_who_holds_too_much_is_reset_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.relay.rendezvous.MAX_HELD_BYTES_PER_TENANT", 50_000)

    async def main() -> None:
        rendezvous = Rendezvous()
        session = FakeSession("s")
        rendezvous.listen(_session(session), BIND)
        ends: list[tuple[Recorder, PipeTransport]] = []
        for _ in range(2):
            client, joined = Recorder(), rendezvous.join(BIND, ARRIVAL)
            near, inner = pipe()
            near.start(client)
            inner.start(joined)
            await asyncio.sleep(0.2)
            stuck, far = pipe()
            stuck.start(session.opened[-1])
            far.start(Recorder())
            far.pause_reading()
            ends.append((client, near))
        ends[0][1].write(bytes(2_000_000))
        ends[1][1].write(bytes(10_000))
        watching = asyncio.get_running_loop().create_task(rendezvous.watch())
        await asyncio.sleep(2 * HELD_CHECK_S)
        watching.cancel()
        assert [client.lost for client, _ in ends] == [True, False]
        ends[1][1].abort()
        await rendezvous.drain()

    run(main())


def test_a_newer_session_cuts_the_streams_of_the_older_and_those_of_nobody_else() -> None:
    """The older is most likely dead, and its clients would wait until they find out."""

    async def main() -> None:
        rendezvous = Rendezvous()
        old, new, other = FakeSession("old"), FakeSession("new"), FakeSession("other")
        elsewhere = HostPort("127.0.0.1", 20001)
        rendezvous.listen(_session(old), BIND)
        rendezvous.listen(_session(other), elsewhere)
        clients = []
        for bind in (BIND, BIND, elsewhere):
            client = Recorder()
            near, inner = pipe()
            near.start(client)
            inner.start(rendezvous.join(bind, ARRIVAL))
            clients.append(client)
            if len(clients) == 1:
                await asyncio.sleep(0.2)  # the second waits for its server's answer at the takeover
        rendezvous.listen(_session(old), BIND)  # again, as a server may: no takeover
        await asyncio.sleep(0)
        assert not any(client.lost for client in clients)
        rendezvous.listen(_session(new), BIND)
        await asyncio.sleep(0.05)
        assert [client.lost for client in clients] == [True, True, False]
        assert rendezvous.streams(BIND) == 0 and rendezvous.streams(elsewhere) == 1
        await asyncio.sleep(1)
        await rendezvous.drain()

    run(main())


def test_streams_are_recorded_with_who_and_how_much() -> None:
    async def main() -> None:
        book = Book()
        rendezvous = Rendezvous(Journal(book))
        session = FakeSession("s")
        rendezvous.listen(_session(session), BIND)
        client = Recorder()
        near, inner = pipe()
        near.start(client)
        inner.start(rendezvous.join(BIND, ARRIVAL))
        await asyncio.sleep(0.2)
        server, far = pipe()
        server.start(session.opened[-1])
        far.start(Recorder())
        near.write(b"hello")
        far.write(b"bye")
        await asyncio.sleep(0.1)
        assert dict(rendezvous.traffic().items()) == {"plant": (5, 3, 1, 1)}
        near.abort()
        await asyncio.sleep(0.1)
        assert dict(rendezvous.traffic().items()) == {"plant": (5, 3, 0, 1)}
        session.failure = Unreachable("target-refused", "too many logins for now")
        near, inner = pipe()
        near.start(Recorder())
        inner.start(rendezvous.join(BIND, ARRIVAL))
        await asyncio.sleep(0.2)
        assert book.events() == ["stream-opened", "stream-closed", "stream-refused"]
        assert {who for _, who, _ in book.entries} == {"tenant:plant"}
        opened, closed = book.fields("stream-opened"), book.fields("stream-closed")
        assert (opened["uuid"], opened["address"]) == (str(USER), "192.0.2.1:4711")
        assert (closed["bytes_up"], closed["bytes_down"], closed["stream"]) == (5, 3, opened["stream"])
        assert book.fields("stream-refused")["why"] == "too many logins for now"
        await rendezvous.drain()

    run(main())


def test_listening_twice_takes_one_place() -> None:
    async def main() -> None:
        rendezvous = Rendezvous()
        session = _session(FakeSession("s"))
        rendezvous.listen(session, BIND)
        rendezvous.listen(session, BIND)
        rendezvous.unlisten(session, BIND)
        assert not rendezvous.is_listening(BIND)

    run(main())
