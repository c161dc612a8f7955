from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doctor.doubles import closed_port
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_test import front_of
from tunnel_whisperer.doctor import front as module
from tunnel_whisperer.doctor.front import Front, TenantState, walk_front
from tunnel_whisperer.doctor.report import Report, State
from tunnel_whisperer.profile import load_config


def _play(tmp_path: Path, scenario: Callable[[Front], Awaitable[None]], **changes: object) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            if changes:
                await world.stop_relay()
                await world.start_relay(**changes)
            front = front_of(world.relay_profile, load_config(world.relay_profile.config))
            endpoint = replace(front.endpoint, address=HostPort("localhost", world.address.port))
            if changes:
                endpoint = replace(endpoint, plain=True, http="1.1")
            await scenario(replace(front, endpoint=endpoint, here=world.address, runs="tw relay run"))

    real_run(main())


async def _walk(front: Front) -> Report:
    return await walk_front(front, lambda _: None)


def test_a_relay_that_runs_is_seen_from_its_own_machine_with_each_server(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        servers = (TenantState("a", True), TenantState("b", False), TenantState("c", None))
        report = await _walk(replace(front, tenants=servers))
        assert report.failure is None
        assert [step.name for step in report.steps] == [
            "process", "tcp", "tls", "certificate", "http", "name", "outside", "server a", "server b", "server c",
        ]  # fmt: skip
        assert [step.state for step in report.steps[-3:]] == [State.OK, State.NOTE, State.SKIPPED]
        assert {step.state for step in report.steps[:-3]} == {State.OK}

    _play(tmp_path, scenario)


def test_a_relay_behind_a_web_server_is_asked_in_plain_http(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        report = await _walk(front)
        http = report.step("http")
        assert report.failure is None and http is not None and "HTTP/1.1" in http.detail
        assert report.step("tls") is None

    _play(tmp_path, scenario, behind_proxy=True)


def test_a_relay_that_does_not_run_says_how_to_run_it(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        report = await _walk(replace(front, runs=""))
        assert report.failure is not None and report.failure.hint == "tw relay run"

    _play(tmp_path, scenario)


def test_a_certificate_for_another_name_is_found_at_home(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        endpoint = replace(front.endpoint, address=HostPort("relay.example.org", front.here.port))
        report = await _walk(replace(front, endpoint=endpoint))
        assert report.steps[-1].name == "certificate" and report.failure is not None
        assert "relay.example.org" in report.failure.hint

    _play(tmp_path, scenario)


def test_a_name_that_leads_nowhere_from_here_is_worth_a_note(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        address = replace(await closed_port(), host="localhost")
        report = await _walk(replace(front, endpoint=replace(front.endpoint, address=address)))
        outside = report.step("outside")
        assert outside is not None and outside.state is State.NOTE and "another machine" in outside.hint
        assert report.failure is None

    _play(tmp_path, scenario)


def test_a_name_that_is_not_known_here_may_be_known_to_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(address: HostPort, what: str) -> None:
        raise Unreachable("dns-failed", "the name cannot be resolved", where=address.host)

    monkeypatch.setattr(module, "check_name", unknown)

    async def scenario(front: Front) -> None:
        report = await _walk(replace(front, tenants=(TenantState("a", True),)))
        name = report.step("name")
        assert name is not None and name.state is State.NOTE and "world's DNS" in name.hint
        assert report.failure is None and report.steps[-1].name == "server a"

    _play(tmp_path, scenario)
