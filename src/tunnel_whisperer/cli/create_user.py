"""``tw create user``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ..base.values import Grant
from ..bundle import check_slot
from ..daemon.roles import need_role
from ..profile import Profile, locked
from ..tenancy import User, UserBook, check_user_name
from .access import EXPIRY_HELP, add_grant_flag, moment_text, parse_expiry, parse_grants, reach_lines
from .passphrase import new_passphrase
from .place import configured
from .uninterrupted import uninterrupted
from .user_file import add_file_flags, place_of_file, print_hand_over, write_user_file
from .user_invitation import add_invite_flags, check_invite_flags, print_invitation
from .user_questions import ask_expiry, ask_name, ask_reach

EXAMPLE = "tw create user alice -m 15432:5432 -m 10502:plc-7.plant.lan:502"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", help="short name, such as alice")
    add_grant_flag(parser, "-m", "--map")
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="NAME",
        help="a named set of ports, made by tw create app (repeatable)",
    )
    parser.add_argument(
        "--from", dest="like", metavar="USER", help="may do what this user may; other flags add to it"
    )
    parser.add_argument("--expires", metavar="TIME", help=EXPIRY_HELP)
    parser.add_argument(
        "--single-session",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="one session at a time: a new one ends the old one",
    )
    add_file_flags(parser)
    add_invite_flags(parser)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for, by flags and answers."""

    name: str
    grants: tuple[Grant, ...]
    apps: tuple[str, ...]
    expires: float | None
    single_session: bool


def run(args: argparse.Namespace) -> int:
    """Let the user in, and write the file; or invite them."""
    check_invite_flags(args)
    profile, config = configured(args)
    need_role(config, "server", profile)
    check_slot(config, profile)
    book = UserBook(profile)
    wanted = _wanted(args, book)
    if args.invite:
        return _invite(args, profile, book, wanted)
    passphrase = new_passphrase(args)
    with uninterrupted(), locked(profile):
        out = place_of_file(args, wanted.name)
        user = book.create(
            wanted.name,
            wanted.grants,
            apps=wanted.apps,
            expires=wanted.expires,
            single_session=wanted.single_session,
        )
        try:
            write_user_file(profile, user, out, passphrase)
        except BaseException:  # without the file the user is of no use, and the name would be taken
            book.delete(user.name)
            raise
    print(out)
    for line in (*reach_lines(user), *_conditions(user)):
        print(line)
    print_hand_over(user.name, out, passphrase)
    return 0


def _invite(args: argparse.Namespace, profile: Profile, book: UserBook, wanted: _Wanted) -> int:
    with uninterrupted(), locked(profile):
        user = book.create(
            wanted.name,
            wanted.grants,
            apps=wanted.apps,
            expires=wanted.expires,
            single_session=wanted.single_session,
            invited=True,
        )
        try:
            print_invitation(args, profile, user.name, [*reach_lines(user), *_conditions(user)])
        except BaseException:  # as without the file
            book.delete(user.name)
            raise
    return 0


def _conditions(user: User) -> list[str]:
    lines = []
    if user.expires is not None:
        lines.append(f"  until {moment_text(user.expires)}")
    if user.single_session:
        lines.append("  one session at a time")
    return lines


def _check_place(args: argparse.Namespace, name: str) -> None:
    if not args.invite:
        place_of_file(args, name)


def _wanted(args: argparse.Namespace, book: UserBook) -> _Wanted:
    """From the flags; what is missing is asked for at a terminal. All flags are checked first:
    nobody should answer questions for a command that cannot succeed."""
    if args.name is not None:
        check_user_name(args.name)
        book.check_new(args.name)
        _check_place(args, args.name)
    grants, apps = parse_grants(args.map), tuple(args.app)
    expires = parse_expiry(args.expires) if args.expires is not None else None
    single = bool(args.single_session)
    if args.like is not None:
        like = book.get(args.like)
        grants = tuple(dict.fromkeys([*like.own_grants, *grants]))
        apps = (*(app.name for app in like.apps), *apps)
        expires = like.expires if args.expires is None else expires
        single = like.single_session if args.single_session is None else single
    book.apps_named(apps)
    name = args.name
    if name is None:
        name = ask_name(book)
        _check_place(args, name)
    reaches = bool(grants or apps)
    if not reaches:
        grants, apps = ask_reach(name, book)
    if args.expires is None and args.like is None and (args.name is None or not reaches):
        expires = ask_expiry()
    return _Wanted(name, grants, apps, expires, single)
