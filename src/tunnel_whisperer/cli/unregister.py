"""``tw unregister``."""

from __future__ import annotations

import argparse

from ..operations.users import unregister_user
from ..tenancy import Standing
from .place import configured
from .uninterrupted import uninterrupted

EXAMPLE = "tw unregister alice"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("user", help="as tw list users shows it")


def run(args: argparse.Namespace) -> int:
    """Let the user in no more, and keep the files; running sessions end within a second."""
    profile, _ = configured(args)
    with uninterrupted():
        change = unregister_user(profile, args.user)
    name = change.after.name
    if change.stood is Standing.UNREGISTERED:
        print(f"{name} was unregistered already; tw apply {name} lets them in again")
    else:
        print(f"unregistered {name}; tw apply {name} lets them in again")
    return 0
