"""``tw delete user``."""

from __future__ import annotations

import argparse

from ..daemon.roles import need_role
from ..tenancy import UserBook
from .ask import confirm
from .place import configured

EXAMPLE = "tw delete user alice --yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="as tw list users shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Stop letting the user in; a running server ends the user's session within a second."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = UserBook(profile)
    user = book.get(args.name)
    if not args.yes and not confirm(f"Delete user {user.name}? Running connections end at once."):
        return 1
    book.delete(user.name)
    print(f"deleted {user.name}")
    return 0
