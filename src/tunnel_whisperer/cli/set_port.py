"""``tw set-port``."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..base.errors import Misuse
from ..base.values import parse_port
from ..daemon.roles import need_role
from ..profile import Config
from .output import print_json, print_rows
from .place import configured
from .settings import change_settings

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
        profile, config = configured(args)
        need_role(config, "client", profile)
        _show(config, as_json=args.json)
        return 0
    if args.local is None:
        raise Misuse("bad-argument", f"which port instead of {args.port[:20]}?", hint=EXAMPLE)
    port, local = parse_port(args.port), parse_port(args.local)
    _, config = change_settings(args, lambda config: _moved(config, port, local), role="client")
    _show(config, as_json=args.json)
    return 0


def _moved(config: Config, port: int, local: int) -> Config:
    client = config.client
    given = [entry.local_port for entry in client.tunnels]
    if port not in given:
        own = {now: before for before, now in client.port_overrides if before in given}
        known = ", ".join(map(str, given)) or "none: ask the server's admin for a grant"
        hint = f"tw set-port {own[port]} {local}" if port in own else f"one of: {known}"
        raise Misuse("no-such-name", f"{port} is not one of the ports that were given", hint=hint)
    own_ports = dict(client.port_overrides)
    for entry in client.tunnels:
        if entry.local_port != port and own_ports.get(entry.local_port, entry.local_port) == local:
            target = f"{entry.remote_host}:{entry.remote_port}"
            raise Misuse("exists", f"local port {local} leads to {target} already", hint="choose another one")
    own_ports.pop(port, None)
    if local != port:
        own_ports[port] = local
    return replace(config, client=replace(client, port_overrides=tuple(sorted(own_ports.items()))))


def _show(config: Config, *, as_json: bool) -> None:
    rows = [
        {"given": entry.local_port, "local": grant.local_port, "target": str(grant.target)}
        for entry, grant in zip(config.client.tunnels, config.client.grants(), strict=True)
    ]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ("given", "local", "target"), "no ports yet: ask the server's admin for a grant")
