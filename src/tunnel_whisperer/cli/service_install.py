"""``tw service install``."""

from __future__ import annotations

import argparse
import os
import sys

from ..profile import Config
from .service_of import add_service_flags, need_free, service_of

EXAMPLE = "tw service install --system"

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_service_flags(parser)
    parser.add_argument("--no-start", action="store_true", help="only from the next start of the machine on")
    parser.add_argument("--print", action="store_true", help="show the file that would be written, and stop")


def run(args: argparse.Namespace) -> int:
    """Have the role of this identity run by itself."""
    plan, manager, config = service_of(args)
    if args.print:
        print(manager.render(plan), end="")
        return 0
    if not args.no_start:
        need_free(plan, manager)
    manager.install(plan)
    if not args.no_start:
        manager.start(plan)
    state = manager.status(plan)
    print(f"{plan.name}: {' '.join(plan.command)}")
    print(f"  {state.manager}: {'started' if not args.no_start else 'installed, not started'}; {state.says}")
    print(f"  its log: {manager.log_command(plan)}")
    _warn_of_what_it_lacks(config, state.manager, system=plan.system)
    return 0


def _warn_of_what_it_lacks(config: Config, manager: str, *, system: bool) -> None:
    """What this shell has and the service has not."""
    if config.mode != "relay" and not config.proxy and any(os.environ.get(x) for x in _PROXY_VARIABLES):
        print(
            "tw: the proxy of this shell's environment is not the service's: tw proxy set URL keeps it",
            file=sys.stderr,
        )
    if manager == "systemd --user" and not system:
        print("tw: it ends when you log out, unless loginctl enable-linger lets it live", file=sys.stderr)
