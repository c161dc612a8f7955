"""The whole product on one machine: relay, server and client in a temporary directory.

Nothing is faked: three identities with keys of their own, a join request and its response, a
bundle that is packed and opened, TLS with client certificates, and three roles that know of each
other only what those files say. They share this process, and talk over loopback.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from ..base.errors import PeerFault, Unreachable
from ..base.tasks import TaskSet
from ..base.values import Grant, HostPort
from ..bundle import install_bundle, open_bundle, pack_client
from ..net.listen import listen_local
from ..profile import Profile, load_config
from ..ssh.keeper import KeeperState, KeeperStatus
from ..tenancy import (
    JoinRequest,
    JoinResponse,
    TenantBook,
    UserBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)
from .client_root import ClientRoot
from .demo_service import BLOB_BYTES, DemoService, blob
from .relay_root import RelayRoot
from .server_root import ServerRoot

__all__ = ["Demo", "DemoCheck"]

_log = logging.getLogger("tw.demo")

_SERVER_ID = "demo-server"
_USER = "alice"
_CONNECT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class DemoCheck:
    """What came back through the tunnel."""

    bytes_down: int
    bytes_up: int
    seconds: float
    is_http: bool
    """False for a target of the user's own: then only the connection was checked."""


class Demo:
    """A running demonstration; an async context manager that leaves nothing behind.

    Args:
        tell: called with each step, in words.
        target: a service of the user's own to put behind the tunnel instead of the built-in one.
    """

    def __init__(self, tell: Callable[[str], None], target: HostPort | None = None) -> None:
        self._tell = tell
        self._own_target = target
        self._directory = Path(tempfile.mkdtemp(prefix="tw-demo-"))
        self._tasks = TaskSet("demo", _log)
        self._relay: RelayRoot | None = None
        self._service: DemoService | None = None
        self._client: ClientRoot | None = None

    async def __aenter__(self) -> Demo:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def local(self) -> HostPort:
        """Where the tunnel begins."""
        assert self._client is not None and self._client.tunnel is not None
        return self._client.tunnel.ports[0].address

    async def check(self) -> DemoCheck:
        """Carry data both ways and compare it.

        Raises:
            TwError: something did not come back as it was sent.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._own_target is not None:
            await self._check_target(self._own_target)
            return DemoCheck(0, 0, loop.time() - began, is_http=False)
        down, up = await asyncio.to_thread(_exchange, f"http://{self.local}")
        return DemoCheck(down, up, loop.time() - began, is_http=True)

    async def _check_target(self, target: HostPort) -> None:
        """The server reaches it: the channel is confirmed only then."""
        assert self._client is not None and self._client.tunnel is not None
        session = await self._client.tunnel.keeper.wait_session(_CONNECT_TIMEOUT_S)
        channel, _ = await session.open_channel(target, self.local, asyncio.Protocol)
        channel.abort()

    # -- the steps --------------------------------------------------------------------------

    async def _start(self) -> None:
        target = self._own_target or self._start_service()
        relay = await self._start_relay()
        server = self._enroll(relay)
        bundle = self._let_in(server, target)
        await self._serve(server)
        await self._connect(bundle)

    def _start_service(self) -> HostPort:
        self._service = DemoService()
        self._tell(f"service: a web page on {self._service.address}, the thing to be reached")
        return self._service.address

    async def _start_relay(self) -> HostPort:
        profile = Profile(self._directory / "relay")
        make_relay_identity(profile, "localhost")
        config = load_config(profile.config)
        self._relay = RelayRoot(profile, replace(config, relay=replace(config.relay, listen="127.0.0.1:0")))
        bound = await self._relay.start()
        self._tell(f"relay: listens on {bound}, the only open port of the three")
        return bound

    def _enroll(self, relay: HostPort) -> Profile:
        server = Profile(self._directory / "server")
        make_server_identity(server, _SERVER_ID)
        # As text, for that is how they travel between people.
        request = JoinRequest.parse(make_join_request(server, "localhost").to_text())
        at_relay = Profile(self._directory / "relay")
        record = TenantBook(at_relay).enroll(request)
        response = make_join_response(at_relay, request, record.port, relay_port=relay.port)
        apply_response(server, JoinResponse.parse(response.to_text()))
        assert self._relay is not None
        self._relay.refresh()
        self._tell(f"server: {_SERVER_ID} made its keys and was enrolled at the relay")
        return server

    def _let_in(self, server: Profile, target: HostPort) -> bytes:
        # Port 0: the demonstration takes whatever local port is free.
        user = UserBook(server).create(_USER, (Grant(target.port, target),))
        self._tell(f"server: user {_USER} may reach {target}, and nothing else")
        return pack_client(server, user)

    async def _serve(self, profile: Profile) -> None:
        up = asyncio.Event()
        root = ServerRoot(profile, lambda status: _when_up(status, up))
        task = self._tasks.spawn(root.run(), "server")
        await _wait(up, task)
        self._tell("server: dialled the relay and published its SSH there; no port of it is open")

    async def _connect(self, bundle: bytes) -> None:
        up = asyncio.Event()
        profile = Profile(self._directory / "client")
        install_bundle(profile, open_bundle(bundle))
        self._client = client = ClientRoot(profile, on_change=lambda status: _when_up(status, up))
        grant = client.settings.ports[0]
        client.settings = replace(client.settings, ports=(Grant(await _free_port(), grant.target),))
        await client.start()
        task = self._tasks.spawn(client.run(), "client")
        self._tell(f"client: opened {_USER}'s file; {self.local} leads to {grant.target} over there")
        await _wait(up, task)
        self._tell("client: the SSH session to the server is up, end to end, through the relay, over HTTPS")

    async def _stop(self) -> None:
        await self._tasks.drain()
        if self._relay is not None:
            await self._relay.close()
        if self._service is not None:
            self._service.close()
        shutil.rmtree(self._directory, ignore_errors=True)


def _when_up(status: KeeperStatus, up: asyncio.Event) -> None:
    if status.state is KeeperState.UP:
        up.set()


async def _wait(up: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Until ``up``; a task that ends before that tells why.

    Raises:
        TwError: its failure, or ``timeout``.
    """
    waiter = asyncio.get_running_loop().create_task(up.wait(), name="demo/up")
    try:
        await asyncio.wait((waiter, task), timeout=_CONNECT_TIMEOUT_S, return_when="FIRST_COMPLETED")
    finally:
        waiter.cancel()
    if task.done():
        await task
    if not up.is_set():
        raise Unreachable("timeout", f"no session within {_CONNECT_TIMEOUT_S:g} s")


async def _free_port() -> int:
    listener = await listen_local(HostPort("127.0.0.1", 0), asyncio.Protocol)
    await listener.close()
    return listener.bound_address.port


def _exchange(base: str) -> tuple[int, int]:
    """Fetch the page, then a large body each way; returns the bytes of each direction."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    expected = hashlib.sha256(blob()).hexdigest()
    try:
        page = opener.open(f"{base}/", timeout=30).read()
        down = opener.open(f"{base}/blob", timeout=60).read()
        request = urllib.request.Request(f"{base}/digest", data=blob(), method="POST")  # noqa: S310 - http
        answer = opener.open(request, timeout=60).read().decode()
    except (OSError, urllib.error.URLError) as exc:
        raise Unreachable("session-lost", f"the service was not reached through the tunnel: {exc}") from exc
    if b"<title>" not in page or hashlib.sha256(down).hexdigest() != expected or answer != expected:
        raise PeerFault("protocol-fault", "the bytes that came back are not those that were sent")
    return len(page) + len(down), BLOB_BYTES
