"""A standard relay is changed while others use it: not a byte of theirs is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.lab import missing as no_namespaces
from tests.e2e.relays.island import Island
from tests.e2e.relays.relays import World
from tests.e2e.relays.standard import StandardMachine
from tests.interop import caddy, xray
from tests.provision.standard.sites import ca, key
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.doctor import Report, walk_way
from tunnel_whisperer.provision.standard import SiteTenant, files
from tunnel_whisperer.tenancy import JoinRequest, UserBook, enroll_server

_LACKING = (
    no_namespaces() or caddy.missing() or xray.missing() or ("" if shutil.which("sshd") else "no sshd here")
)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("relay-changes"),  # one machine for all
    pytest.mark.skipif(bool(_LACKING), reason=_LACKING),
]

PROBE = str(Path(__file__).parents[1] / "probe.py")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Island(tmp_path_factory.mktemp("standard")) as island:
        island.start("service", sys.executable, PROBE, "serve", "5000")
        world = World(island, "standard")
        island.start("client", *island.tw_command("at-plant", "connect"))
        island.wait_for("client", "connected to the server")
        yield world


@pytest.fixture
def relay(world: World) -> Iterator[StandardMachine]:
    assert world.standard is not None
    yield world.standard
    world.standard.apply(*world.site_tenants())
    assert not world.standard.drift()


def _third() -> SiteTenant:
    return SiteTenant("third", uuid.uuid4(), ca("third"), key(3), 20002)


def _probe(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    return world.island.run(sys.executable, PROBE, words[0], "15000", *words[1:])


def test_tenants_come_and_go_while_another_ones_bytes_pass(world: World, relay: StandardMachine) -> None:
    under_way = world.island.start("tick", sys.executable, PROBE, "tick", "15000", "6")
    bulk = world.island.start("bulk", sys.executable, PROBE, "fetch", "15000", str(600 << 20))
    third = _third()
    for _ in range(2):
        change = relay.apply(*world.site_tenants(), third)
        assert change.add_inbounds == ("slot-20002",) and "reloading Caddy" in relay.steps
        change = relay.apply(*world.site_tenants())
        assert change.remove_inbounds == ("slot-20002",)
    assert bulk.wait(60) == 0, world.island.log_path("bulk").read_text()
    assert under_way.wait(60) == 0, world.island.log_path("tick").read_text()
    assert world.island.log_path("client").read_text().count("connected to the server") == 1


def _users(relay: StandardMachine, world: World) -> set[str]:
    """Who is let in at plant's door, but the server itself."""
    script = f"xray api inbounduser -s=127.0.0.1:{relay.site.layout.api_port} -tag=slot-20000"
    done = world.island.run("sh", "-c", script, PATH=f"{relay.folder}/bin:/usr/bin:/bin")
    return {user["email"] for user in json.loads(done.stdout)["users"]} - {"plant/server"}


def _wait_for_users(relay: StandardMachine, world: World, expected: set[str]) -> None:
    deadline = time.monotonic() + 15
    while (found := _users(relay, world)) != expected:
        assert time.monotonic() < deadline, f"{found}\n{world.island.log_path('plant').read_text()}"
        time.sleep(0.1)


def test_a_server_lets_its_users_in_and_out_by_itself(world: World, relay: StandardMachine) -> None:
    book = UserBook(world.profile("plant"))
    first = f"plant/{book.get('at-plant').uuid}"
    _wait_for_users(relay, world, {first})
    world.island.tw(
        "plant", "create", "user", "second", "-m", "5000", "--out", str(relay.folder / "second.zip")
    )
    second = f"plant/{book.get('second').uuid}"
    _wait_for_users(relay, world, {first, second})
    # Xray forgets them with the door, and is told them again: from what the server said last.
    relay.apply(*(tenant for tenant in world.site_tenants() if tenant.server_id == "mill"))
    assert not list((relay.folder / "users").glob("plant"))
    relay.apply(*world.site_tenants())
    _wait_for_users(relay, world, {first, second})
    world.island.tw("plant", "delete", "user", "second", "--yes")
    _wait_for_users(relay, world, {first})


