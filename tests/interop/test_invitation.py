"""A guest's own certificate, as a web server of another make sees it and hands it on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.commands.machines import free_port
from tests.interop import caddy
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.daemon.claim import join_by_invitation
from tunnel_whisperer.pki import pin_of
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import invite_server

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(caddy.missing()), reason=caddy.missing()),
]


def _front(port: int, backend: int, certificate: Path, key: Path) -> str:
    """As docs/how-to/behind-proxy.md wants it."""
    return f"""
{{
    admin off
    auto_https off
    persist_config off
    skip_install_trust
}}
https://localhost:{port} {{
    tls {certificate} {key} {{
        client_auth {{
            mode request
        }}
    }}
    reverse_proxy h2c://127.0.0.1:{backend} {{
        header_up X-Client-Certificate {{http.request.tls.client.certificate_der_base64}}
        flush_interval -1
    }}
}}
"""


def test_a_guest_joins_a_relay_behind_caddy(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.stop_relay()
        await world.start_relay(behind_proxy=True)
        port = free_port()
        front = _front(
            port, world.address.port, world.relay_profile.relay_cert, world.relay_profile.relay_key
        )
        with caddy.Caddy(front, tmp_path, port):
            token = invite_server(world.relay_profile, "plant", expires=time.time() + 60, relay_port=port)
            assert world.relay is not None
            world.relay.refresh()
            # Caddy shows a certificate of the relay's own CA here, in place of a public one.
            token = replace(token, relay_pin=pin_of(world.relay_profile.relay_ca_cert.read_text()))
            server = Profile(tmp_path / "plant")
            await join_by_invitation(server, token, "plant", {})
            assert load_config(server.config).server.remote_port == 20000

    async def main() -> None:
        async with World(tmp_path) as world:
            await scenario(world)

    real_run(main(), timeout_s=60)
