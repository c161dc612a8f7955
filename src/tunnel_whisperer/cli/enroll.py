"""``tw enroll``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import parse_port
from ..daemon.roles import need_role
from ..operations.relay_machine import need_embedded
from ..operations.tenants import admit, invite
from ..profile import Config, Profile, write_file
from .files import naming, read_text
from .invitation import add_lifetime_flag, lifetime_end, print_token
from .place import configured
from .relay_machine import bring_to_machine

EXAMPLE = "tw enroll --invite --name plant-7\ntw enroll plant-7-request.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", nargs="?", metavar="REQUEST", help="file that tw join wrote")
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the response (default ID-response.json)"
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        help="port that clients dial (default: the one that the relay listens on, behind a web server 443)",
    )
    parser.add_argument(
        "--invite", action="store_true", help="without a request: print a token, with which one server joins"
    )
    parser.add_argument("--name", metavar="ID", help="of an invitation: the id that the server is to have")
    add_lifetime_flag(parser, "--expires")
    parser.add_argument("--json", action="store_true", help="of an invitation: for programs")


def run(args: argparse.Namespace) -> int:
    """Admit the server: a running relay takes it over within a second, a standard one's machine is
    changed at once. Safe to repeat, and the way to go on where it was interrupted."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    port = parse_port(args.port) if args.port is not None else None
    if args.invite:
        need_embedded(config, "an invitation needs a relay that answers it", "tw enroll REQUEST")
        return _invite(args, profile, config, port)
    for flag, value in (("--name", args.name), ("--expires", args.expires), ("--json", args.json)):
        if value:
            raise Misuse("bad-argument", f"{flag} is for an invitation", hint="add --invite")
    if not args.request:
        raise Misuse("bad-argument", "which server?", hint="tw enroll REQUEST, or tw enroll --invite")
    path = Path(args.request)
    with naming(path):
        enrolled = admit(profile, config, read_text(path), port=port)
    bring_to_machine(profile, config)
    out = Path(args.out or enrolled.file_name)
    write_file(out, enrolled.response, 0o644)
    print(out)
    print(f"enrolled {enrolled.server_id}; send the response back (tw join --apply)")
    return 0


def _invite(args: argparse.Namespace, profile: Profile, config: Config, port: int | None) -> int:
    if args.request or args.out:
        raise Misuse("bad-argument", "a request and --invite do not go together", hint="tw enroll --invite")
    end = lifetime_end(args.expires, "--expires")
    print_token(
        invite(profile, config, args.name or "", expires=end, port=port), "tw join", as_json=args.json
    )
    return 0
