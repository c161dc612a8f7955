"""Identities of a relay, a server with many users, and their clients; and clients that come and go.

    people.py DIRECTORY PORT TARGET USERS TENANTS make      TARGET: port of the service at the server
    people.py DIRECTORY COUNT EVERY_S come                  COUNT are there; each EVERY_S one leaves and comes back

As the swarm it imports the product, to make hundreds cheaply.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from pathlib import Path

from tunnel_whisperer.base.tasks import TaskSet
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.daemon.process import run_until_stopped
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

from .swarm import spread_sources

FIRST_LOCAL = 30001
_WITH_A_FILE = 64
"""Users who get an identity of their own here: those who can come."""
_log = logging.getLogger("people")


def make(directory: Path, port: int, target: int, users: int, tenants: int) -> None:
    """The identities ``relay``, ``server`` and ``client``, and one of each user who can come."""
    relay, server = Profile(directory / "relay"), Profile(directory / "server")
    relay.ensure()
    make_relay_identity(relay, "127.0.0.1")
    book = TenantBook(relay)
    for number in range(tenants - 1):
        elsewhere = Profile(directory / "tenants" / f"plant-{number:03d}")
        elsewhere.ensure()
        make_server_identity(elsewhere, f"plant-{number:03d}")
        book.enroll(make_join_request(elsewhere, "127.0.0.1"))
    server.ensure()
    make_server_identity(server, "bench")
    request = make_join_request(server, "127.0.0.1")
    record = book.enroll(request)
    apply_response(server, make_join_response(relay, request, record.port, relay_port=port))
    at_server = UserBook(server)
    for number in range(users):
        grants = (
            Grant(FIRST_LOCAL + number, HostPort("127.0.0.1", target)),
            Grant(FIRST_LOCAL + 1000 + number, HostPort("127.0.0.1", 5432)),
        )
        user = at_server.create(f"user-{number:03d}", grants)
        if number < _WITH_A_FILE:
            client = Profile(directory / ("client" if number == 0 else f"people/{user.name}"))
            client.ensure()
            install_bundle(client, open_bundle(pack_client(server, user)))


class Crowd:
    """Clients of one server, each a session of its own."""

    def __init__(self, directory: Path, count: int, every_s: float) -> None:
        self._profiles = [
            Profile(directory / "people" / f"user-{number:03d}") for number in range(1, count + 1)
        ]
        self._every_s = every_s
        self._tasks = TaskSet("crowd", _log)
        self._up: set[str] = set()

    async def run(self) -> None:
        """All come; then one after the other leaves and comes back."""
        roles = [self._tasks.spawn(self._role(profile), profile.directory.name) for profile in self._profiles]
        while len(self._up) < len(roles):
            await asyncio.sleep(0.02)
        print("all connected", flush=True)
        for number in itertools.cycle(range(len(roles))):
            await asyncio.sleep(self._every_s)
            roles[number].cancel()
            await asyncio.wait((roles[number],))
            profile = self._profiles[number]
            roles[number] = self._tasks.spawn(self._role(profile), profile.directory.name)

    async def _role(self, profile: Profile) -> None:
        def changed(status: KeeperStatus) -> None:
            if status.state is KeeperState.UP:
                self._up.add(profile.directory.name)

        root = ClientRoot(profile, on_change=changed)
        await root.start()
        await root.run()


def main() -> None:
    """One of the two."""
    directory, *numbers, verb = sys.argv[1:]
    if verb == "make":
        make(Path(directory), *map(int, numbers))
    else:
        spread_sources()
        run_until_stopped(Crowd(Path(directory), int(numbers[0]), float(numbers[1])).run)


if __name__ == "__main__":
    main()
