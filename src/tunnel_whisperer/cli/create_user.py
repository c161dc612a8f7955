"""``tw create user``."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path

from ..base.errors import Misuse, TwError
from ..base.values import Grant
from ..bundle import pack_client
from ..daemon.roles import need_role
from ..profile import write_file
from ..tenancy import UserBook, check_user_name
from .place import configured

EXAMPLE = "tw create user alice -m 15432:5432 -m 10502:plc-7.plant.lan:502"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="short name, such as alice")
    parser.add_argument(
        "-m",
        "--map",
        action="append",
        default=[],
        metavar="[LOCAL:]PORT",
        help="what the user may reach: PORT, LOCAL:PORT or LOCAL:HOST:PORT (repeatable)",
    )
    parser.add_argument(
        "--expires", metavar="TIME", help="not let in from then on: 2026-12-24T18:00, local time"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the user's file (default NAME-tw-config.zip)"
    )


def run(args: argparse.Namespace) -> int:
    """Let the user in, and write the file."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    if not args.map:
        raise Misuse("bad-argument", "no port is granted", hint=f"tw create user {args.name} -m 5432")
    grants = tuple(Grant.parse(text) for text in args.map)
    expires = _moment(args.expires) if args.expires else None
    check_user_name(args.name)
    out = Path(args.out or f"{args.name}-tw-config.zip")
    if os.path.lexists(out):
        raise Misuse("exists", "this file exists already", where=str(out), hint="name another with --out")
    book = UserBook(profile)
    user = book.create(args.name, grants, expires=expires)
    try:
        write_file(out, pack_client(profile, user))
    except TwError:  # without the file the user is of no use, and the name would be taken
        book.delete(user.name)
        raise
    print(out)
    for grant in user.grants:
        mark = "   (another machine than this server)" if grant.leaves_server else ""
        print(f"  {grant}{mark}")
    print(
        f"Hand the file to {user.name} and nobody else: private keys are in it. There: tw connect {out.name}"
    )
    return 0


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise Misuse("bad-argument", f"{text!r} is not a time", hint="write 2026-12-24T18:00") from None
    if moment <= datetime.now().astimezone():
        raise Misuse("bad-argument", f"{text} is over already", hint="name a time to come")
    return moment.timestamp()
