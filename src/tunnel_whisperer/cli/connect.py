"""``tw connect``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import Grant
from ..bundle import BundleContents
from ..daemon.claim import connect_by_invitation
from ..daemon.notify import session_status
from ..daemon.process import run_until_stopped
from ..daemon.roles import need_role
from ..daemon.supervisor import Supervisor
from ..operations.importing import check_client_file, connect_file
from ..profile import Profile
from ..tenancy import Token
from .beside_api import Entrance, run_beside_api
from .bundle_file import add_open_flags, open_file
from .invitation import given_token
from .place import add_context_flag, configured, contexts_of, profile_of, start_logging
from .started import say_started
from .uninterrupted import uninterrupted

EXAMPLE = "tw connect alice-tw-config.zip"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle",
        nargs="?",
        metavar="FILE.zip|TOKEN",
        help="the file or invitation from the server's admin, the first time; - reads an invitation from standard input",
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="LOCAL:PORT",
        help="open another local port for that target, this time (LOCAL:HOST:PORT if it is not the server itself)",
    )
    add_open_flags(parser)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Until it is stopped."""
    profile = profile_of(args)
    remap = [Grant.parse(text) for text in args.map]
    if args.passphrase_file is not None and not args.bundle:
        raise Misuse(
            "bad-argument", "a passphrase opens a file, and none is named", hint="tw connect FILE.zip"
        )
    token = given_token(args.bundle, "connect") if args.bundle else None
    if token is not None and args.passphrase_file:
        raise Misuse("bad-argument", "an invitation has no passphrase", hint="leave --passphrase-file out")
    bundle = _client_file(args) if args.bundle and token is None else None
    if bundle is None and token is None:
        profile, config = configured(args)
        need_role(config, "client", profile)  # before who runs here is looked at: nobody should stop that
    supervisor = Supervisor(
        contexts_of(args),
        profile,
        command="tw connect",
        pinned=True,
        fatal=True,
        remap=remap,
        on_started=say_started,
        on_session=session_status,
    )
    with supervisor:
        if token is not None:
            _come(profile, token)
        if bundle is not None:
            _install(profile, bundle, args.bundle)
        profile, config = configured(args)
        start_logging(args, config)
        run_until_stopped(lambda: run_beside_api(supervisor, Entrance()))
    return 0


def _come(profile: Profile, token: Token) -> None:
    asyncio.run(connect_by_invitation(profile, token))
    print(f"tw: this machine is {token.name} at {token.server_id} from now on", file=sys.stderr)


def _install(profile: Profile, bundle: BundleContents, name: str) -> None:
    with uninterrupted():
        done = connect_file(profile, bundle, name)
    if done.newer_here:
        print("tw: this file is older than what is here, which is used", file=sys.stderr)


def _client_file(args: argparse.Namespace) -> BundleContents:
    path = Path(args.bundle)
    contents = open_file(args, path)
    check_client_file(contents, str(path))
    return contents
