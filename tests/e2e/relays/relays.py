"""The two relays, with the same two tenants, each alone on a machine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tests.e2e.relays.island import Island
from tests.e2e.relays.standard import StandardMachine
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.provision.standard import SiteTenant
from tunnel_whisperer.tenancy import JoinRequest, TenantBook, enroll_server

__all__ = ["KINDS", "SERVERS", "World"]

SERVERS = ("plant", "mill")
RELAY_SSH = HostPort("127.0.0.1", 22)


class _Kind(Protocol):
    def make(self, world: World) -> None:
        """Start it, and let the servers in that have asked."""


class _Embedded:
    """``tw relay run``."""

    def make(self, world: World) -> None:
        island = world.island
        words = ("relay", "run", "--domain", "localhost", "--listen", ":443")
        island.start("relay", *island.tw_command("relay", *words))
        island.wait_for("relay", "listening on")
        for server in SERVERS:
            island.tw("relay", "enroll", str(world.request(server)), "--out", str(world.response(server)))


class _Standard:
    """Caddy, Xray and OpenSSH, with the files that we render."""

    def make(self, world: World) -> None:
        profile = world.profile("relay")
        world.standard = StandardMachine(world.island, profile)
        ca = profile.relay_ca_cert.read_text()
        host_key = profile.read(profile.host_key)
        for server in SERVERS:
            response = enroll_server(profile, JoinRequest.parse(world.request(server).read_bytes()))
            # The machine's certificate is not a public one here.
            response = replace(response, relay_ca=ca).signed(host_key)
            world.response(server).write_text(response.to_text())
        world.standard.enroll()


KINDS: dict[str, type[_Kind]] = {"embedded": _Embedded, "standard": _Standard}


class World:
    """A relay, two servers with a user each, and a service beside them."""

    def __init__(self, island: Island, kind: str) -> None:
        self.island = island
        self.standard: StandardMachine | None = None
        """Where the relay is one."""
        for server in SERVERS:
            island.tw(server, "join", "localhost", "--id", server, "--out", str(self.request(server)))
        KINDS[kind]().make(self)
        for server in SERVERS:
            island.tw(server, "join", "--apply", str(self.response(server)))
            self.let_in(server)
        for server in SERVERS:
            island.start(server, *island.tw_command(server, "serve"))
        for server in SERVERS:
            island.wait_for(server, "connected: published")
            self._wait_for_users(server)

    def _wait_for_users(self, server: str) -> None:
        """A standard relay hears of them right after the server has come."""
        if self.standard is not None:
            self.standard.wait_for_users(server)

    def profile(self, identity: str) -> Profile:
        return Profile(self.island.directory / identity)

    def request(self, server: str) -> Path:
        return self.island.directory / f"{server}.json"

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
