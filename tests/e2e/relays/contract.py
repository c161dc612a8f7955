"""What the endpoints may rely on at any relay (design.md section 3): the same tests for both kinds.

``test_embedded.py`` and ``test_standard.py`` take them over, each with a ``world`` of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.e2e.lab import missing as no_namespaces
from tests.e2e.relays.island import Island
from tests.e2e.relays.relays import RELAY_SSH, SERVERS, World
from tests.interop import caddy, xray
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.uplinks import uplink_settings
from tunnel_whisperer.net.uplink import Uplink, UplinkSettings
from tunnel_whisperer.profile import load_config

_LACKING = (
    no_namespaces() or caddy.missing() or xray.missing() or ("" if shutil.which("sshd") else "no sshd here")
)
marks = [pytest.mark.e2e, pytest.mark.skipif(bool(_LACKING), reason=_LACKING)]

PROBE = str(Path(__file__).parents[1] / "probe.py")
SIZE = 16 << 20


def made(kind: str, directory: Path) -> Iterator[World]:
    """The world of a module's tests."""
    with Island(directory) as island:
        island.start("service", sys.executable, PROBE, "serve", "5000")
        yield World(island, kind)


# -- traffic ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("http", ["2", "1.1"])
@pytest.mark.parametrize("transport", ["stream-one", "stream-up", "packet-up"])
def test_bytes_come_back_right(world: World, transport: str, http: str) -> None:
    island, identity = world.island, f"{transport}-{http}"
    directory = world.profile(identity).directory
    shutil.copytree(world.profile("at-plant").directory, directory)
    config = yaml.safe_load((directory / "config.yaml").read_text())
    config["xray"] |= {"transport": transport, "http": http}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    process = island.start(identity, *island.tw_command(identity, "connect"))
    try:
        island.wait_for(identity, "connected to the server")
        for verb, argument in (("fetch", SIZE), ("push", SIZE), ("short", 50)):
            done = island.run(sys.executable, PROBE, verb, "15000", str(argument))
            assert done.returncode == 0, f"{verb}: {done.stderr}\n{island.log_path(identity).read_text()}"
    finally:
        process.terminate()
        process.wait(10)


# -- who may reach what ----------------------------------------------------------------------------


class _FirstBytes(asyncio.Protocol):
    """What the other end says by itself."""

    def __init__(self) -> None:
        self.said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if not self.said.done():
            self.said.set_result(data)

    def eof_received(self) -> bool:
        self._nothing()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._nothing()

    def _nothing(self) -> None:
        if not self.said.done():
            self.said.set_result(b"")


async def _greeting(settings: UplinkSettings, destination: HostPort) -> bytes:
    """The first bytes from there; empty when there are none."""
    uplink = Uplink(settings)
    try:
        async with asyncio.timeout(10):
            transport, protocol = await uplink.open(destination, _FirstBytes)
            assert isinstance(protocol, _FirstBytes)
            said = await protocol.said
            transport.abort()
            return said
    except TwError:
        return b""
    finally:
        await uplink.close()


def _settings(world: World, identity: str) -> UplinkSettings:
    profile = world.profile(identity)
    return replace(uplink_settings(profile, load_config(profile.config)), transport="stream-one")


def _reaches(world: World, settings: UplinkSettings, destination: HostPort) -> bool:
    with world.island.loop() as thread:
        said = asyncio.run_coroutine_threadsafe(_greeting(settings, destination), thread.loop).result(20)
    assert said == b"" or said.startswith(b"SSH-2.0-"), said
    return bool(said)


def test_a_user_reaches_the_own_server_and_nothing_else(world: World) -> None:
    settings = _settings(world, "at-plant")
    plant, mill = (HostPort("127.0.0.1", world.port_of(server)) for server in SERVERS)
    assert _reaches(world, settings, plant)
    for other in (
        mill,
        RELAY_SSH,
        HostPort("127.0.0.1", 443),
        HostPort("127.0.0.1", 5000),
        HostPort("127.0.0.1", 10085),
        HostPort("localhost", plant.port),
        HostPort("127.0.0.2", plant.port),
        HostPort("::1", plant.port),
        HostPort("10.99.99.99", plant.port),
    ):
        assert not _reaches(world, settings, other), other


