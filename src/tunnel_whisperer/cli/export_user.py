"""``tw export user``."""

from __future__ import annotations

import argparse

from ..audit import note
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..tenancy import Standing, UserBook
from .access import way_in
from .passphrase import new_passphrase
from .place import configured
from .uninterrupted import uninterrupted
from .user_file import add_file_flags, place_of_file, print_hand_over, write_user_file
from .user_invitation import add_invite_flags, check_invite_flags, print_invitation

EXAMPLE = "tw export user alice --out alice.zip --passphrase"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="as tw list users shows it")
    add_file_flags(parser)
    add_invite_flags(parser)
    parser.add_argument("--force", action="store_true", help="replace the file that is there")


def run(args: argparse.Namespace) -> int:
    """Write the user's file again, as things stand now; a certificate near its end is renewed. Or invite
    them once more: to the same machine with its keys, or to another one."""
    check_invite_flags(args)
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = UserBook(profile)
    user = book.get(args.name)
    if args.invite:
        print_invitation(args, profile, user.name)
        return 0
    if not book.has_keys(user.name):
        raise Misuse(
            "not-set-up",
            f"the keys of {user.name} are on their own machine, so there is no file of them here",
            hint=f"tw export user {user.name} --invite: a token for the ports and the certificate as they are now",
        )
    out = place_of_file(args, user.name)
    passphrase = new_passphrase(args)
    with uninterrupted():
        renewed = book.renew_certificate(user.name)
        write_user_file(profile, user, out, passphrase)
        note(profile, "user-exported", user=user.name, encrypted=passphrase is not None)
    print(out)
    if renewed is not None:
        print(f"  with a new certificate, until {renewed.astimezone():%Y-%m-%d}")
    standing = book.standing(user)
    if standing is not Standing.LET_IN:
        print(f"  {user.name} is {standing.value} now: {way_in(user.name, standing)}")
    print_hand_over(user.name, out, passphrase)
    return 0
