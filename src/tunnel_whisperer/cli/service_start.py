"""``tw service start``."""

from __future__ import annotations

import argparse

from ..operations.service_acts import need_free
from .service_of import add_service_flags, service_of

EXAMPLE = "tw service start"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_service_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Start it, or start it again; it is up when this returns."""
    plan, manager, _ = service_of(args)
    need_free(plan, manager)
    manager.start(plan)
    print(f"{plan.name} is started: {manager.status(plan).says}")
    return 0
