"""``tw test relay``."""

from __future__ import annotations

import argparse
import asyncio

from ..operations.relay_testing import go_to_relay
from .place import add_context_flag, configured
from .steps import StepPrinter

EXAMPLE = "tw test relay"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Go the way step by step. The failure that ends it is the command's."""
    profile, config = configured(args, "error")
    printer = StepPrinter(as_json=args.json)
    outcome = asyncio.run(go_to_relay(profile, config, printer))
    printer.end(outcome)
    if outcome.report.failure is not None:
        raise outcome.report.failure
    if not args.json:
        print(outcome.verdict)
    return 0
