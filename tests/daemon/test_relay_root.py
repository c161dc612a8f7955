"""Where a relay will not listen; the rest is in test_three_roles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.relay_root import RelayRoot
from tunnel_whisperer.pki import make_ca
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import make_relay_identity


@pytest.mark.parametrize(
    "listen", [":8080", "0.0.0.0:8080", "192.0.2.1:8080", "relay.test:8080", "[::]:8080"]
)
def test_behind_a_web_server_it_listens_on_this_machine_alone(listen: str, tmp_path: Path) -> None:
    """Elsewhere a stranger could write the header that names the certificate."""
    profile = Profile(tmp_path / "relay")
    make_relay_identity(profile, "localhost", behind_proxy=True)
    config = load_config(profile.config)
    with pytest.raises(Misuse, match="on this machine alone"):
        RelayRoot(profile, replace(config, relay=replace(config.relay, listen=listen)))
    for own in ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "127.9.9.9:1"):
        RelayRoot(profile, replace(config, relay=replace(config.relay, listen=own)))


def test_a_chain_of_ones_own_is_told_by_its_first_certificate(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            path = world.relay_profile.relay_cert
            path.write_text(f"words of a tool\n{path.read_text()}{make_ca('issuer').cert_pem}")
            row = world.relay.snapshot()["health"][1]
            assert (row["layer"], row["state"]) == ("certificate", "ok")

    real_run(main())
