"""``tw join``."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ..base.errors import Misuse
from ..operations.joining import accept_response, join_by_token, make_request
from ..profile import Profile, write_file
from ..tenancy import JoinResponse, Token
from .files import naming, read_text
from .invitation import given_token
from .place import profile_of, start_logging

EXAMPLE = (
    "tw join tw-join-AQAU...\ntw join relay.example.org --id plant-7\ntw join --apply plant-7-response.json"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "relay",
        nargs="?",
        metavar="TOKEN|RELAY",
        help="invitation from the relay's admin (- reads it from standard input); or name of the relay to ask for a slot",
    )
    parser.add_argument(
        "--id", metavar="ID", help="short name of this server (default: as invited, else its host name)"
    )
    parser.add_argument("--out", metavar="FILE", help="where to write the request (default ID-request.json)")
    parser.add_argument("--apply", metavar="RESPONSE", help="take over the response of the relay's admin")


def run(args: argparse.Namespace) -> int:
    """Write a request, or take a response over."""
    profile = profile_of(args)
    start_logging(args, None)
    if args.apply:
        for what, value in (("a relay's name", args.relay), ("--id", args.id), ("--out", args.out)):
            if value:
                raise Misuse("bad-argument", f"{what} and --apply do not go together")
        path = Path(args.apply)
        with naming(path):
            response = JoinResponse.parse(read_text(path))
        accept_response(profile, response)
        print(f"enrolled at {response.relay_host} as {response.server_id}; next: tw create user, tw serve")
        return 0
    if not args.relay:
        raise Misuse(
            "bad-argument",
            "which relay?",
            hint="tw join TOKEN with an invitation, tw join RELAY without, or tw join --apply RESPONSE",
        )
    token = given_token(args.relay, "join")
    if token is not None:
        return _by_invitation(args, profile, token)
    request = make_request(profile, args.relay, args.id or "")
    out = Path(args.out or request.file_name)
    write_file(out, request.text, 0o644)
    print(out)
    print("Send it to the relay's admin (tw enroll); it holds nothing secret.")
    print("With the response that comes back: tw join --apply RESPONSE")
    return 0


def _by_invitation(args: argparse.Namespace, profile: Profile, token: Token) -> int:
    if args.out:
        raise Misuse("bad-argument", "an invitation needs no request: --out has no use")
    config = asyncio.run(join_by_token(profile, token, args.id or ""))
    print(f"enrolled at {config.xray.relay_host} as {config.server_id}; next: tw create user, tw serve")
    return 0
