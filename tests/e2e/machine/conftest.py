"""One machine for all tests of this folder, made by its user-data alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.machine.machine import Machine
from tests.e2e.machine.origins import Origins
from tests.e2e.machine.outside import BRIDGE, DOMAIN, Outside
from tests.e2e.machine.relay import Relay
from tests.e2e.machine.root import built
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard.install_script import XRAY_VERSION, cloud_init
from tunnel_whisperer.tenancy import make_standard_relay_identity

PROBE = str(Path(__file__).parents[1] / "probe.py")


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """Booted, and installed by cloud-init."""
    folder = tmp_path_factory.mktemp("machine")
    root = built()
    origins = Origins.made(folder / "origins", root, XRAY_VERSION)
    profile = Profile(folder / "relay")
    profile.directory.mkdir(mode=0o700)
    site = StandardRelay(profile, make_standard_relay_identity(profile, DOMAIN)).first_site()
    with Outside(folder) as outside:
        outside.open(origins)
        machine = Machine(folder / "vm", root, outside.namespace, BRIDGE)
        machine.furnish(origins, cloud_init(site, origins.sources))
        try:
            machine.boot()
            machine.try_("cloud-init", "status", "--wait")
            yield Relay(outside, machine, origins, profile, site)
        finally:
            machine.power_off()


@pytest.fixture(scope="session")
def tunnel(relay: Relay) -> Relay:
    """With an enrolled server, its user, and a service that the user reaches on port 15000."""
    outside, request, response = relay.outside, "plant.json", "plant-response.json"
    outside.start("service", sys.executable, PROBE, "serve", "5000")
    outside.tw("plant", "join", DOMAIN, "--id", "plant", "--out", relay.path(request))
    outside.tw("relay", "enroll", relay.path(request), "--out", relay.path(response))
    outside.tw("plant", "join", "--apply", relay.path(response))
    outside.start("plant", *outside.tw_command("plant", "serve"))
    outside.wait_for("plant", "connected: published")
    outside.tw("plant", "create", "user", "alice", "-m", "15000:5000", "--out", relay.path("alice.zip"))
    relay.unpack("alice.zip", "alice")
    outside.start("alice", *outside.tw_command("alice", "connect"))
    outside.wait_for("alice", "connected to the server")
    return relay
