from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Refused, Unreachable
from tunnel_whisperer.base.services import ABOUT, JOIN
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon import claim, watch
from tunnel_whisperer.daemon.claim import ask_inviter, join_by_invitation
from tunnel_whisperer.pki import InvitationKeys, make_ca, new_secret, new_ssh_key, pin_of
from tunnel_whisperer.profile import Profile, load_config, save_config
from tunnel_whisperer.tenancy import (
    TenantBook,
    Token,
    invitation_id,
    invite_server,
    make_join_request,
    make_server_identity,
    unenroll_server,
)

_PROXY = Path(__file__).parents[1] / "e2e" / "connect_proxy.py"

Scenario = Callable[[World], Coroutine[None, None, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scenario], None]:
    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World(tmp_path) as world:
                await scenario(world)

        real_run(main(), timeout_s=30)

    return run


def _invite(world: World, name: str = "", *, seconds: float = 60) -> Token:
    token = invite_server(
        world.relay_profile, name, expires=time.time() + seconds, relay_port=world.address.port
    )
    assert world.relay is not None
    world.relay.refresh()
    return token


async def _join(world: World, token: Token, server_id: str) -> Profile:
    profile = Profile(world.directory / server_id)
    await join_by_invitation(profile, token, server_id, {})
    return profile


