"""Many servers and clients of one relay in one process: real roles, real links, real sessions.

    swarm.py DIRECTORY PORT COUNT enrol     make the relay's identity and COUNT tenants, one user each
    swarm.py DIRECTORY PORT COUNT run       connect them all, say so, stay

Unlike the other loads this one imports the product, to make hundreds of its endpoints cheaply.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
from pathlib import Path

from tunnel_whisperer.base.tasks import TaskSet
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.daemon.process import run_until_stopped
from tunnel_whisperer.daemon.server_root import ServerRoot
from tunnel_whisperer.net import dial, sockets
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus
from tunnel_whisperer.tenancy import (
    TenantBook,
    UserBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)

_AT_ONCE = 16
_log = logging.getLogger("swarm")


def enrol(directory: Path, port: int, count: int) -> None:
    """What the commands do, without a process for each."""
    relay = Profile(directory / "relay")
    relay.ensure()
    make_relay_identity(relay, "127.0.0.1")
    book = TenantBook(relay)
    for number in range(count):
        server = Profile(directory / f"server-{number}")
        server.ensure()
        make_server_identity(server, f"s{number}")
        request = make_join_request(server, "127.0.0.1")
        record = book.enroll(request)
        apply_response(server, make_join_response(relay, request, record.port, relay_port=port))
        user = UserBook(server).create("alice", (Grant(30001 + number, HostPort("127.0.0.1", 9)),))
        client = Profile(directory / f"client-{number}")
        client.ensure()
        install_bundle(client, open_bundle(pack_client(server, user)))


def spread_sources() -> None:
    """Dial from many loopback addresses in turn: a relay takes MAX_CONNECTIONS_PER_ADDRESS from one,
    and a thousand machines do not share an address."""
    numbers = itertools.cycle(range(2, 250))

    def bind_and_tune(sock: socket.socket) -> None:
        sock.bind((f"127.0.0.{next(numbers)}", 0))
        sockets.tune(sock)

    vars(dial)["tune"] = bind_and_tune


class Swarm:
    """All the roles."""

    def __init__(self, directory: Path, count: int) -> None:
        self._directory = directory
        self._count = count
        self._tasks = TaskSet("swarm", _log)
        self._up: set[str] = set()

    async def run(self) -> None:
        """Servers first, then clients, a few at a time; then stay."""
        for kind in ("server", "client"):
            for start in range(0, self._count, _AT_ONCE):
                names = [f"{kind}-{number}" for number in range(start, min(start + _AT_ONCE, self._count))]
                for name in names:
                    self._tasks.spawn(self._role(kind, name), name)
                while not self._up.issuperset(names):
                    await asyncio.sleep(0.02)
        print("all connected", flush=True)
        await asyncio.Event().wait()

    async def _role(self, kind: str, name: str) -> None:
        def changed(status: KeeperStatus) -> None:
            if status.state is KeeperState.UP:
                self._up.add(name)
            elif name in self._up:
                print(f"{name} is no longer connected", flush=True)

        profile = Profile(self._directory / name)
        if kind == "server":
            await ServerRoot(profile, changed).run()
        else:
            root = ClientRoot(profile, on_change=changed)
            await root.start()
            await root.run()


def main() -> None:
    """One of the two."""
    directory, port, count, verb = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if verb == "enrol":
        enrol(directory, port, count)
    else:
        spread_sources()
        run_until_stopped(Swarm(directory, count).run)


if __name__ == "__main__":
    main()
