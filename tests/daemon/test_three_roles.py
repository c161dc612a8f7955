"""Who is let in and who is not, seen on the whole: real identities, one process, loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Retry, TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon import watch
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.pki import CertificateAuthority, issue_client, sign_role
from tunnel_whisperer.profile import Profile, load_config, save_config
from tunnel_whisperer.server import policy
from tunnel_whisperer.tenancy import TenantBook, UserBook
from tunnel_whisperer.tunnel import TunnelSettings

Scenario = Callable[[World], Coroutine[None, None, None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)
    monkeypatch.setattr(policy, "EXPIRY_CHECK_S", 0.02)
    monkeypatch.setattr("tunnel_whisperer.base.backoff._STEPS", (0.05,) * 100)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World(tmp_path) as world:
                await scenario(world)

        real_run(main(), timeout_s=30)

    return run


async def _talk(root: ClientRoot, text: bytes, port: int = 0) -> bytes:
    """Say something through a local port, end, and listen to the end."""
    assert root.tunnel is not None
    address = root.tunnel.ports[port].address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(text)
        writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def _last_error(root: ClientRoot, port: int = 0) -> TwError:
    assert root.tunnel is not None
    error = root.tunnel.ports[port].last_error
    assert error is not None
    return error


async def _bridge(world: World) -> tuple[Profile, ClientRoot]:
    """Server ``plant``, and user alice who reaches an echo."""
    server = world.enroll("plant")
    await world.serve(server).up()
    role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
    await role.up()
    return server, root


def test_bytes_and_ends_travel_both_ways(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, root = await _bridge(world)
        assert await _talk(root, b"hello") == b"hello<end>"
        # The answer to an end of ours came after it: half-close is carried end to end.
        big = bytes(range(256)) * 8192
        assert await _talk(root, big) == big + b"<end>"

    play(scenario)


def test_a_target_that_was_not_granted_is_refused(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        profile = world.let_in(server, "alice", await world.echo())
        role, root = await world.connect(profile, also=(await world.echo(), HostPort("127.0.0.1", 22)))
        await role.up()
        for port in (1, 2):
            with pytest.raises(ConnectionError):
                await _talk(root, b"let me in", port)
            error = _last_error(root, port)
            assert error.code == "not-authorised"
        assert await _talk(root, b"hello") == b"hello<end>"

    play(scenario)


def test_a_target_that_refuses_resets_the_connection_and_says_so(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets this port
            server = world.enroll("plant")
            await world.serve(server).up()
            target = HostPort("127.0.0.1", closed.getsockname()[1])
            role, root = await world.connect(world.let_in(server, "alice", target))
            await role.up()
            with pytest.raises(ConnectionError):
                await _talk(root, b"anyone?")
            error = _last_error(root)
            assert error.code == "target-refused"
            assert "refused" in error.why

    play(scenario)


def test_the_relay_tells_tenants_apart_by_their_certificates(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        plant, mine = world.enroll("plant"), world.enroll("mine")
        await world.serve(plant).up()
        await world.serve(mine).up()
        profile = world.let_in(mine, "mallory", await world.echo())
        config = load_config(profile.config)
        save_config(profile.config, replace(config, xray=replace(config.xray, path="/tw/plant")))
        role, _ = await world.connect(profile)
        error = await role.failed()
        assert error.code == "relay-refused"
        assert str(error).startswith("the relay answers 404")  # and nobody else, such as the server

    play(scenario)


@pytest.mark.parametrize(("port_of", "code"), [("plant", "user-not-active"), ("nobody", "user-not-active")])
def test_no_destination_but_ones_own_is_carried(
    port_of: str, code: str, play: Callable[[Scenario], None]
) -> None:
    async def scenario(world: World) -> None:
        plant, mine = world.enroll("plant"), world.enroll("mine")
        await world.serve(plant).up()
        await world.serve(mine).up()
        profile = world.let_in(mine, "mallory", await world.echo())
        config = load_config(profile.config)
        port = load_config(plant.config).server.remote_port if port_of == "plant" else 29_999
        save_config(profile.config, replace(config, client=replace(config.client, server_ssh_port=port)))
        role, _ = await world.connect(profile)
        # The relay ends such a stream without a word, as it does for an unknown UUID.
        assert (await role.failed()).code == code

    play(scenario)


def test_a_uuid_that_the_certificate_does_not_name_is_refused(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        profile = world.let_in(server, "alice", await world.echo())
        config = load_config(profile.config)
        save_config(profile.config, replace(config, xray=replace(config.xray, uuid=uuid.uuid4())))
        role, _ = await world.connect(profile)
        error = await role.failed()
        assert (error.code, error.retry) == ("user-not-active", Retry.BACKOFF)

    play(scenario)


def _forge(profile: Profile, ca: CertificateAuthority, **options: object) -> None:
    named = load_config(profile.config).xray.uuid
    assert named is not None
    cert, key = issue_client(ca, named, "alice", **options)  # type: ignore[arg-type]
    profile.client_cert.write_text(cert)
    profile.client_key.write_text(key)


def _authority(profile: Profile) -> CertificateAuthority:
    return CertificateAuthority("CA", profile.ca_cert.read_text(), profile.ca_key.read_text())


def test_an_expired_certificate_is_refused_in_those_words(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        profile = world.let_in(server, "alice", await world.echo())
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=900)
        _forge(profile, _authority(server), days=30, now=lambda: long_ago)
        role, _ = await world.connect(profile)
        error = await role.failed()
        assert error.code == "certificate-refused"
        assert "expired" in error.why

    play(scenario)


def test_a_certificate_of_an_unknown_ca_is_refused(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server, stranger = world.enroll("plant"), world.enroll("stranger")
        await world.serve(server).up()
        profile = world.let_in(server, "alice", await world.echo())
        _forge(profile, _authority(stranger))
        TenantBook(world.relay_profile).remove("stranger")
        assert world.relay is not None
        world.relay.refresh()
        role, _ = await world.connect(profile)
        assert (await role.failed()).code == "certificate-refused"

    play(scenario)


def test_without_a_certificate_the_relay_is_a_web_server_that_says_nothing(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        profile = world.let_in(server, "alice", await world.echo())

        def bare(settings: TunnelSettings) -> TunnelSettings:
            relay = replace(settings.uplink.relay, certificate=None, key=None)
            return replace(settings, uplink=replace(settings.uplink, relay=relay))

        role, _ = await world.connect(profile, change=bare)
        error = await role.failed()
        assert error.code == "relay-refused"
        assert "404" in error.why

    play(scenario)


def test_another_host_key_ends_the_client_for_good(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server, other = world.enroll("plant"), world.enroll("other")
        profile = world.let_in(server, "alice", await world.echo())
        shutil.copy(other.host_key, server.host_key)
        await world.serve(server).up()
        role, root = await world.connect(profile)
        error = await role.failed()
        assert (error.code, error.retry) == ("host-key-mismatch", Retry.NEVER)
        assert role.task is not None
        await asyncio.wait((role.task,), timeout=5)
        assert role.task.done(), "no retry storm: nothing but a person can mend this"
        assert len([x for x in role.statuses if x.error is not None]) == 1
        del root

    play(scenario)


def test_another_relay_host_key_ends_the_server_for_good(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server, other = world.enroll("plant"), world.enroll("other")
        key = other.public_key.read_text().split()
        config = load_config(server.config)
        section = replace(config.server, relay_host_key=" ".join(key[:2]))
        signed = sign_role(other.private_key.read_bytes(), "server", server.public_key.read_text())
        save_config(server.config, replace(config, server=section, role_signature=signed))
        error = await world.serve(server).failed()
        assert (error.code, error.retry) == ("host-key-mismatch", Retry.NEVER)

    play(scenario)


def test_a_server_that_is_not_there_is_told_apart_from_a_relay_that_is_not(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        role, _ = await world.connect(world.let_in(server, "alice", await world.echo()))
        assert (await role.failed()).code == "server-not-there"
        await world.stop_relay()
        before = len(role.statuses)
        await role.until(
            lambda status: status.error is not None and status.error.code == "relay-unreachable", before
        )

    play(scenario)


def test_a_connection_waits_for_a_server_that_comes_later(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
        await role.failed()
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(_talk(root, b"patience"))
            await world.serve(server).up()
        assert answer.result() == b"patience<end>"

    play(scenario)


def test_a_restarted_relay_is_found_again_by_both_sides(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        serving = world.serve(server)
        await serving.up()
        role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
        await role.up()
        await world.stop_relay()
        await serving.failed()
        marks = len(role.statuses), len(serving.statuses)
        await world.start_relay()
        await serving.up(marks[1])
        assert await _talk(root, b"again") == b"again<end>"

    play(scenario)


def test_removing_a_tenant_cuts_it_at_once_and_nobody_else(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, root = await _bridge(world)
        other = world.enroll("other")
        serving = world.serve(other)
        await serving.up()
        before = len(serving.statuses)
        assert root.tunnel is not None
        address = root.tunnel.ports[0].address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"before ")
        assert await reader.readexactly(7) == b"before "
        began = time.monotonic()
        TenantBook(world.relay_profile).remove("other")
        await serving.failed(before)
        assert time.monotonic() - began < 1
        writer.write(b"after")
        assert await reader.readexactly(5) == b"after"
        writer.close()

    play(scenario)


def test_deleting_a_user_ends_the_running_session(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
        await role.up()
        assert root.tunnel is not None
        address = root.tunnel.ports[0].address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        before = len(role.statuses)
        UserBook(server).delete("alice")
        error = await role.failed(before)
        assert "removed" in str(error)
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        writer.close()
        await role.until(lambda x: x.error is not None and x.error.code == "user-not-active", before)

    play(scenario)


def test_a_grant_that_is_taken_back_ends_its_connections_only(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        kept, taken = await world.echo(), await world.echo()
        role, root = await world.connect(world.let_in(server, "alice", kept, taken))
        await role.up()
        assert root.tunnel is not None
        streams = [
            await asyncio.open_connection(port.address.host, port.address.port) for port in root.tunnel.ports
        ]
        for reader, writer in streams:
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
        record = server.authorized_keys.read_text()
        assert record.count(f'permitopen="{taken}",') == 1
        server.authorized_keys.write_text(record.replace(f'permitopen="{taken}",', ""))
        with pytest.raises(ConnectionError):
            await streams[1][0].readexactly(1)
        streams[0][1].write(b"still")
        assert await streams[0][0].readexactly(5) == b"still"
        with pytest.raises(ConnectionError):
            await _talk(root, b"again", 1)
        for _, writer in streams:
            writer.close()

    play(scenario)


def test_a_user_who_expires_is_put_out(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        soon = float(int(time.time()) + 2)  # the record counts in whole seconds
        profile = world.let_in(server, "alice", await world.echo(), expires=soon)
        role, _ = await world.connect(profile)
        await role.up()
        assert time.time() < soon
        error = await role.failed()
        assert "expired" in str(error)
        assert time.time() >= soon

    play(scenario)


def test_the_newest_server_of_a_tenant_takes_over_at_once(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        first = world.serve(server)
        await first.up()
        role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
        await role.up()
        second = world.serve(server)
        await second.up()
        assert await _talk(root, b"old session") == b"old session<end>"
        await world.stop(first)  # its clients' sessions end with it, and find the second
        assert await _talk(root, b"new session") == b"new session<end>"

    play(scenario)
