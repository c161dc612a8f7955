"""``tw delete user``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..operations.users import delete_user
from ..tenancy import UserBook
from .access import reach_lines
from .ask import confirm
from .place import configured
from .uninterrupted import uninterrupted

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
    reach = _reach(book, args.name)
    if not args.yes:
        print("\n".join([f"{args.name} may reach:", *reach]), file=sys.stderr)
        print("Running connections end at once; keys and certificate are lost for good.", file=sys.stderr)
        if not confirm(f"Delete user {args.name}? (tw unregister {args.name} keeps the files)"):
            return 1
    with uninterrupted():
        delete_user(profile, args.name)
    print(f"deleted {args.name}")
    return 0


def _reach(book: UserBook, name: str) -> list[str]:
    """What the user loses; a damaged record, or files without one, can be deleted, too."""
    try:
        return reach_lines(book.get(name))
    except Misuse as exc:
        if exc.code == "bad-record" or (exc.code == "no-such-name" and book.leftovers(name)):
            return [f"  unknown: {exc}"]
        raise
