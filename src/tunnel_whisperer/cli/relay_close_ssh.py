"""``tw relay close-ssh``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse
from ..operations.relay_ssh_port import asked_provider, remember_shut, shut_at_provider
from .place import add_context_flag, configured
from .relay_credentials import add_credentials_flag, driver_of
from .relay_machine import bring_to_machine

EXAMPLE = "tw relay close-ssh"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_credentials_flag(parser)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Shut port 22, at the provider and on the machine. Safe to repeat, and the way to go on where it
    was interrupted: it is open again by ``tw create relay-server --ssh-open`` alone."""
    profile, config = configured(args)
    hint = asked_provider(profile, config)
    driver = None if hint is None else driver_of(args, hint.provider)
    if driver is None and args.credentials_file:
        raise Misuse("bad-argument", "--credentials-file: no provider is asked for this relay")
    config = remember_shut(profile)
    if driver is not None and hint is not None:
        shut_at_provider(driver, hint, _say)
    bring_to_machine(profile, config)
    print(f"port 22 of {config.relay.domain} is shut; tw relay ssh comes by the relay itself")
    return 0


def _say(part: str, state: str, words: str, hint: str = "", /) -> None:
    """See ``operations.steps.Tell``."""
    print(f"  {words}", file=sys.stderr)
