"""``tw set-port``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..base.errors import Misuse
from ..base.values import parse_port
from ..operations.local_ports import LocalPort, local_ports, ports_of, set_local_port
from .output import print_json, print_rows
from .place import configured
from .settings import tell_running

EXAMPLE = "tw set-port 5432 15432"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "port",
        nargs="?",
        metavar="PORT",
        help="a local port as the server's admin gave it; left out: show all",
    )
    parser.add_argument(
        "local",
        nargs="?",
        metavar="LOCAL",
        help="the port that this machine opens instead; PORT again: as given",
    )
    parser.add_argument("--json", action="store_true", help="show the ports for programs")


def run(args: argparse.Namespace) -> int:
    """Open another local port on this machine, where the one that was given is taken."""
    if args.port is None:
        profile, _ = configured(args)
        _show(local_ports(profile), as_json=args.json)
        return 0
    if args.local is None:
        raise Misuse("bad-argument", f"which port instead of {args.port[:20]}?", hint=EXAMPLE)
    port, local = parse_port(args.port), parse_port(args.local)
    profile, _ = configured(args)
    done = set_local_port(profile, port, local)
    tell_running(done)
    _show(ports_of(done.after), as_json=args.json)
    return 0


def _show(ports: Sequence[LocalPort], *, as_json: bool) -> None:
    rows = [port.to_json() for port in ports]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ("given", "local", "target"), "no ports yet: ask the server's admin for a grant")
