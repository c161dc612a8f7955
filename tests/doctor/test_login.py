from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Refused, TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_test import way_of
from tunnel_whisperer.doctor.login import check_login, check_publish
from tunnel_whisperer.doctor.way import Way
from tunnel_whisperer.pki import new_ssh_key
from tunnel_whisperer.profile import load_config


def _a_server(tmp_path: Path, scenario: Callable[[Way, World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            await scenario(way_of(server, load_config(server.config)), world)

    real_run(main())


def test_host_key_and_user_are_named(tmp_path: Path) -> None:
    async def scenario(way: Way, world: World) -> None:
        detail = (await check_login(way.uplink, way.account)).detail
        assert detail.startswith("the relay's host key is SHA256:") and detail.endswith("logged in as plant")

    _a_server(tmp_path, scenario)


def test_another_host_key_is_refused(tmp_path: Path) -> None:
    async def scenario(way: Way, world: World) -> None:
        with pytest.raises(Refused) as caught:
            await check_login(way.uplink, replace(way.account, host_key=new_ssh_key()[1]))
        assert (caught.value.code, caught.value.where) == ("host-key-mismatch", "relay")

    _a_server(tmp_path, scenario)


def test_a_key_that_is_not_let_in_is_refused(tmp_path: Path) -> None:
    async def scenario(way: Way, world: World) -> None:
        stranger = replace(way.account, private_key=new_ssh_key()[0].encode())
        with pytest.raises(Refused) as caught:
            await check_login(way.uplink, stranger)
        assert caught.value.code == "user-not-active"

    _a_server(tmp_path, scenario)


def test_the_port_can_be_published_and_is_given_back(tmp_path: Path) -> None:
    async def scenario(way: Way, world: World) -> None:
        assert way.listener is not None and world.relay is not None and world.relay.relay is not None
        found = await check_publish(way.uplink, way.account, way.listener)
        assert f"port {way.listener.port}" in found.detail
        assert not world.relay.relay._rendezvous.is_listening(way.listener)
        with pytest.raises(TwError) as caught:
            await check_publish(way.uplink, way.account, HostPort("127.0.0.1", 20_001))
        assert caught.value.code == "not-authorised"

    _a_server(tmp_path, scenario)
