"""``tw create user``."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..bundle import check_slot
from ..daemon.roles import need_role
from ..operations.access_words import moment_text, parse_grants
from ..operations.users import NewUser, create_user, invite_new_user, new_user
from ..profile import Profile, locked, write_file
from ..tenancy import Token, User, UserBook, check_user_name
from .access import EXPIRY_HELP, add_grant_flag, reach_lines
from .passphrase import new_passphrase
from .place import configured
from .uninterrupted import uninterrupted
from .user_file import add_file_flags, place_of_file, print_hand_over
from .user_invitation import add_invite_flags, check_invite_flags, invitation_end, print_invitation
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


def run(args: argparse.Namespace) -> int:
    """Let the user in, and write the file; or invite them."""
    check_invite_flags(args)
    profile, config = configured(args)
    need_role(config, "server", profile)
    check_slot(config, profile)
    wanted = _wanted(args, profile)
    if args.invite:
        return _invite(args, profile, wanted)
    passphrase = new_passphrase(args)
    with uninterrupted(), locked(profile):
        out = place_of_file(args, wanted.name)
        made = create_user(profile, wanted, passphrase=passphrase, keep=lambda data: write_file(out, data))
    print(out)
    for line in _told(made.user):
        print(line)
    print_hand_over(made.user.name, out, passphrase)
    return 0


def _invite(args: argparse.Namespace, profile: Profile, wanted: NewUser) -> int:
    def hand_over(user: User, token: Token) -> None:
        print_invitation(args, token, _told(user))

    with uninterrupted():
        invite_new_user(profile, wanted, expires=invitation_end(args), hand_over=hand_over)
    return 0


def _told(user: User) -> list[str]:
    return [*reach_lines(user), *_conditions(user)]


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


def _wanted(args: argparse.Namespace, profile: Profile) -> NewUser:
    """From the flags; what is missing is asked for at a terminal. All flags are checked first:
    nobody should answer questions for a command that cannot succeed."""
    book = UserBook(profile)
    if args.name is not None:
        book.check_new(check_user_name(args.name))
        _check_place(args, args.name)
    wanted = new_user(
        profile,
        args.name or "",
        parse_grants(args.map),
        apps=args.app,
        like=args.like,
        expires=args.expires,
        single_session=args.single_session,
    )
    if args.name is None:
        wanted = replace(wanted, name=ask_name(book))
        _check_place(args, wanted.name)
    reaches = bool(wanted.grants or wanted.apps)
    if not reaches:
        grants, apps = ask_reach(wanted.name, book)
        wanted = replace(wanted, grants=grants, apps=apps)
    if args.expires is None and args.like is None and (args.name is None or not reaches):
        wanted = replace(wanted, expires=ask_expiry())
    return wanted
