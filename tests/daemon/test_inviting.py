"""Becoming a user by invitation, on the whole: relay, server and guest."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tests.profile.crash import every_kill, needs_fork, snapshot
from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse, PeerFault, Refused, Unreachable
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.daemon import claim, watch
from tunnel_whisperer.daemon.claim import connect_by_invitation
from tunnel_whisperer.daemon.inviting import services_of
from tunnel_whisperer.pki import InvitationKeys, new_secret, new_ssh_key, public_key_of
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.server import policy
from tunnel_whisperer.tenancy import (
    Standing,
    Token,
    UserBook,
    invite_user,
    make_server_identity,
    read_answer,
)

Scenario = Callable[[World, Profile], Coroutine[None, None, None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)
    monkeypatch.setattr(policy, "EXPIRY_CHECK_S", 0.02)
    monkeypatch.setattr("tunnel_whisperer.base.backoff._STEPS", (0.05,) * 100)

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World(tmp_path) as world:
                server = world.enroll("plant")
                await world.serve(server).up()
                await scenario(world, server)

        real_run(main(), timeout_s=30)

    return run


def _invite(server: Profile, name: str, *grants: Grant) -> Token:
    if grants:
        UserBook(server).create(name, grants, invited=True)
    return Token.parse(invite_user(server, name, expires=time.time() + 60).to_text(), "connect")


async def _come(world: World, token: Token, machine: str = "laptop") -> Profile:
    profile = Profile(world.directory / machine)
    await connect_by_invitation(profile, token, {})
    return profile


def test_a_guest_becomes_the_user_with_keys_that_never_left_the_machine(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        target = await world.echo()
        laptop = await _come(world, _invite(server, "alice", Grant(20_000, target)))
        role, root = await world.connect(laptop)
        await role.up()
        assert root.tunnel is not None
        assert [port.target for port in root.tunnel.ports] == [target]
        user = UserBook(server).get("alice")
        assert user.public_key == public_key_of(laptop.read(laptop.private_key))
        secrets = [laptop.private_key.read_text(), laptop.client_key.read_text()]
        for text in map(bytes.decode, snapshot(server.directory).values()):
            assert not any(secret in text for secret in secrets)
        assert list(laptop.run.glob("claim*")) == []
        assert load_config(laptop.config).client.revision == 1

    play(scenario)


def test_a_guest_who_lost_the_answer_asks_again_and_another_one_in_vain(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        token = _invite(server, "alice", Grant.parse("22"))
        with monkeypatch.context() as patch:
            patch.setattr(claim, "install_bundle", lambda profile, contents: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await _come(world, token)
        laptop = await _come(world, token)
        assert load_config(laptop.config).mode == "client"
        await _come(world, token)
        with pytest.raises(Refused, match="somebody else") as caught:
            await _come(world, token, "other")
        assert caught.value.code == "invitation-over"
        assert not (world.directory / "other" / "config.yaml").exists()

    play(scenario)


def test_an_invitation_of_a_user_brings_new_ports_to_the_same_machine_with_the_same_keys(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        laptop = await _come(world, _invite(server, "alice", Grant.parse("22")))
        key = laptop.private_key.read_bytes()
        UserBook(server).edit("alice", lambda user: replace(user, own_grants=(Grant.parse("5432"),)))
        await _come(world, _invite(server, "alice"))
        assert laptop.private_key.read_bytes() == key
        (grant,) = load_config(laptop.config).client.grants()
        assert grant == Grant.parse("5432")

    play(scenario)


def test_an_invitation_for_another_machine_puts_the_old_one_out(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World, server: Profile) -> None:
        laptop = await _come(world, _invite(server, "alice", Grant(20_000, await world.echo())))
        role, _ = await world.connect(laptop)
        await role.up()
        seen = len(role.statuses)
        desktop = await _come(world, _invite(server, "alice"), "desktop")
        assert (await role.failed(seen)).code == "user-not-active"
        other, _ = await world.connect(desktop)
        await other.up()

    play(scenario)


def test_who_is_withdrawn_or_unknown_or_somebody_else_is_told_so(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World, server: Profile) -> None:
        token = _invite(server, "alice", Grant.parse("22"))
        with pytest.raises(Refused) as caught:
            await _come(world, replace(token, host_key=new_ssh_key()[1]))
        assert caught.value.code == "host-key-mismatch"
        with pytest.raises((Refused, Misuse)):
            await _come(world, replace(token, secret=new_secret()))
        again = _invite(server, "alice")
        with pytest.raises(Refused, match="expired, or was withdrawn"):
            await _come(world, token)
        UserBook(server).delete("alice")
        with pytest.raises(Refused, match="expired, or was withdrawn"):
            await _come(world, again)

    play(scenario)


def test_a_server_that_does_not_run_uses_nothing_up(play: Callable[[Scenario], None], tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile) -> None:
        lab = world.enroll("lab")
        token = _invite(lab, "alice", Grant.parse("22"))
        with pytest.raises(Unreachable) as caught:
            await _come(world, token)
        assert caught.value.code == "server-not-there"
        await world.serve(lab).up()
        await _come(world, token)

    play(scenario)


def test_a_guest_reaches_the_one_service_and_nothing_else(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        target = await world.echo()
        token = _invite(server, "alice", Grant(20_000, target))
        for forbidden in (target, HostPort("about.tw.invalid", 1), HostPort("127.0.0.1", 22)):
            with monkeypatch.context() as patch:
                patch.setattr(claim, "CLAIM", forbidden)
                with pytest.raises(Refused) as caught:
                    await _come(world, token)
                assert caught.value.code == "not-authorised"
        with monkeypatch.context() as patch:
            patch.setattr(claim, "INVITED", "tw")
            with pytest.raises(Refused):
                await _come(world, token)
        await _come(world, token)

    play(scenario)


@needs_fork
def test_coming_is_completed_by_the_same_command_wherever_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = joined(tmp_path).server
    book = UserBook(server)
    token = _invite(server, "alice", Grant.parse("22"))
    desk = services_of(server)

    async def ask(token: Token, question: bytes, **kwargs: object) -> str:
        """The server's side at once: it is killed in the middle, too."""
        return read_answer(desk.claim(InvitationKeys.of(token.secret).ssh_public, question))

    monkeypatch.setattr(claim, "ask_inviter", ask)
    laptop = Profile(tmp_path / "laptop")

    def come() -> None:
        asyncio.run(connect_by_invitation(laptop, token, {}))

    def prepare() -> None:
        nonlocal token
        shutil.rmtree(laptop.directory, ignore_errors=True)
        book.delete("alice")
        token = _invite(server, "alice", Grant.parse("22"))

    for _ in every_kill(come, prepare):
        come()
        assert load_config(laptop.config).mode == "client"
        assert book.get("alice").public_key == public_key_of(laptop.read(laptop.private_key))
        assert book.standing(book.get("alice")) is Standing.LET_IN


