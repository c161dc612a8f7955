"""``tw enroll``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.values import parse_port
from ..daemon.roles import need_role
from ..profile import write_file
from ..tenancy import JoinRequest, TenantBook, make_join_response
from .files import naming, read_text
from .place import configured

EXAMPLE = "tw enroll plant-7-request.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", metavar="REQUEST", help="file that tw join wrote")
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the response (default ID-response.json)"
    )
    parser.add_argument("--port", metavar="PORT", default="443", help="port that clients dial (default 443)")


def run(args: argparse.Namespace) -> int:
    """Admit the server; a running relay takes it over within a second. Safe to repeat."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    port = parse_port(args.port)
    path = Path(args.request)
    with naming(path):
        request = JoinRequest.parse(read_text(path))
    record = TenantBook(profile).enroll(request)
    response = make_join_response(profile, request, record.port, relay_port=port)
    out = Path(args.out or f"{record.server_id}-response.json")
    write_file(out, response.to_text(), 0o644)
    print(out)
    print(f"enrolled {record.server_id}; send the response back (tw join --apply)")
    return 0
