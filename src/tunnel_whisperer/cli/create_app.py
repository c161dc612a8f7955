"""``tw create app``."""

from __future__ import annotations

import argparse

from ..daemon.roles import need_role
from ..operations.access_words import parse_grants
from ..operations.apps import create_app
from ..tenancy import AppBook, check_app_name
from .access import add_grant_flag, grant_lines
from .app_questions import ask_grants
from .ask import ask
from .place import configured
from .uninterrupted import uninterrupted

EXAMPLE = "tw create app historian -m 5432 -m 10502:plc-7.plant.lan:502"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", help="short name, such as historian")
    add_grant_flag(parser, "-m", "--map")


def run(args: argparse.Namespace) -> int:
    """Make a named set of grants, to give to users by --app."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = AppBook(profile)
    grants = parse_grants(args.map)

    def check(name: str) -> str:
        book.check_new(check_app_name(name))
        return name

    flag = "the name, as in tw create app historian -m 5432"
    name = ask("Name of the new app", flag=flag, check=check) if args.name is None else check(args.name)
    with uninterrupted():
        app = create_app(profile, name, grants or ask_grants(name))
    print("\n".join([f"created {app.name}", *grant_lines(app.grants)]))
    print(f"Give it to somebody: tw create user NAME --app {app.name}")
    return 0
