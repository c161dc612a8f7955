"""Which role a run is of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.commands.machines import free_port
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.relay_root import RelayRoot
from tunnel_whisperer.daemon.role_run import Root, run_role
from tunnel_whisperer.profile import Config, Profile, save_config
from tunnel_whisperer.tenancy import make_relay_identity


def test_a_relay_is_told_when_it_listens_and_closed_at_the_end(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_relay_identity(profile, "relay.test", listen=f"127.0.0.1:{free_port()}")
    started: asyncio.Queue[Root] = asyncio.Queue()

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(run_role(profile, started.put_nowait))
        root = await started.get()
        assert isinstance(root, RelayRoot) and root.bound is not None
        reader, writer = await asyncio.open_connection(root.bound.host, root.bound.port)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(root.bound.host, root.bound.port)

    real_run(main())


@pytest.mark.parametrize("mode", ["server", "client"])
def test_what_is_not_complete_does_not_start(mode: str, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=mode))
    started: list[Root] = []
    with pytest.raises(Misuse):
        real_run(run_role(profile, started.append))
    assert not started
