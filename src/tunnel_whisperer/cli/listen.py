"""``tw listen``."""

from __future__ import annotations

import argparse
import sys

from ..daemon.roles import need_role
from ..operations.local_ports import listen_warning, set_listen_address
from .place import configured
from .settings import tell_running

EXAMPLE = "tw listen 127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="of the interface: 127.0.0.1 is this machine alone, 0.0.0.0 all of its interfaces; left out: show it",
    )


def run(args: argparse.Namespace) -> int:
    """Choose the interface on which this client opens its local ports."""
    profile, config = configured(args)
    if args.address is None:
        need_role(config, "client", profile)
    else:
        done = set_listen_address(profile, args.address)
        tell_running(done)
        config = done.after
    address = config.client.listen_address
    print(address)
    if warning := listen_warning(address):
        print(f"tw: {warning}: tw listen 127.0.0.1 keeps them to this machine", file=sys.stderr)
    return 0
