"""``tw service status``."""

from __future__ import annotations

import argparse

from ..profile import Profile, who_runs
from ..service import ServicePlan, ServiceState
from .output import print_json
from .service_of import add_service_flags, service_of

EXAMPLE = "tw service status"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_service_flags(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show whether this identity's role runs by itself."""
    plan, manager, _ = service_of(args)
    state = manager.status(plan)
    holder = who_runs(Profile(plan.directory))
    if args.json:
        other = None if holder is None else {"pid": holder.pid, "command": holder.command}
        print_json({**state.to_json(), "directory": str(plan.directory), "process": other})
        return 0
    print(f"{plan.name}: {plan.title}")
    print(f"  {state.manager}: {_standing(state, plan)}")
    if state.file:
        print(f"  file: {state.file}")
    if state.installed:
        print(f"  its log: {manager.log_command(plan)}")
    if holder is not None and not state.running:
        print(f"  {holder} serves this identity, and is not the service's")
    return 0


def _standing(state: ServiceState, plan: ServicePlan) -> str:
    if not state.installed:
        return f"not installed; tw service install{' --system' if plan.system else ''}"
    by_itself = "starts by itself" if state.enabled else "does not start by itself"
    return f"{state.says}; {by_itself}"
