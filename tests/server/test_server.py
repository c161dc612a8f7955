"""The server's door to logins; the rest is seen on the whole, in tests/daemon/test_three_roles."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.counters import Refusals, SessionCounters
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import LOGINS_BURST, LOGINS_PER_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.uplink import UplinkSettings
from tunnel_whisperer.server import Server, ServerSettings
from tunnel_whisperer.ssh.keys import generate_ed25519

RELAY = HostPort("relay.test", 443)
BIND = HostPort("127.0.0.1", 20000)


def test_a_relay_that_makes_us_exchange_keys_all_day_is_slowed_down(tmp_path: Path) -> None:
    async def main() -> None:
        private, public = generate_ed25519()
        uplink = UplinkSettings(RelayEndpoint(RELAY, plain=True), "/tw/plant", uuid.UUID(int=1))
        server = Server(
            ServerSettings(
                uplink,
                HostPort("127.0.0.1", 22),
                "plant",
                public,
                BIND,
                private,
                private,
                tmp_path / "x",
                "tw",
            )
        )
        for _ in range(LOGINS_BURST):
            server._accept(BIND)
        with pytest.raises(Refused) as caught:
            server._accept(BIND)
        assert caught.value.code == "too-many"
        assert server.counters().refusals == (Refusals("login", "too-many", 1),)
        assert server.counters().session == SessionCounters(False, 0, 0, None, 0.0, None)
        await asyncio.sleep(1.01 / LOGINS_PER_S)
        server._accept(BIND)

    run(main())
