from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e

NOBODY = "tw-e2e.invalid"
"""A name that no DNS knows (RFC 6761)."""


def test_a_machine_of_ones_own_is_forgotten_and_the_keys_stay(machine: MachineFactory) -> None:
    one = machine("one")
    flags = ("--provider", "manual", "--domain", NOBODY, "--ip", "192.0.2.7", "--no-wait")
    one.ok("create", "relay-server", *flags)
    done = one.tw("destroy", "relay-server", "--yes")
    assert done.status == 0 and "certificates cannot be saved" in done.err, done.err
    assert (one.directory / "ssh_host_ed25519_key").exists()
    one.refused("not-set-up", "destroy", "relay-server", "--yes")


def test_it_asks_and_nothing_happens_without_a_yes(machine: MachineFactory) -> None:
    one = machine("one")
    flags = ("--provider", "manual", "--domain", NOBODY, "--ip", "192.0.2.7", "--no-wait")
    one.ok("create", "relay-server", *flags)
    assert "--yes" in one.refused("bad-argument", "destroy", "relay-server")
    child = one.terminal("destroy", "relay-server")
    child.expect("Forget it here")
    child.sendline("n")
    child.wait()
    assert child.exitstatus == 1


def test_other_roles_are_refused(site: Site) -> None:
    site.server.refused("wrong-role", "destroy", "relay-server", "--yes")
    site.relay.refused("wrong-role", "destroy", "relay-server", "--yes")
