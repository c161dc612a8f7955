"""The machine is gone, and another one takes its place: nobody who used the relay has to do anything."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace

import pytest

from tests.e2e.machine.machine import Machine
from tests.e2e.machine.outside import BRIDGE, DOMAIN, missing
from tests.e2e.machine.relay import Relay
from tests.e2e.machine.root import built
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import load_config
from tunnel_whisperer.provision.standard.install_script import cloud_init

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.machine,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

_SAVE = """\
import asyncio, sys
from pathlib import Path
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import Profile, load_config
profile = Profile(Path(sys.argv[1]))
relay = StandardRelay(profile, load_config(profile.config))
relay.saved.write_bytes(asyncio.run(relay.saved_certificates()))
"""
"""As ``tw destroy relay-server`` does, before it removes the machine."""


def _shown(relay: Relay) -> str:
    """The certificate that a stranger sees, in PEM."""
    ask = f"import ssl; print(ssl.get_server_certificate(('{DOMAIN}', 443)))"
    done = relay.outside.run(sys.executable, "-c", ask)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_machine_has_the_certificates_and_servers_of_the_old_one(tunnel: Relay) -> None:
    tunnel.carries()
    before, issued = _shown(tunnel), tunnel.outside.log_path("pebble").read_text().count("Issued certificate")
    assert issued
    saved = tunnel.outside.run(sys.executable, "-c", _SAVE, str(tunnel.profile.directory))
    assert saved.returncode == 0, saved.stderr
    tunnel.machine.power_off()
    site = StandardRelay(tunnel.profile, load_config(tunnel.profile.config)).first_site()
    user_data = cloud_init(site, tunnel.origins.sources)
    machine = Machine(tunnel.outside.directory / "vm-2", built(), tunnel.outside.namespace, BRIDGE)
    # As AWS has it, where the text would be too long.
    machine.furnish(tunnel.origins, gzip.compress(user_data.encode(), mtime=0))
    again = replace(tunnel, machine=machine)
    try:
        machine.boot()
        assert "status: done" in machine.try_("cloud-init", "status", "--wait").stdout
        assert _shown(again) != before  # for the first visit alone
        assert "bringing back the saved certificates" in again.apply()
        assert _shown(again) == before
        assert tunnel.outside.log_path("pebble").read_text().count("Issued certificate") == issued
        again.carries()
        assert again.apply() == "[]\n"
    finally:
        machine.power_off()