def test_a_machine_that_is_that_user_is_told_what_to_type(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        token = _invite(server, "alice", Grant.parse("22"))
        await _come(world, token)
        with pytest.raises(Refused) as caught:
            await _come(world, replace(token, expires=1))
        assert caught.value.hint == "this machine is alice already: tw connect"

    play(scenario)


def test_a_directory_of_somebody_else_is_left_alone_before_anybody_is_asked(
    play: Callable[[Scenario], None], tmp_path: Path
) -> None:
    async def scenario(world: World, server: Profile) -> None:
        token = _invite(server, "alice", Grant.parse("22"))
        bob = world.let_in(server, "bob", HostPort("127.0.0.1", 1))
        make_server_identity(Profile(world.directory / "srv"), "srv")
        (world.directory / "half").mkdir()
        (world.directory / "half" / "id_ed25519").write_text("mine")
        for machine, code in ((bob.directory.name, "exists"), ("srv", "wrong-role"), ("half", "exists")):
            with pytest.raises(Misuse) as caught:
                await _come(world, token, machine)
            assert caught.value.code == code
            assert "tw create context" in caught.value.hint
        await _come(world, token)

    play(scenario)


@pytest.mark.parametrize(
    "answer", ["", "{}", '{"format":1,"kind":"claim answer","certificate":"","config":""}']
)
def test_an_answer_that_cannot_be_used_is_the_servers_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    async def ask(*args: object, **kwargs: object) -> str:
        return answer

    monkeypatch.setattr(claim, "ask_inviter", ask)
    token = Token(
        "connect",
        new_secret(),
        int(time.time()) + 60,
        HostPort("r", 1),
        b"",
        new_ssh_key()[1],
        "alice",
        "plant",
        20000,
    )
    with pytest.raises(PeerFault) as caught:
        real_run(connect_by_invitation(Profile(tmp_path), token, {}))
    assert caught.value.code == "protocol-fault"
    assert not (tmp_path / "config.yaml").exists()
