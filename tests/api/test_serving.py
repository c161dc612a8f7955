"""Real sockets: the API on a Unix socket with a long name, and its end with streams open."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.app import build_app
from tunnel_whisperer.api.client import open_client
from tunnel_whisperer.api.serving import serving
from tunnel_whisperer.api.socket_path import bind_socket, socket_of
from tunnel_whisperer.api.threshold import bind_port
from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.profile import Profile


def test_a_command_speaks_to_the_process_whatever_the_directory_is_called(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 20) / ("er" * 30)
    directory.mkdir(parents=True)

    async def main() -> None:
        async with open_house(directory) as (house, _):
            path = socket_of(house.profile)
            sock = bind_socket(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            async with serving(build_app(house), sock, house.closing):
                shown = await asyncio.to_thread(_ask, house.profile, "/role")
                assert shown["state"] == "empty"
                with pytest.raises(Misuse) as refused:
                    await asyncio.to_thread(_ask, house.profile, "/jobs/none")
                assert refused.value.code == "no-such-name"

    real_run(main())
    with pytest.raises(Unreachable):
        _ask(Profile(directory), "/role")
    with pytest.raises(Misuse) as absent:
        _ask(Profile(tmp_path / "other"), "/role")
    assert absent.value.code == "not-set-up"


def _ask(profile: Profile, path: str) -> dict[str, object]:
    with open_client(profile) as client:
        shown: dict[str, object] = client.get(path)
        return shown


def test_open_streams_do_not_hold_up_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            sock = bind_port("127.0.0.1", 0)
            port = sock.getsockname()[1]
            began = asyncio.get_running_loop().time()
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False
            ) as client:
                async with serving(build_app(house), sock, house.closing):
                    request = client.build_request("GET", "/events")
                    answer = await client.send(request, stream=True)
                    lines = answer.aiter_lines()
                    assert await anext(lines) == "event: ready"
                await answer.aclose()
            assert asyncio.get_running_loop().time() - began < 4

    real_run(main())


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(Misuse) as refused:
            bind_port("127.0.0.1", other.getsockname()[1])
        assert refused.value.code == "port-in-use"
    with pytest.raises(Misuse) as foreign:
        bind_port("192.0.2.1", 0)
    assert foreign.value.code == "bad-argument"


def test_a_port_that_this_account_may_not_open_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(sock: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", type("Sock", (socket.socket,), {"bind": bind}))
    with pytest.raises(Misuse) as refused:
        bind_port("127.0.0.1", 80)
    assert refused.value.code == "bad-argument" and "ports below 1024" in refused.value.hint


def test_what_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    bind_socket(path).close()
    before = path.stat().st_ino
    sock = bind_socket(path)
    assert path.stat().st_ino != before or os.path.exists(path)
    sock.close()
    with pytest.raises(Misuse) as refused:
        bind_socket(tmp_path / "nowhere" / "api.sock")
    assert refused.value.code == "state-not-written"
