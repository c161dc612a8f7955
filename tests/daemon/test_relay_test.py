from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_test import front_of, try_relay, way_of
from tunnel_whisperer.doctor import TenantState
from tunnel_whisperer.profile import Profile, load_config, running, save_config
from tunnel_whisperer.tenancy import make_server_identity


def _in_a_world(tmp_path: Path, check: object) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            await check(world)  # type: ignore[operator]

    real_run(main())


def test_a_client_logs_in_at_its_server_and_a_server_at_its_relay(tmp_path: Path) -> None:
    async def check(world: World) -> None:
        server = world.enroll("plant")
        client = world.let_in(server, "alice", HostPort("127.0.0.1", 5432))
        way = way_of(client, load_config(client.config))
        assert (way.role, way.account.name, way.account.user) == ("client", "server", "tw")
        assert (way.account.destination, way.listener, way.runs) == (HostPort("127.0.0.1", 20000), None, "")
        with running(server, "tw serve"):
            way = way_of(server, load_config(server.config))
        assert (way.role, way.account.name, way.account.user) == ("server", "relay", "plant")
        assert (way.account.destination, way.listener) == (
            HostPort("127.0.0.1", 22),
            HostPort("127.0.0.1", 20000),
        )
        assert way.runs.startswith("tw serve (process ")

    _in_a_world(tmp_path, check)


def test_a_relay_knows_of_its_servers_what_its_process_wrote(tmp_path: Path) -> None:
    async def check(world: World) -> None:
        world.enroll("plant")
        world.enroll("mine")
        relay = world.relay_profile
        config = load_config(relay.config)
        assert front_of(relay, config).tenants == (TenantState("mine", None), TenantState("plant", None))
        with running(relay, "tw relay run"):
            rows = [{"server": "plant", "online": True}, {"server": "mine", "online": False}]
            state = {"format": 1, "pid": os.getpid(), "tenants": rows}
            (relay.run / "state.json").write_text(json.dumps(state))
            front = front_of(relay, config)
        assert front.tenants == (TenantState("mine", False), TenantState("plant", True))
        assert front.runs.startswith("tw relay run")

    _in_a_world(tmp_path, check)


@pytest.mark.parametrize(
    ("changes", "here", "outside", "plain"),
    [
        ({"listen": ":8443"}, "127.0.0.1:8443", "localhost:8443", False),
        ({"listen": "127.0.0.7:8443"}, "127.0.0.7:8443", "localhost:8443", False),
        ({"listen": "127.0.0.1:8080", "behind_proxy": True}, "127.0.0.1:8080", "localhost:443", True),
    ],
)
def test_where_a_relay_is_here_and_where_the_world_finds_it(
    changes: dict[str, object], here: str, outside: str, plain: bool, tmp_path: Path
) -> None:
    async def check(world: World) -> None:
        config = load_config(world.relay_profile.config)
        config = replace(config, relay=replace(config.relay, **changes))  # type: ignore[arg-type]
        front = front_of(world.relay_profile, config)
        assert (str(front.here), str(front.endpoint.address), front.endpoint.plain) == (here, outside, plain)
        assert bool(front.endpoint.ca_pem) is not plain

    _in_a_world(tmp_path, check)


def test_a_certificate_of_somebody_elses_is_checked_against_the_systems_roots(tmp_path: Path) -> None:
    async def check(world: World) -> None:
        config = load_config(world.relay_profile.config)
        config = replace(config, relay=replace(config.relay, cert="/x.pem", key="/x.key"))
        assert front_of(world.relay_profile, config).endpoint.ca_pem == ""

    _in_a_world(tmp_path, check)


def test_the_whole_way_is_gone(tmp_path: Path) -> None:
    async def check(world: World) -> None:
        server = world.enroll("plant")
        steps: list[str] = []
        report = await try_relay(server, load_config(server.config), lambda step: steps.append(step.name))
        assert report.failure is None and steps[-1] == "port"
        relay = await try_relay(world.relay_profile, load_config(world.relay_profile.config), lambda _: None)
        assert relay.failure is not None and relay.failure.hint == "tw relay run"

    _in_a_world(tmp_path, check)


def test_an_identity_that_is_not_complete_or_was_changed_is_refused(tmp_path: Path) -> None:
    fresh = Profile(tmp_path / "fresh")
    make_server_identity(fresh, "plant")
    with pytest.raises(Misuse) as caught:
        way_of(fresh, load_config(fresh.config))
    assert caught.value.code == "not-set-up"

    async def check(world: World) -> None:
        server = world.enroll("plant")
        save_config(server.config, replace(load_config(server.config), mode="client"))
        with pytest.raises(Misuse):
            await try_relay(server, load_config(server.config), lambda _: None)

    _in_a_world(tmp_path, check)
