"""``tw doctor``."""

from __future__ import annotations

import argparse
import asyncio
import math
import textwrap

from ..base.errors import Misuse
from ..daemon.network_test import network_of
from ..doctor import firewall_letter, walk_network
from ..profile import Config, Profile, load_config
from .place import add_context_flag, profile_of, start_logging
from .steps import StepPrinter

EXAMPLE = "tw doctor relay.example.org"

_MAX_SILENCE_S = 3600.0
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
    network = network_of(args.host, profile, _config(profile, needed=not args.host), silent_s=silent_s)
    printer = StepPrinter(as_json=args.json)
    report, findings = asyncio.run(walk_network(network, printer))
    letter = firewall_letter(network, findings)
    printer.end(report, {"relay": str(network.endpoint.address)}, {"letter": letter})
    if not args.json:
        print(f"\nFor the people who run this network:\n\n{textwrap.fill(letter, _WIDTH)}")
    if report.failure is not None:
        raise report.failure
    return 0


def _config(profile: Profile, *, needed: bool) -> Config | None:
    """The identity, if there is one; one that cannot be read is no hindrance to look at another host."""
    if not profile.config.exists():
        return None
    try:
        return load_config(profile.config)
    except Misuse:
        if needed:
            raise
        return None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _MAX_SILENCE_S:  # also false for what is no number
        raise Misuse(
            "bad-argument",
            f"{text[:20]!r} is not a time from 0 to {_MAX_SILENCE_S:g} seconds",
            hint="--silence 15",
        )
    return seconds
