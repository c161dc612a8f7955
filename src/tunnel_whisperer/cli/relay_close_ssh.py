"""``tw relay close-ssh``."""

from __future__ import annotations

import argparse
import sys

from ..audit import note
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..provision.state import read_hint
from ..tenancy import make_standard_relay_identity
from .place import add_context_flag, configured
from .relay_credentials import add_credentials_flag, driver_of
from .relay_machine import bring_to_machine
from .relay_order import MANUAL

EXAMPLE = "tw relay close-ssh"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_credentials_flag(parser)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Shut port 22, at the provider and on the machine. Safe to repeat, and the way to go on where it
    was interrupted: it is open again by ``tw create relay-server --ssh-open`` alone."""
    profile, config = configured(args)
    need_role(config, "relay", profile, "tw create relay-server")
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"the relay {config.relay.domain} runs on this machine, whose port 22 is not its business",
            where=str(profile.directory),
        )
    hint = read_hint(profile)
    driver = None if hint is None or hint.provider == MANUAL else driver_of(args, hint.provider)
    if driver is None and args.credentials_file:
        raise Misuse("bad-argument", "--credentials-file: no provider is asked for this relay")
    # Remembered first: whatever comes next, each later change of the machine shuts it.
    config = make_standard_relay_identity(profile, "", ssh_open=False)
    note(profile, "identity-changed", fields=["relay.ssh_open"])
    if driver is not None and hint is not None:
        driver.set_ssh(hint.relay_id, ssh_open=False)
        print(f"  shut at {hint.provider}", file=sys.stderr)
    bring_to_machine(profile, config)
    print(f"port 22 of {config.relay.domain} is shut; tw relay ssh comes by the relay itself")
    return 0