def test_a_server_reaches_the_relays_ssh_as_well(world: World) -> None:
    settings = _settings(world, "plant")
    assert _reaches(world, settings, RELAY_SSH)
    assert _reaches(world, settings, HostPort("127.0.0.1", world.port_of("plant")))
    assert not _reaches(world, settings, HostPort("127.0.0.1", world.port_of("mill")))
    assert not _reaches(world, settings, HostPort("127.0.0.1", 5000))


@pytest.mark.parametrize("foreign", ["path", "certificate", "uuid"])
def test_everything_has_to_belong_together(world: World, foreign: str) -> None:
    own, other = _settings(world, "at-plant"), _settings(world, "at-mill")
    if foreign == "path":
        mixed = replace(own, path=other.path)
    elif foreign == "uuid":
        mixed = replace(own, uuid=other.uuid)
    else:
        mixed = replace(
            own, relay=replace(own.relay, certificate=other.relay.certificate, key=other.relay.key)
        )
    for server in SERVERS:
        assert not _reaches(world, mixed, HostPort("127.0.0.1", world.port_of(server)))


# -- strangers -------------------------------------------------------------------------------------


def test_to_strangers_it_says_nothing(world: World) -> None:
    answers = set()
    for path in ("/", "/tw/plant/", "/tw/plant/x/0", "/tw/mill/", "/tw/nobody/", "/admin"):
        for words in ((), ("-X", "POST"), ("-X", "OPTIONS"), ("-H", "X-Client-Certificate: AAAA")):
            done = world.island.run("curl", "-sk", "-D", "-", *words, f"https://localhost{path}")
            assert done.returncode == 0, done.stderr
            head = done.stdout.lower().splitlines()
            answers.add("\n".join(line for line in head if not line.startswith("date:")))
    assert len(answers) == 1, answers
    (answer,) = answers
    assert answer.split()[:2] == ["http/2", "404"]
    for word in ("caddy", "xray", "server:", "via:", "x-padding", "python"):
        assert word not in answer


def test_only_443_is_open_to_others(world: World) -> None:
    listening = world.island.run("ss", "-Hltn").stdout.split("\n")
    addresses = {line.split()[3] for line in listening if line.strip()}
    public = {where.rpartition(":")[2] for where in addresses if not where.startswith(("127.", "[::1]"))}
    # The service is the test's own; Caddy's other port only redirects.
    assert public - {"5000"} <= {"443", "80"}, addresses


def test_plain_ssh_to_the_relay_gets_a_tenant_no_further(world: World) -> None:
    """With the server's own key, from loopback: neither a shell nor another's port, nor a way out."""
    island, server = world.island, world.profile("plant")
    settings = load_config(server.config).server
    if not island.run("ss", "-Hltn", "sport = :22").stdout.strip():
        return  # this relay's SSH is inside its streams only
    known = island.directory / "known_hosts"
    known.write_text(f"127.0.0.1 {settings.relay_host_key}\n")
    ssh = (
        "ssh", "-F", "none", "-i", str(server.private_key), "-l", settings.relay_ssh_user, "-o", "BatchMode=yes",
        "-o", f"UserKnownHostsFile={known}", "-o", "ExitOnForwardFailure=yes", "-o", "IdentitiesOnly=yes",
    )  # fmt: skip
    assert island.run(*ssh, "127.0.0.1", "id").returncode != 0
    assert island.run(*ssh, "-N", "-R", f"127.0.0.1:{world.port_of('mill')}:x:1", "127.0.0.1").returncode != 0
    assert island.run(*ssh, "-N", "-R", "127.0.0.1:20555:x:1", "127.0.0.1").returncode != 0
    assert island.run(*ssh, "-W", "127.0.0.1:5000", "127.0.0.1").returncode != 0
