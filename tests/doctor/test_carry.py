from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.kit.clock import real_run, run
from tests.kit.pipe import pipe
from tests.kit.recorder import Recorder
from tests.kit.world import World
from tunnel_whisperer.base.errors import TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_test import way_of
from tunnel_whisperer.doctor import carry as module
from tunnel_whisperer.doctor.carry import carry
from tunnel_whisperer.net.uplink import MODES
from tunnel_whisperer.profile import Profile, load_config


def _at_a_relay(tmp_path: Path, scenario: Callable[[Profile, World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            await scenario(world.enroll("plant"), world)

    real_run(main())


@pytest.mark.parametrize("mode", MODES)
def test_bytes_go_to_the_far_end_and_back_in_each_mode(mode: str, tmp_path: Path) -> None:
    async def scenario(server: Profile, world: World) -> None:
        await world.serve(server).up()
        way = way_of(
            profile := world.let_in(server, "alice", HostPort("127.0.0.1", 5432)), load_config(profile.config)
        )
        found = await carry(way.uplink, mode, way.account.destination)
        assert found.value.identification == "SSH-2.0-tw"

    _at_a_relay(tmp_path, scenario)


def test_a_relay_without_the_server_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    async def scenario(server: Profile, world: World) -> None:
        way = way_of(
            profile := world.let_in(server, "alice", HostPort("127.0.0.1", 5432)), load_config(profile.config)
        )
        found = await carry(way.uplink, "stream-one", way.account.destination)
        assert not found.value.far_end and "nobody is behind it" in found.detail
        with pytest.raises(TwError) as caught:
            await carry(way.uplink, "stream-one", HostPort("127.0.0.1", 29_999))
        assert (caught.value.code, caught.value.where) == (
            "user-not-active",
            f"localhost:{world.address.port}",
        )

    _at_a_relay(tmp_path, scenario)


def _talk(*said: bytes, end: bool = True) -> str | TwError:
    """What a caller makes of what it is told."""

    async def main() -> str | TwError:
        near, far = pipe()
        caller = module._Caller()
        other = Recorder()
        near.start(caller)
        far.start(other)
        for data in said:
            far.write(data)
        if end:
            far.write_eof()
        try:
            return (await caller.result).identification
        except TwError as exc:
            return exc
        finally:
            near.abort()
            await asyncio.sleep(1)

    return run(main())


KEXINIT = b"\0\0\1\0\4\x14"


def test_lines_before_the_identification_are_no_matter() -> None:
    assert _talk(b"hello\r\nSSH-2.0-", b"other\r\n", KEXINIT) == "SSH-2.0-other"


def test_the_identification_alone_does_not_tell_that_ours_arrived() -> None:
    error = _talk(b"SSH-2.0-other\r\n")
    assert isinstance(error, Unreachable) and error.code == "stream-reset"


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n\0\0\0\0\0\x01rest", b"no ssh\n" * 2000 + b"x" * 10000])
def test_what_is_not_ssh_is_no_far_end(said: bytes) -> None:
    error = _talk(said)
    assert isinstance(error, TwError) and error.code == "protocol-fault"


def test_what_comes_after_the_answer_is_of_no_interest() -> None:
    assert _talk(b"SSH-2.0-x\r\n" + KEXINIT, b"more", b"\0" * 20) == "SSH-2.0-x"


def test_a_far_end_that_does_not_hear_us_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDENTIFICATION", b"")  # nobody answers who says nothing

    async def scenario(server: Profile, world: World) -> None:
        way = way_of(server, load_config(server.config))
        with pytest.raises(Unreachable) as caught:
            await carry(way.uplink, "stream-one", way.account.destination, timeout_s=1.0)
        assert caught.value.code == "timeout" and "holds back" in caught.value.hint

    _at_a_relay(tmp_path, scenario)


def test_a_stream_that_stands_and_brings_nothing_has_nobody_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Caller, "data_received", lambda self, data: None)

    async def scenario(server: Profile, world: World) -> None:
        way = way_of(server, load_config(server.config))
        found = await carry(way.uplink, "packet-up", way.account.destination, timeout_s=0.3)
        assert not found.value.far_end

    _at_a_relay(tmp_path, scenario)
