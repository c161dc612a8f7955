"""Whichever hop dies: no application takes a connection that was cut for one that was completed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.kit.world import Role, World
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon import watch
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.net.listen import LocalListener, listen_local
from tunnel_whisperer.net.sockets import reset
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.server import policy
from tunnel_whisperer.tenancy import TenantBook, UserBook


class Bridge:
    """A connection of an application to a target, through all hops."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.application, self.target = Recorder(), Recorder()
        self.server: Profile
        self.serving: Role
        self.connected: Role
        self.root: ClientRoot
        self._listener: LocalListener

    async def stand(self) -> None:
        """Build it, and carry a word each way."""
        self._listener = await listen_local(HostPort("127.0.0.1", 0), lambda: self.target)
        self.server = self.world.enroll("plant")
        self.serving = self.world.serve(self.server)
        await self.serving.up()
        user = self.world.let_in(self.server, "alice", self._listener.bound_address)
        self.connected, self.root = await self.world.connect(user)
        await self.connected.up()
        assert self.root.tunnel is not None
        port = self.root.tunnel.ports[0].address
        await asyncio.get_running_loop().create_connection(lambda: self.application, port.host, port.port)
        assert self.application.transport is not None
        self.application.transport.write(b"up")
        await self.target.got(2)
        assert self.target.transport is not None
        self.target.transport.write(b"down")
        await self.application.got(4)

    async def fall(self) -> None:
        await self._listener.close()
        for end in (self.application, self.target):
            if end.transport is not None:
                end.transport.abort()


async def relay_stops(bridge: Bridge) -> None:
    await bridge.world.stop_relay()


async def relay_dies(bridge: Bridge) -> None:
    """As the kernel ends the sockets of a process that was killed: without a word of TLS."""
    assert bridge.world.relay is not None and bridge.world.relay.relay is not None
    listener = bridge.world.relay.relay._listener
    assert listener is not None
    for counted in list(listener._open):
        assert counted.transport is not None
        counted.transport.abort()


async def link_of_the_server_dies(bridge: Bridge) -> None:
    """Seen from the relay, as a server's process that was killed."""
    assert bridge.world.relay is not None and bridge.world.relay.relay is not None
    listener = bridge.world.relay.relay._listener
    assert listener is not None
    first = next(iter(listener._open))
    assert first.transport is not None
    first.transport.abort()


async def relay_ends_every_stream(bridge: Bridge) -> None:
    """What a proxy in front of a relay that died may make of it: a whole answer, END_STREAM and all."""
    assert bridge.world.relay is not None and bridge.world.relay.relay is not None
    for acceptor in bridge.world.relay.relay._acceptors.values():
        for stream in list(acceptor._streams.values()):
            acceptor.stream_end(stream.stream_id)


async def server_stops(bridge: Bridge) -> None:
    await bridge.world.stop(bridge.serving)


async def client_stops(bridge: Bridge) -> None:
    await bridge.world.stop(bridge.connected)


async def session_to_the_server_is_lost(bridge: Bridge) -> None:
    assert bridge.root.tunnel is not None and bridge.root.tunnel.keeper.session is not None
    bridge.root.tunnel.keeper.session.abort()


async def user_is_deleted(bridge: Bridge) -> None:
    UserBook(bridge.server).delete("alice")


async def tenant_is_removed(bridge: Bridge) -> None:
    TenantBook(bridge.world.relay_profile).remove("plant")


async def target_resets(bridge: Bridge) -> None:
    assert bridge.target.transport is not None
    reset(bridge.target.transport)


async def application_resets(bridge: Bridge) -> None:
    assert bridge.application.transport is not None
    reset(bridge.application.transport)


DEATHS = [
    relay_stops,
    relay_dies,
    link_of_the_server_dies,
    relay_ends_every_stream,
    server_stops,
    client_stops,
    session_to_the_server_is_lost,
    user_is_deleted,
    tenant_is_removed,
]


async def _played(directory: Path, death: Callable[[Bridge], Awaitable[None]], half_closed: str) -> Bridge:
    async with World(directory) as world:
        bridge = Bridge(world)
        await bridge.stand()
        if half_closed:
            ends = {"up": bridge.application, "down": bridge.target}
            other = {"up": bridge.target, "down": bridge.application}
            transport = ends[half_closed].transport
            assert transport is not None
            transport.write_eof()
            await other[half_closed].got_eof()
        await death(bridge)
        await _over(bridge.application, may_have_ended=half_closed == "down")
        await _over(bridge.target, may_have_ended=half_closed == "up")
        await bridge.fall()
        return bridge


async def _over(end: Recorder, *, may_have_ended: bool) -> None:
    """Wait until an end learns of it. asyncio does not look at a socket behind its end any more, so
    there it takes a write."""
    assert end.transport is not None
    async with asyncio.timeout(5):
        while not end.lost and end.eof == may_have_ended:
            if end.eof:
                end.transport.write(b"?")
            await asyncio.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)
    monkeypatch.setattr(policy, "EXPIRY_CHECK_S", 0.02)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("half_closed", ["", "up", "down"])
@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.__name__)
def test_a_connection_that_is_cut_is_reset_on_both_ends(
    death: Callable[[Bridge], Awaitable[None]], half_closed: str, tmp_path: Path
) -> None:
    bridge = real_run(_played(tmp_path, death, half_closed), timeout_s=30)
    for end, may_have_ended in (
        (bridge.application, half_closed == "down"),
        (bridge.target, half_closed == "up"),
    ):
        assert end.eof == may_have_ended, str(end)
        assert isinstance(end.lost_exc, ConnectionError), str(end)  # reset; a broken pipe for who wrote


@pytest.mark.usefixtures("quick")
def test_a_target_that_resets_resets_the_application(tmp_path: Path) -> None:
    bridge = real_run(_played(tmp_path, target_resets, ""))
    assert isinstance(bridge.application.lost_exc, ConnectionResetError) and not bridge.application.eof


@pytest.mark.usefixtures("quick")
def test_an_application_that_resets_resets_the_target(tmp_path: Path) -> None:
    bridge = real_run(_played(tmp_path, application_resets, ""))
    assert isinstance(bridge.target.lost_exc, ConnectionResetError) and not bridge.target.eof
