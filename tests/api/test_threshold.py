"""Sockets that listen before anything is behind them."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.api.socket_path import socket_of
from tunnel_whisperer.api.threshold import Threshold, bind_port
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile


def _profile(directory: Path) -> Profile:
    profile = Profile(directory)
    profile.run.mkdir()
    return profile


@pytest.mark.parametrize("where", ["local", "port"])
def test_whoever_connects_first_is_heard_and_still_there_to_be_answered(where: str, tmp_path: Path) -> None:
    profile = _profile(tmp_path)

    async def main() -> None:
        threshold = Threshold(profile, "127.0.0.1", 0)
        assert threshold.local is not None and threshold.port is not None
        waiting = asyncio.get_running_loop().create_task(threshold.knock())
        await asyncio.sleep(0)
        assert not waiting.done()
        if where == "local":
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(socket_of(profile)))
        else:
            sock = socket.create_connection(threshold.port.getsockname())
        with sock:
            await asyncio.wait_for(waiting, 5)
            accepted, _ = (threshold.local if where == "local" else threshold.port).accept()
            accepted.close()
        threshold.close()
        assert not socket_of(profile).exists()

    real_run(main())


def test_a_taken_port_is_told_and_the_socket_of_commands_is_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        threshold = Threshold(_profile(tmp_path), "127.0.0.1", other.getsockname()[1])
    assert threshold.refused is not None and threshold.refused.code == "port-in-use"
    assert threshold.url == "" and threshold.local is not None
    threshold.close()


def test_its_url_can_be_opened(tmp_path: Path) -> None:
    threshold = Threshold(_profile(tmp_path), "::1", 0)
    if threshold.port is not None:  # a machine without IPv6
        assert threshold.url == f"http://[::1]:{threshold.port.getsockname()[1]}"
    threshold.close()


def test_an_address_of_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as foreign:
        bind_port("192.0.2.1", 0)
    assert foreign.value.code == "bad-argument"
