"""``tw export user``."""

from __future__ import annotations

import argparse

from ..operations.users import check_exportable, export_user, invite_again
from ..profile import write_file
from ..tenancy import Standing, UserBook
from .access import way_in
from .passphrase import new_passphrase
from .place import configured
from .uninterrupted import uninterrupted
from .user_file import add_file_flags, place_of_file, print_hand_over
from .user_invitation import add_invite_flags, check_invite_flags, invitation_end, print_invitation

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
    profile, _ = configured(args)
    if args.invite:
        print_invitation(args, invite_again(profile, args.name, expires=invitation_end(args)))
        return 0
    user = check_exportable(profile, args.name)
    out = place_of_file(args, user.name)
    passphrase = new_passphrase(args)
    with uninterrupted():
        made = export_user(profile, user.name, passphrase=passphrase, keep=lambda data: write_file(out, data))
    print(out)
    if made.renewed_until is not None:
        print(f"  with a new certificate, until {made.renewed_until.astimezone():%Y-%m-%d}")
    standing = UserBook(profile).standing(user)
    if standing is not Standing.LET_IN:
        print(f"  {user.name} is {standing.value} now: {way_in(user.name, standing)}")
    print_hand_over(user.name, out, passphrase)
    return 0
