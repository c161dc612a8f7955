"""One user's share of the relay, seen on the whole: who takes too much is refused, and nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.kit.world import World
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.net.uplink import Uplink


def test_a_user_with_too_many_streams_is_refused_and_another_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tunnel_whisperer.relay.quota.MAX_STREAMS_PER_USER", 2)

    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        target = await world.echo()
        settings = ClientRoot(world.let_in(server, "alice", target)).settings
        greedy, streams = Uplink(settings.uplink), [Recorder() for _ in range(4)]
        for stream in streams[:2]:
            await greedy.open(settings.server, lambda stream=stream: stream)  # type: ignore[misc]
            await stream.got(4)  # the server's SSH version
        for stream in streams[2:]:
            with pytest.raises(TwError):
                await greedy.open(settings.server, lambda stream=stream: stream)  # type: ignore[misc]
        role, _ = await world.connect(world.let_in(server, "bob", target))
        await role.up()
        assert not streams[0].lost
        assert streams[0].transport is not None
        streams[0].transport.abort()
        await streams[0].got_lost()
        await asyncio.sleep(0.05)
        await greedy.open(settings.server, lambda: streams[2])  # a place is free again
        await greedy.close()

    async def main() -> None:
        async with World(tmp_path) as world:
            await scenario(world)

    with caplog.at_level("WARNING", "tw.relay"):
        real_run(main(), timeout_s=30)
    assert caplog.text.count("streams are refused") <= 2
