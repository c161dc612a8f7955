"""``tw service stop``."""

from __future__ import annotations

import argparse

from .service_of import add_service_flags, service_of

EXAMPLE = "tw service stop"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_service_flags(parser)


def run(args: argparse.Namespace) -> int:
    """End it; it starts again with the machine."""
    plan, manager, _ = service_of(args)
    manager.stop(plan)
    print(f"{plan.name} is stopped, until the machine starts again or tw service start")
    return 0
