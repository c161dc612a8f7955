"""``tw service install``."""

from __future__ import annotations

import argparse
import sys

from ..operations.service_acts import need_free, service_advice
from .service_of import add_service_flags, service_of

EXAMPLE = "tw service install --system"


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
    for words in service_advice(config, state.manager, system=plan.system):
        print(f"tw: {words}", file=sys.stderr)
    return 0
