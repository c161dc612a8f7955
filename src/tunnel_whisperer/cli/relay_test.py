"""``tw test relay``."""

from __future__ import annotations

import argparse
import asyncio

from ..daemon.relay_test import try_relay
from ..doctor import State
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
    report = asyncio.run(try_relay(profile, config, printer))
    relay = config.relay.domain if config.mode == "relay" else config.xray.relay_host
    printer.end(report, {"role": config.mode, "relay": relay})
    if report.failure is not None:
        raise report.failure
    if not args.json:
        notes = any(step.state is State.NOTE for step in report.steps)
        print("it works; see the notes" if notes else "all is well")
    return 0
