from __future__ import annotations

import pytest
import yaml

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e

NOBODY = "tw-e2e.invalid"
"""A name that no DNS knows (RFC 6761)."""


def test_what_the_machine_did_not_hear_yet_is_remembered(machine: MachineFactory) -> None:
    one = machine("one")
    flags = ("--provider", "manual", "--domain", NOBODY, "--ip", "192.0.2.7", "--no-wait", "--ssh-open")
    one.ok("create", "relay-server", *flags)
    config = one.directory / "config.yaml"
    assert yaml.safe_load(config.read_text())["relay"]["ssh_open"] is True
    one.refused("dns-failed", "relay", "close-ssh")
    assert not yaml.safe_load(config.read_text())["relay"].get("ssh_open", False)


def test_other_roles_are_refused(site: Site) -> None:
    for other in (site.server, site.relay):
        done = other.tw("relay", "close-ssh")
        assert done.status == 2 and done.err.startswith("tw: wrong-role: "), done
