"""``tw config view``."""

from __future__ import annotations

import argparse

from ..base.redact import redact
from ..operations.settings_view import plain_config
from ..profile import format_config
from .output import print_json
from .place import configured

EXAMPLE = "tw config view"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs; every field, defaults included")


def run(args: argparse.Namespace) -> int:
    """Show it, without what is secret."""
    profile, config = configured(args)
    if args.json:
        print_json(plain_config(config))
    else:
        print(f"# {profile.config}")
        print(redact(format_config(config)), end="")
    return 0