def test_a_list_that_is_none_changes_nothing(world: World, relay: StandardMachine) -> None:
    before = _users(relay, world)
    script = relay.site.layout.users_script
    for command, given, status in (
        ("users", "plant/x\n", 65),
        ("users", "../../etc/passwd\n", 65),
        ("users", "-" * 36 + "\n", 65),
        ("users", f"{uuid.uuid4()}\n" * 6000, 65),
        ("id", "", 64),
        ("", "", 64),
    ):
        done = subprocess.run(
            ("ip", "netns", "exec", world.island.name, script, "plant", "slot-20000", "30000"),
            input=given,
            env={"PATH": f"{relay.folder}/bin:/usr/bin:/bin", "SSH_ORIGINAL_COMMAND": command},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done
    assert _users(relay, world) == before
    left = {path.suffix for path in (relay.folder / "users").iterdir()}
    assert left <= {"", ".lock"}, left


def test_a_tenant_that_is_removed_is_cut_at_once(world: World, relay: StandardMachine) -> None:
    plant, mill = sorted(world.site_tenants(), key=lambda tenant: tenant.server_id, reverse=True)
    tick = world.island.start("cut", sys.executable, PROBE, "tick", "15000", "30")
    time.sleep(0.5)
    began = time.monotonic()
    relay.apply(mill)
    assert tick.wait(20) != 0 and time.monotonic() - began < 10
    assert world.island.run("ss", "-Hltn", "sport = :20000").stdout == ""
    relay.apply(plant, mill)
    deadline = time.monotonic() + 45
    while _probe(world, "short", "1").returncode:
        assert time.monotonic() < deadline, world.island.log_path("client").read_text()


def test_what_a_program_does_not_take_is_put_back(world: World, relay: StandardMachine) -> None:
    before = {file.path: Path(file.path).read_bytes() for file in files(relay.site)}
    site = relay.site
    # A file that Caddy cannot read as a certificate: found when it is asked, after all was written.
    broken = replace(_third(), server_id="broken")
    folder = relay.folder / "tenants" / "broken.crt"
    with pytest.raises(Refused, match="asking Caddy") as caught:
        relay.site = replace(site, layout=replace(site.layout, tls_files=(str(folder), str(folder))))
        relay.apply(*world.site_tenants(), broken)
    relay.site = site
    assert caught.value.code == "not-applied"
    after = {path: Path(path).read_bytes() for path in before}
    assert after == before and not folder.exists()
    assert not relay.drift()
    assert _probe(world, "short", "5").returncode == 0


def test_a_door_that_does_not_open_is_put_back_too(world: World, relay: StandardMachine) -> None:
    busy = world.island.start(
        "busy", sys.executable, "-c",
        "import socket, time; s = socket.create_server(('127.0.0.1', 30002)); time.sleep(60)",
    )  # fmt: skip
    world.island.wait_for_port(30002)
    with pytest.raises(Refused, match="opening slot-20002"):
        relay.apply(*world.site_tenants(), _third())
    busy.terminate()
    busy.wait()
    assert not relay.drift()


def test_what_somebody_changed_by_hand_is_found_and_healed(world: World, relay: StandardMachine) -> None:
    (relay.folder / "Caddyfile").write_text("# mine now\n")
    (relay.folder / "tenants" / "stranger.crt").write_text(ca("stranger"))
    script = f"xray api rmi -s=127.0.0.1:{relay.site.layout.api_port} slot-20001"
    world.island.run("sh", "-c", script, PATH=f"{relay.folder}/bin:/usr/bin:/bin")
    words = relay.drift().in_words()
    assert words == [
        f"{relay.folder}/Caddyfile is not as it should be",
        f"{relay.folder}/tenants/stranger.crt should not be there",
        "Xray has no slot-20001",
    ]
    relay.apply(*world.site_tenants())
    assert not relay.drift() and not (relay.folder / "tenants" / "stranger.crt").exists()


def _tested(world: World, relay: StandardMachine) -> Report:
    """What ``tw test relay`` says."""
    with world.island.loop() as thread:
        work = walk_way(relay.relay.way(), lambda _: None)
        return asyncio.run_coroutine_threadsafe(work, thread.loop).result(60)


def test_the_administrator_comes_by_the_relay_itself(world: World, relay: StandardMachine) -> None:
    """By then with the host key that servers pin, which was in no user-data."""
    identity = world.profile("relay")
    assert not (identity.relay / "first_host_key").exists()
    assert Path(relay.site.layout.host_key).read_bytes() == identity.read(identity.host_key)
    assert not relay.enroll()
    assert [step.name for step in _tested(world, relay).steps][-1] == "machine"
    (relay.folder / "Caddyfile").write_text("# mine now\n")
    failure = _tested(world, relay).failure
    assert failure is not None and failure.code == "relay-differs" and "Caddyfile" in failure.why
    assert [file.path for file in relay.enroll().write] == [relay.site.layout.caddyfile]


def test_who_is_connected_is_seen_at_the_machine(world: World, relay: StandardMachine) -> None:
    words = ("list", "servers", "--live", "--json")
    rows = json.loads(world.island.tw("relay", *words))
    assert [(row["server"], row["online"]) for row in rows] == [("mill", True), ("plant", True)]


def test_a_server_that_is_enrolled_twice_is_there_once(world: World, relay: StandardMachine) -> None:
    request = JoinRequest.parse(world.request("plant").read_bytes())
    enroll_server(world.profile("relay"), request)
    assert not relay.enroll()
