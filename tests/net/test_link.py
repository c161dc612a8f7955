"""Links: dialled when needed, shared while they have room, and what HTTP is spoken on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.kit.clock import real_run, run
from tests.net.certificates import Certificates
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Misuse, Refused, TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.http import ClientConnection, Exchange, ExchangeHandler
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.link import LinkPool, RelayEndpoint, dial_link
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.tls import server_context
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

# -- the pool ----------------------------------------------------------------------------------------


class FakeLink:
    """A link with room for some exchanges."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.open_exchanges = 0
        self.over = False
        self.ended: list[str] = []

    @property
    def can_request(self) -> bool:
        return not self.over and self.open_exchanges < self.room

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


class Dialler:
    """Dials fake links; each takes a second."""

    def __init__(self, room: int = 1) -> None:
        self.room = room
        self.links: list[FakeLink] = []
        self.failure: TwError | None = None

    async def __call__(self) -> ClientConnection:
        await asyncio.sleep(1)
        if self.failure is not None:
            raise self.failure
        self.links.append(FakeLink(self.room))
        return cast(ClientConnection, self.links[-1])


async def _use(pool: LinkPool) -> FakeLink:
    link = cast(FakeLink, await pool.link())
    link.open_exchanges += 1
    return link


def test_a_link_with_room_is_used_again() -> None:
    async def main() -> None:
        dialler = Dialler(room=3)
        pool = LinkPool(dialler)
        assert {await _use(pool) for _ in range(3)} == {dialler.links[0]}
        assert await _use(pool) is dialler.links[1]
        dialler.links[0].open_exchanges -= 1
        assert await _use(pool) is dialler.links[0]
        assert len(pool.links) == 2

    run(main())


def test_who_asks_at_once_shares_one_dial() -> None:
    async def main() -> None:
        dialler = Dialler(room=10)
        pool = LinkPool(dialler)
        links = await asyncio.gather(*(_use(pool) for _ in range(10)))
        assert set(links) == {dialler.links[0]} and len(dialler.links) == 1

    run(main())


def test_there_are_no_more_links_than_the_cap() -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler, max_links=2)
        await _use(pool)
        await _use(pool)
        with pytest.raises(Unreachable) as caught:
            await pool.link()
        assert caught.value.code == "too-many"
        dialler.links[0].open_exchanges = 0
        assert await pool.link() is cast(ClientConnection, dialler.links[0])

    run(main())


def test_a_link_that_is_over_makes_room() -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler, max_links=1)
        first = await _use(pool)
        first.over = True
        with pytest.raises(Unreachable):  # its exchange is still under way
            await pool.link()
        first.open_exchanges = 0
        assert await _use(pool) is dialler.links[1]

    run(main())


def test_a_dial_that_fails_is_told_and_the_next_one_tried() -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler, max_links=1)
        dialler.failure = Unreachable("relay-unreachable", "refused")
        with pytest.raises(Unreachable, match="refused"):
            await pool.link()
        dialler.failure = None
        assert await pool.link() is cast(ClientConnection, dialler.links[0])

    run(main())


def test_a_dial_that_is_cancelled_blocks_nobody() -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await pool.link()
        assert await pool.link() is cast(ClientConnection, dialler.links[0])
        assert len(pool.links) == 1

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_link_that_was_dialled_too_late_is_not_left_open(how: str) -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(_catch(pool))
            await asyncio.sleep(0.5)
            getattr(pool, how)()
        assert asked.result().code == "link-lost"
        assert dialler.links[0].ended == ["abort"]
        assert (await _catch(pool)).code == "link-lost"
        assert len(dialler.links) == 1, "a closed pool dials no more"

    run(main())


async def _catch(pool: LinkPool) -> TwError:
    with pytest.raises(TwError) as caught:
        await pool.link()
    return caught.value


