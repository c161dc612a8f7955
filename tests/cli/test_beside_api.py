"""A role with its API beside it: what happens when one of them cannot."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole
from tests.kit.loggers import loggers_restored
from tunnel_whisperer.api.client import open_client
from tunnel_whisperer.api.socket_path import socket_of
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.cli.beside_api import Entrance, dashboard_directory, run_beside_api
from tunnel_whisperer.daemon.supervisor import Supervisor
from tunnel_whisperer.profile import Contexts, Profile
from tunnel_whisperer.tenancy import make_relay_identity


def _supervisor(directory: Path, **options: Any) -> Supervisor:
    profile = Profile(directory)
    make_relay_identity(profile, "relay.test", listen="127.0.0.1:8443")
    role = PlayedRole({"role": "relay", "health": [], "config": {"changed": [], "error": None}})
    return Supervisor(Contexts(directory), profile, command="tw relay run", **{"play": role, **options})


def _play(
    supervisor: Supervisor, entrance: Entrance, scenario: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        with supervisor:
            task = asyncio.get_running_loop().create_task(run_beside_api(supervisor, entrance))
            try:
                await scenario()
            finally:
                task.cancel()
                await asyncio.wait((task,))
            if not task.cancelled():
                task.result()

    with loggers_restored():
        real_run(main())


def test_commands_reach_a_role_that_has_no_port_for_browsers(tmp_path: Path) -> None:
    bound: asyncio.Queue[str] = asyncio.Queue()
    opened: asyncio.Queue[Any] = asyncio.Queue()
    supervisor = _supervisor(tmp_path)

    async def scenario() -> None:
        assert await bound.get() == ""
        assert opened.empty()  # nobody has come yet, and nothing was brought in

        def ask() -> Any:
            with open_client(supervisor.profile) as client:
                return client.get("/role")

        assert (await asyncio.to_thread(ask))["state"] == "running"

        assert (await opened.get()).door is None

    _play(supervisor, Entrance(opened=opened.put_nowait, bound=bound.put_nowait), scenario)
    assert not socket_of(supervisor.profile).exists()


def test_a_taken_port_does_not_stop_a_role(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bound: asyncio.Queue[str] = asyncio.Queue()
    supervisor = _supervisor(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:

        async def scenario() -> None:
            assert await bound.get() == ""
            async with asyncio.timeout(5):
                while supervisor.snapshot() is None:
                    await asyncio.sleep(0.01)

        port = other.getsockname()[1]
        with caplog.at_level("WARNING", "tw"):
            _play(supervisor, Entrance(port=port, bound=bound.put_nowait), scenario)
        assert "no dashboard" in caplog.text and "server.dashboard_port" in caplog.text


def test_where_it_is_insisted_on_nothing_starts(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        entrance = Entrance(port=other.getsockname()[1], insist=True)
        with loggers_restored(), supervisor, pytest.raises(Misuse) as refused:
            real_run(run_beside_api(supervisor, entrance))
        assert refused.value.code == "port-in-use" and "--port" in refused.value.hint
    assert supervisor.status.starts == 0


def test_a_role_that_ends_for_good_takes_the_api_with_it(tmp_path: Path) -> None:
    async def replaced(profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        raise Refused("session-replaced", "another machine")

    supervisor = _supervisor(tmp_path, play=replaced, fatal=True)
    with loggers_restored(), supervisor, pytest.raises(Refused):
        real_run(run_beside_api(supervisor, Entrance()))
    assert not socket_of(supervisor.profile).exists()


def test_a_process_for_one_identity_keeps_its_keys_there(tmp_path: Path) -> None:
    base = Profile(tmp_path)
    context = Profile(tmp_path / "contexts" / "0a1b2c")
    contexts = Contexts(tmp_path)
    of_all = Supervisor(contexts, context, command="tw dashboard")
    of_one = Supervisor(contexts, context, command="tw dashboard", pinned=True)
    assert dashboard_directory(of_all) == base.directory / "dashboard"
    assert dashboard_directory(of_one) == context.directory / "dashboard"


def test_the_first_browser_brings_the_api_in_and_waits_for_it(tmp_path: Path) -> None:
    bound: asyncio.Queue[str] = asyncio.Queue()
    supervisor = _supervisor(tmp_path)

    async def scenario() -> None:
        url = await bound.get()
        async with httpx.AsyncClient(trust_env=False, timeout=15) as browser:
            assert (await browser.get(f"{url}/healthz")).status_code == 204
            assert (await browser.get(f"{url}/api/v1/role")).status_code == 401

    _play(supervisor, Entrance(port=0, bound=bound.put_nowait), scenario)


def test_where_nobody_came_nothing_is_left(tmp_path: Path) -> None:
    bound: asyncio.Queue[str] = asyncio.Queue()
    supervisor = _supervisor(tmp_path)
    at: list[str] = []

    async def scenario() -> None:
        at.append(await bound.get())
        assert socket_of(supervisor.profile).exists()

    _play(supervisor, Entrance(port=0, bound=bound.put_nowait), scenario)
    assert not socket_of(supervisor.profile).exists()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(at[0].rpartition(":")[2])), timeout=5)


def test_what_others_reach_is_opened_by_the_api_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened: asyncio.Queue[Any] = asyncio.Queue()
    supervisor = _supervisor(tmp_path)

    async def scenario() -> None:
        assert (await opened.get()).door is None

    with caplog.at_level("WARNING", "tw"):
        _play(supervisor, Entrance("0.0.0.0", 0, opened=opened.put_nowait), scenario)
    assert "needs a password" in caplog.text
