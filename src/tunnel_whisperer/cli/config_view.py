"""``tw config view``."""

from __future__ import annotations

import argparse
import uuid
from dataclasses import asdict

from ..base.redact import redact
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
        print_json(_shown(asdict(config)))
    else:
        print(f"# {profile.config}")
        print(redact(format_config(config)), end="")
    return 0


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, str | uuid.UUID):
        return redact(str(value))
    return value
