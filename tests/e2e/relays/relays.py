"""The two relays, with the same two tenants, each alone on a machine."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tests.e2e.relays.island import Island
from tests.interop.caddy import binary
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.provision.standard import (
    Layout,
    Site,
    SiteTenant,
    authorized_keys,
    caddyfile,
    sshd_config,
    xray_config,
)
from tunnel_whisperer.tenancy import JoinResponse, TenantBook, UserBook

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
    """Caddy, Xray and OpenSSH, with the files that we render.

    Unrealistic: the certificate is a private CA's, the tenants' account is the system's ``daemon``.
    """

    _account = "daemon"

    def prepare(self, world: World) -> None:
        """The slot is of another account than the embedded relay gives."""
        host_key = world.profile("relay").read(world.profile("relay").host_key)
        for server in SERVERS:
            path = world.response(server)
            response = replace(JoinResponse.parse(path.read_bytes()), relay_user=self._account)
            path.write_text(response.signed(host_key).to_text())

    def run(self, world: World) -> None:
        files = world.island.directory / "standard"
        files.mkdir(mode=0o755)
        self._open_way(files)
        relay = world.profile("relay")
        for name, source in (("relay.crt", relay.relay_cert), ("relay.key", relay.relay_key)):
            (files / name).write_bytes(relay.read(source))
        layout = Layout(
            account=self._account,
            caddy_admin="off",
            tenant_cas=str(files),
            authorized_keys=str(files / "authorized_keys"),
            tls_files=(str(files / "relay.crt"), str(files / "relay.key")),
        )
        site = Site("localhost", tuple(world.site_tenants()), layout=layout)
        self._write(files, site, host_key=relay.read(relay.host_key))
        self._start(world.island, files)

    @staticmethod
    def _open_way(directory: Path) -> None:
        """sshd reads the tenants' file with the account's rights."""
        for parent in (directory, *directory.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o011)

    @staticmethod
    def _write(files: Path, site: Site, host_key: bytes) -> None:
        for tenant in site.tenants:
            Path(site.layout.ca_file(tenant)).write_text(tenant.ca_pem)
        (files / "Caddyfile").write_text(caddyfile(site))
        (files / "xray.json").write_text(json.dumps(xray_config(site)))
        (files / "authorized_keys").write_text(authorized_keys(site))
        (files / "authorized_keys").chmod(0o644)
        (files / "host").write_bytes(host_key)
        (files / "host").chmod(0o600)
        uid = pwd.getpwnam(site.layout.account).pw_uid
        assert uid and os.geteuid() == 0
        more = f"HostKey {files}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        (files / "sshd_config").write_text(more + sshd_config(site))

    @staticmethod
    def _start(island: Island, files: Path) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        island.start("sshd", shutil.which("sshd") or "sshd", "-D", "-e", "-f", str(files / "sshd_config"))
        program = "import sys, xray; xray.startFromJSON(open(sys.argv[1]).read())"
        island.start("xray", sys.executable, "-c", program, str(files / "xray.json"))
        config = ("--config", str(files / "Caddyfile"), "--adapter", "caddyfile")
        island.start("caddy", binary() or "caddy", "run", *config, HOME=str(files), XDG_DATA_HOME=str(files))
        island.wait_for("xray", "started")
        for port in (22, 443):
            island.wait_for_port(port)


KINDS: dict[str, type[_Kind]] = {"embedded": _Embedded, "standard": _Standard}


class World:
    """A relay, two servers with a user each, and a service beside them."""

    def __init__(self, island: Island, kind: str) -> None:
        self.island = island
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
        """The registry, with the users that the servers know."""
        return [
            SiteTenant(
                record.server_id,
                record.uuid,
                record.ca_pem,
                record.ssh_public_key,
                record.port,
                tuple(user.uuid for user in UserBook(self.profile(record.server_id)).all()),
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
