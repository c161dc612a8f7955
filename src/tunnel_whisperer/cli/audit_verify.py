"""``tw audit verify``."""

from __future__ import annotations

import argparse

from ..operations.audit_verifying import verify_record
from .output import print_json
from .place import configured

EXAMPLE = "tw audit verify"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--contains",
        metavar="HASH",
        default="",
        help="hash that was noted earlier: its record, and so all before it, must be there unchanged",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Go along the chain of hashes, and name the first link that does not hold."""
    profile, config = configured(args)
    verified = verify_record(profile, config, args.contains)
    fault = verified.fault
    if args.json:
        print_json(verified.to_json())
        return 0 if fault is None else fault.exit_status
    if fault is not None:
        raise fault
    for line in verified.in_words():
        print(line)
    return 0
