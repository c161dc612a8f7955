"""``tw doctor``."""

from __future__ import annotations

import argparse
import asyncio
import math
import textwrap

from ..base.errors import Misuse
from ..operations.network_testing import MAX_SILENCE_S, look_at_network
from .place import add_context_flag, profile_of, start_logging
from .steps import StepPrinter

EXAMPLE = "tw doctor relay.example.org"

_WIDTH = 78


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "host", nargs="?", default="", metavar="HOST[:PORT]", help="a relay; this machine's own by default"
    )
    parser.add_argument(
        "--silence",
        default="15",
        metavar="SECONDS",
        help="how long to leave a connection alone (15; 0: not at all)",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Look at the way to a relay that need not know this machine, and write to the firewall team."""
    start_logging(args, None, "error")
    silent_s = _seconds(args.silence)
    profile = profile_of(args)
    printer = StepPrinter(as_json=args.json)
    outcome = asyncio.run(look_at_network(profile, args.host, printer, silent_s=silent_s))
    printer.end(outcome)
    if not args.json:
        letter = textwrap.fill(str(outcome.follows["letter"]), _WIDTH)
        print(f"\nFor the people who run this network:\n\n{letter}")
    if outcome.report.failure is not None:
        raise outcome.report.failure
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_SILENCE_S:  # also false for what is no number
        raise Misuse(
            "bad-argument",
            f"{text[:20]!r} is not a time from 0 to {MAX_SILENCE_S:g} seconds",
            hint="--silence 15",
        )
    return seconds