def test_a_guest_becomes_a_server_that_is_published(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        token = _invite(world)
        profile = await _join(world, Token.parse(token.to_text(), "join"), "plant")
        assert world.relay is not None
        world.relay.refresh()
        await world.serve(profile).up()
        assert [record.server_id for record in TenantBook(world.relay_profile).all()] == ["plant"]
        (state,) = world.relay.snapshot()["tenants"]
        assert (state["server"], state["online"]) == ("plant", True), "guests are not shown as servers"

    play(scenario)


def test_a_guest_who_lost_the_answer_asks_again_and_another_one_in_vain(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World) -> None:
        token = _invite(world)
        with monkeypatch.context() as patch:
            patch.setattr(claim, "apply_response", lambda profile, response: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await _join(world, token, "plant")
        plant = await _join(world, token, "plant")
        assert load_config(plant.config).server.remote_port == 20000
        with pytest.raises(Refused, match="somebody else") as caught:
            await _join(world, token, "lab")
        assert caught.value.code == "invitation-over"

    play(scenario)


def test_an_invitation_that_nobody_knows_is_refused_at_the_gate(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        token = _invite(world, "plant")
        for wrong in (replace(token, secret=new_secret()), token):
            if wrong is token:
                unenroll_server(world.relay_profile, "plant")
                assert world.relay is not None
                world.relay.refresh()
            with pytest.raises(Refused, match="expired, or was withdrawn") as caught:
                await _join(world, wrong, "plant")
            assert caught.value.code == "invitation-over"

    play(scenario)


def test_a_guest_who_is_faster_than_the_relays_eyes_is_let_in(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        token = invite_server(
            world.relay_profile, expires=time.time() + 60, relay_port=world.address.port
        )  # and no refresh
        await _join(world, token, "plant")

    play(scenario)


def test_the_way_leads_through_a_proxy_where_one_is_needed(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        allowed = f"localhost:{world.address.port}"
        words = ("127.0.0.1", str(port), "ann:word", allowed, "127.0.0.1")
        proxy = await asyncio.create_subprocess_exec(
            sys.executable, str(_PROXY), *words, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert proxy.stdout is not None
            assert b"serving" in await proxy.stdout.readline()
            profile = Profile(world.directory / "plant")
            config = make_server_identity(profile, "plant")
            for credentials in ("ann:wrong", "ann:word"):
                config = replace(config, proxy=f"http://{credentials}@127.0.0.1:{port}")
                save_config(profile.config, config)
                if credentials == "ann:wrong":
                    with pytest.raises(Refused) as caught:
                        await join_by_invitation(profile, _invite(world), "plant", {})
                    assert caught.value.code == "proxy-refused"
            await join_by_invitation(profile, _invite(world), "plant", {})
        finally:
            proxy.kill()
            await proxy.wait()

    play(scenario)


def test_a_running_relay_forgets_an_invitation_when_it_ends(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)

    async def scenario(world: World) -> None:
        token = _invite(world, seconds=0.6)
        assert world.relay is not None and world.relay.relay is not None
        tenants = world.relay.relay._tenants
        assert [tenant.invited for tenant in tenants.values()] == [True]
        async with asyncio.timeout(5):
            while world.relay.relay._tenants:
                await asyncio.sleep(0.02)
        with pytest.raises(Refused, match="nobody there knows"):
            await ask_inviter(token, b"", proxy=None, wall_clock=lambda: time.time() - 10)

    play(scenario)


def test_one_that_has_ended_is_told_without_asking_anybody(tmp_path: Path) -> None:
    token = Token("join", new_secret(), 1_700_000_000, HostPort("192.0.2.1", 1), b"", new_ssh_key()[1], "")
    with pytest.raises(Refused, match="ended on 2023-11-1"):
        real_run(ask_inviter(token, b"", proxy=None))


def test_an_impostor_gets_nothing(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        token = _invite(world)
        with pytest.raises(Unreachable, match="not that of the relay which is meant"):
            await _join(world, replace(token, relay_pin=pin_of(make_ca("localhost").cert_pem)), "plant")
        with pytest.raises(Refused) as caught:
            await _join(world, replace(token, host_key=new_ssh_key()[1]), "plant")
        assert caught.value.code == "host-key-mismatch"
        assert TenantBook(world.relay_profile).all() == []

    play(scenario)


def test_a_guest_reaches_the_one_service_and_nothing_else(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World) -> None:
        token = _invite(world)
        make_server_identity(Profile(world.directory / "x"), "x")
        question = make_join_request(Profile(world.directory / "x"), "localhost").to_text().encode()
        for target in (ABOUT, HostPort("127.0.0.1", 22), HostPort("localhost", world.address.port)):
            monkeypatch.setattr(claim, "JOIN", target)
            with pytest.raises(Refused) as caught:
                await ask_inviter(token, question, proxy=None)
            assert caught.value.code == "not-authorised"
        assert TenantBook(world.relay_profile).all() == []
        monkeypatch.setattr(claim, "JOIN", JOIN)
        assert await ask_inviter(token, question, proxy=None)

    play(scenario)


def test_a_stranger_cannot_tell_that_somebody_is_invited(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        guest = invitation_id(InvitationKeys.of(_invite(world).secret).ssh_public)
        context = ssl.create_default_context(cadata=world.relay_profile.relay_ca_cert.read_text())

        async def answer(path: str) -> list[bytes]:
            reader, writer = await asyncio.open_connection(
                world.address.host, world.address.port, ssl=context, server_hostname="localhost"
            )
            writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            lines = (await reader.read()).split(b"\r\n")
            writer.close()
            return [line for line in lines if not line.lower().startswith(b"date:")]

        invited, nobody = await answer(f"/tw/{guest}/"), await answer("/tw/_aaaaaaaaaaaaaaaa/")
        assert invited == nobody
        assert invited[0] == b"HTTP/1.1 404 Not Found"

    play(scenario)


def test_a_server_of_another_relay_does_not_use_the_invitation_up(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        plant = await _join(world, _invite(world), "plant")
        other = replace(_invite(world), host_key=new_ssh_key()[1], relay=HostPort("192.0.2.1", 1))
        with pytest.raises(Refused, match="has pinned another relay"):
            await join_by_invitation(plant, other, "plant", {})

    play(scenario)


def test_nothing_of_the_invitation_is_on_disk_while_it_is_asked(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    seen: list[list[Path]] = []
    ask = claim._ask

    async def looking(*args: Any) -> bytes:
        seen.append(list(temporary.iterdir()))
        return await ask(*args)

    monkeypatch.setattr(claim, "_ask", looking)

    async def scenario(world: World) -> None:
        await _join(world, _invite(world), "plant")

    play(scenario)
    assert seen == [[]]
    assert list(temporary.iterdir()) == []


def test_a_proxy_of_the_environment_is_used_and_a_configured_one_comes_first(tmp_path: Path) -> None:
    relay = HostPort("relay.example", 443)
    profile = Profile(tmp_path)
    proxy = claim.proxy_for(profile, relay, {"HTTPS_PROXY": "http://proxy.lan:3128"})
    assert str(proxy) == "http://proxy.lan:3128"
    assert claim.proxy_for(profile, relay, {}) is None
    profile.config.write_text("mode: server\nproxy: http://other.lan:1\n")
    assert (
        str(claim.proxy_for(profile, relay, {"HTTPS_PROXY": "http://proxy.lan:3128"})) == "http://other.lan:1"
    )


def test_a_relay_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    token = Token(
        "join",
        new_secret(),
        int(time.time()) + 60,
        HostPort("127.0.0.1", 1),
        b"\x02" * 33,
        new_ssh_key()[1],
        "",
    )
    with pytest.raises(Unreachable) as caught:
        real_run(ask_inviter(token, b"", proxy=None))
    assert "127.0.0.1:1" in str(caught.value)
