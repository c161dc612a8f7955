"""A connection that was being opened when the session died is opened in the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.server.policy import TargetPolicy
from tunnel_whisperer.ssh.endpoint import Opened, ServerSession


def test_a_link_that_breaks_while_a_target_is_dialled_costs_the_application_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel_whisperer.base.backoff._STEPS", (0.05,) * 100)
    asked = asyncio.Event()
    dials = TargetPolicy.open

    async def slow_once(
        self: TargetPolicy, session: ServerSession, target: HostPort, origin: HostPort
    ) -> Opened:
        if not asked.is_set():
            asked.set()
            await asyncio.sleep(60)
        return await dials(self, session, target, origin)

    monkeypatch.setattr(TargetPolicy, "open", slow_once)

    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            await world.serve(server).up()
            role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
            await role.up()
            assert root.tunnel is not None
            port = root.tunnel.ports[0].address
            reader, writer = await asyncio.open_connection(port.host, port.port)
            writer.write(b"hello")
            writer.write_eof()
            await asked.wait()
            assert world.relay is not None and world.relay.relay is not None
            listener = world.relay.relay._listener
            assert listener is not None
            for counted in list(listener._open):  # as the kernel ends the sockets of a killed process
                assert counted.transport is not None
                counted.transport.abort()
            async with asyncio.timeout(10):
                assert await reader.read() == b"hello<end>"
            writer.close()
            error = next(status.error for status in role.statuses if status.error is not None)
            assert error.where != str(
                root.tunnel.ports[0].target
            )  # it was the link that broke, not the target

    real_run(main(), timeout_s=30)
