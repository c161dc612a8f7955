"""``tw list servers``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..operations.tenant_rows import ask_machine, live_tenants, server_rows
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list servers"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--live", action="store_true", help="ask a standard relay's machine who is connected")


def run(args: argparse.Namespace) -> int:
    """Show who is enrolled, who is connected now, and who is invited."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    standard = config.relay.kind == "standard"
    live = live_tenants(profile)
    if args.live:
        if not standard:
            raise Misuse("bad-argument", "--live: this relay tells it by itself", hint="tw list servers")
        live = asyncio.run(ask_machine(profile, config))
    values = server_rows(profile, config, live)
    if args.json:
        print_json(values)
        return 0
    rows = [_row(value) for value in values]
    columns = ("server", "port", "state", "clients", "enrolled")
    ways = "tw enroll REQUEST" if standard else "tw enroll --invite, or tw enroll REQUEST"
    print_rows(rows, columns, f"no servers yet: {ways}")
    if rows and live is None:
        print(
            "Who is connected: tw list servers --live asks the machine."
            if standard
            else "Who is connected is not known: this relay does not run."
        )
    return 0


def _row(value: Mapping[str, Any]) -> dict[str, object]:
    if value["invited_until"] is not None:
        state = f"invited until {_local(value['invited_until'])}"
    elif value["online"] is None:
        state = "-"
    elif value["online"]:
        state = "online" + (f" since {_local(value['since'])}" if value["since"] else "")
    else:
        state = "offline"
    return {
        "server": value["server"],
        "port": value["port"] or "-",
        "state": state,
        "clients": "-" if value["sessions"] is None or value["port"] is None else value["sessions"],
        "enrolled": _local(value["enrolled"]) if value["enrolled"] else "-",
    }


def _local(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
