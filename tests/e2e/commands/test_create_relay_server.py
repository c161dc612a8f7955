from __future__ import annotations

import signal
import stat

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e

NOBODY = "tw-e2e.invalid"
"""A name that no DNS knows (RFC 6761)."""


def test_a_machine_of_ones_own_gets_its_script_and_the_wait_can_be_left(machine: MachineFactory) -> None:
    one = machine("one")
    wizard = one.start(
        "create", "relay-server", "--provider", "manual", "--domain", NOBODY, "--ip", "192.0.2.7",
        until="not there yet",
    )  # fmt: skip
    said = "\n".join(wizard.lines)
    assert f"the record to set:  {NOBODY}.  A  192.0.2.7" in said
    assert wizard.stop(signal.SIGINT) == 130
    assert "nothing is lost: tw create relay-server goes on" in "\n".join(wizard.lines)
    script = one.home / f"{NOBODY}-install.sh"
    assert stat.S_IMODE(script.stat().st_mode) == 0o600
    again = one.ok("create", "relay-server", "--no-wait")
    assert again.splitlines()[0] == script.name
    one.refused("exists", "create", "relay-server", "--provider", "hetzner")


def test_at_a_terminal_it_asks(machine: MachineFactory) -> None:
    child = machine("one").terminal("create", "relay-server", "--no-wait")
    for question, answer in (
        ("Name of the relay", "relay"),
        ("no name in DNS", NOBODY),
        ("Where is it to run", "manual"),
        ("public IP address", "my-box"),
        ("no IP address", "192.0.2.7"),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect("next: tw create relay-server")


def test_before_it_has_all_it_needs_it_makes_nothing(machine: MachineFactory) -> None:
    one = machine("one")
    line = one.refused("bad-argument", "create", "relay-server", "--domain", NOBODY)
    assert "--provider" in line
    flags = ("--domain", NOBODY, "--provider", "digitalocean")
    assert "DIGITALOCEAN_TOKEN" in one.refused(
        "bad-argument", "create", "relay-server", *flags, DIGITALOCEAN_TOKEN=""
    )
    assert not one.directory.exists()


def test_another_role_is_refused(site: Site) -> None:
    for other in (site.server, site.relay):
        line = other.refused("wrong-role", "create", "relay-server", "--domain", NOBODY)
        assert "tw create context NAME" in line
