"""``tw listen``."""

from __future__ import annotations

import argparse
import ipaddress
import sys

from ..daemon.roles import need_role
from ..profile import change_field
from .place import configured
from .settings import change_settings

EXAMPLE = "tw listen 127.0.0.1"

_FIELD = "client.listen_address"


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
    if args.address is None:
        profile, config = configured(args)
        need_role(config, "client", profile)
    else:
        _, config = change_settings(
            args, lambda config: change_field(config, _FIELD, args.address or " "), role="client"
        )
    address = config.client.listen_address
    print(address)
    if not ipaddress.ip_address(address).is_loopback:
        print(
            f"tw: whoever reaches {address} from the network can use the local ports, and nobody asks them"
            " who they are: tw listen 127.0.0.1 keeps them to this machine",
            file=sys.stderr,
        )
    return 0