def test_closing_and_aborting_reach_every_link() -> None:
    async def main() -> None:
        dialler = Dialler()
        pool = LinkPool(dialler)
        await _use(pool)
        await _use(pool)
        pool.close()
        assert [link.ended for link in dialler.links] == [["close"], ["close"]]
        pool.abort()
        assert [link.ended for link in dialler.links] == [["close", "abort"]] * 2
        assert not pool.links

    run(main())


# -- dialling ------------------------------------------------------------------------------------------


class Witness:
    """A client's handler that waits for the response."""

    def __init__(self) -> None:
        self.over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[TwError | None] = asyncio.get_running_loop().create_future()

    def response_received(self, head: ResponseHead) -> None:
        self.over.set_result(head.status)

    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def body_progressed(self) -> None: ...

    def exchange_lost(self, exc: TwError | None) -> None:
        self.lost.set_result(exc)


class Nothing:
    """A relay's handler that expects nothing."""

    def response_received(self, head: ResponseHead) -> None: ...
    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def body_progressed(self) -> None: ...
    def exchange_lost(self, exc: TwError | None) -> None: ...


@asynccontextmanager
async def _relay(certificates: Certificates | None) -> AsyncIterator[HostPort]:
    context = None
    if certificates is not None:
        context = server_context(*certificates.relay, [certificates.tenant_ca], alpn=("h2", "http/1.1"))

    def accept(head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        exchange.respond(ResponseHead(404, ()), end=True)
        return Nothing()

    listener = Listener(HostPort("127.0.0.1", 0), lambda: HttpFront(accept), context=context)
    try:
        yield HostPort("localhost", (await listener.start()).port)
    finally:
        await listener.close()


def _request(link: ClientConnection) -> Witness:
    witness = Witness()
    link.request(RequestHead("GET", "/", "localhost", "https", ()), witness, end=True)
    return witness


def _endpoint(
    address: HostPort, certificates: Certificates, http: str = "auto", identity: str = "good"
) -> RelayEndpoint:
    certificate, key = getattr(certificates, identity)
    return RelayEndpoint(address, certificates.relay_ca, certificate, key, http=http)


@both_loops
@pytest.mark.parametrize(("http", "version"), [("auto", "2"), ("2", "2"), ("1.1", "1.1")])
def test_the_http_version_is_agreed_on_in_tls(
    certificates: Certificates, http: str, version: str, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            endpoint = _endpoint(address, certificates, http)
            link = await dial_link(endpoint, endpoint.context())
            assert link.http_version == version
            witness = _request(link)
            assert await witness.over == 404
            assert await witness.lost is None
            link.abort()

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize(("http", "version"), [("2", "2"), ("1.1", "1.1")])
def test_without_tls_the_version_is_known_before(http: str, version: str, loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with _relay(None) as address:
            link = await dial_link(RelayEndpoint(address, plain=True, http=http), None)
            assert link.http_version == version
            assert await _request(link).over == 404
            link.abort()

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize(
    ("identity", "words"),
    [("unknown", "no tenant of this relay issued it"), ("expired", "it has expired")],
)
@pytest.mark.parametrize("http", ["2", "1.1"])
def test_a_refused_certificate_is_told_by_the_first_request(
    certificates: Certificates, identity: str, words: str, http: str, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            endpoint = _endpoint(address, certificates, http, identity)
            link = await dial_link(endpoint, endpoint.context())
            error = await _request(link).lost
            assert isinstance(error, Refused) and error.code == "certificate-refused"
            assert words in error.why

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_an_impostor_is_told_by_the_dial(certificates: Certificates, loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            endpoint = RelayEndpoint(address, certificates.stranger_ca)
            with pytest.raises(Unreachable) as caught:
                await dial_link(endpoint, endpoint.context())
            assert caught.value.code == "relay-tls-failed"

    real_run(main(), loop_factory=loop_factory)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "client.crt"
    endpoint = RelayEndpoint(HostPort("relay.test", 443), certificate=missing, key=missing)
    with pytest.raises(Misuse) as caught:
        endpoint.context()
    assert caught.value.where == str(missing)
