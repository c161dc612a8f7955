"""The two relays, with the same two tenants, each alone on a machine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tests.e2e.relays.island import Island
from tests.e2e.relays.standard import StandardRelay
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.provision.standard import SiteTenant
from tunnel_whisperer.tenancy import JoinResponse, TenantBook
from tunnel_whisperer.tenancy.join import STANDARD_ACCOUNT

__all__ = ["KINDS", "SERVERS", "World"]

SERVERS = ("plant", "mill")
RELAY_SSH = HostPort("127.0.0.1", 22)


class _Kind(Protocol):
    def prepare(self, world: World) -> None:
        """Before the servers apply their responses."""

    def run(self, world: World) -> None:
        """Start it, and wait until it listens."""


class _Embedded:
    """``tw relay run``."""

    def prepare(self, world: World) -> None:
        """Nothing to do."""

    def run(self, world: World) -> None:
        world.island.start("relay", *world.island.tw_command("relay", "relay", "run"))
        world.island.wait_for("relay", "listening on")


class _Standard:
    """Caddy, Xray and OpenSSH, with the files that we render."""

    def prepare(self, world: World) -> None:
        """The slot is as a standard relay gives it."""
        host_key = world.profile("relay").read(world.profile("relay").host_key)
        for server in SERVERS:
            path = world.response(server)
            response = JoinResponse.parse(path.read_bytes())
            response = replace(response, relay_user=STANDARD_ACCOUNT, announce_users=True)
            path.write_text(response.signed(host_key).to_text())

    def run(self, world: World) -> None:
        world.standard = StandardRelay(world.island, world.profile("relay"))
        world.standard.apply(*world.site_tenants())


KINDS: dict[str, type[_Kind]] = {"embedded": _Embedded, "standard": _Standard}


class World:
    """A relay, two servers with a user each, and a service beside them."""

    def __init__(self, island: Island, kind: str) -> None:
        self.island = island
        self.standard: StandardRelay | None = None
        """Where the relay is one."""
        self._kind = KINDS[kind]()
        self._enroll()
        self._kind.prepare(self)
        for server in SERVERS:
            island.tw(server, "join", "--apply", str(self.response(server)))
            self.let_in(server)
        self._kind.run(self)
        for server in SERVERS:
            island.start(server, *island.tw_command(server, "serve"))
        for server in SERVERS:
            island.wait_for(server, "connected: published")

    def profile(self, identity: str) -> Profile:
        return Profile(self.island.directory / identity)

    def response(self, server: str) -> Path:
        return self.island.directory / f"{server}-response.json"

    def bundle(self, server: str) -> Path:
        return self.island.directory / f"at-{server}.zip"

    def site_tenants(self) -> list[SiteTenant]:
        """The registry."""
        return [
            SiteTenant(
                record.server_id,
                record.uuid,
                record.ca_pem,
                record.ssh_public_key,
                record.port,
            )
            for record in TenantBook(self.profile("relay")).all()
        ]

    def port_of(self, server: str) -> int:
        """The tenant's port at the relay."""
        return load_config(self.profile(server).config).server.remote_port

    def let_in(self, server: str) -> None:
        """A user of that server, unpacked at ``at-<server>``."""
        self.island.tw(
            server, "create", "user", f"at-{server}", "-m", "15000:5000", "--out", str(self.bundle(server))
        )
        directory = self.profile(f"at-{server}").directory
        directory.mkdir(mode=0o700)
        shutil.unpack_archive(self.bundle(server), directory)
        for path in directory.iterdir():
            path.chmod(0o600)

    def _enroll(self) -> None:
        island = self.island
        relay = island.start(
            "setup", *island.tw_command("relay", "relay", "run", "--domain", "localhost", "--listen", ":443")
        )
        island.wait_for("setup", "listening on")
        for server in SERVERS:
            request = str(island.directory / f"{server}.json")
            island.tw(server, "join", "localhost", "--id", server, "--out", request)
            island.tw("relay", "enroll", request, "--out", str(self.response(server)))
        relay.terminate()
        relay.wait(10)
