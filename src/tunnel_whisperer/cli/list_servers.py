"""``tw list servers``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..daemon.snapshot import read_snapshot
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile
from ..tenancy import Invite, InviteBook, TenantBook, TenantRecord
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
    live = _live(profile)
    if args.live:
        if not standard:
            raise Misuse("bad-argument", "--live: this relay tells it by itself", hint="tw list servers")
        live = _at_machine(profile, config)
    servers = [
        _server(record, None if live is None else live.get(record.server_id, {}))
        for record in TenantBook(profile).all()
    ]
    invited = [_invited(invite) for invite in InviteBook(profile).all() if not invite.used_by]
    if args.json:
        print_json([*servers, *invited])
        return 0
    rows = [_row(value) for value in (*servers, *invited)]
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


def _live(profile: Profile) -> dict[str, Mapping[str, Any]] | None:
    """What the running relay says of each tenant; None when none runs."""
    snapshot = read_snapshot(profile)
    if snapshot is None or snapshot.get("role") != "relay":
        return None
    return {str(tenant["server"]): tenant for tenant in snapshot.get("tenants", [])}


def _at_machine(profile: Profile, config: Config) -> dict[str, Mapping[str, Any]]:
    """The same of a machine without a program of ours: who is connected listens on the own port."""
    ports = asyncio.run(StandardRelay(profile, config).listening())
    return {
        record.server_id: {"online": record.port in ports, "streams": None}
        for record in TenantBook(profile).all()
    }


def _server(record: TenantRecord, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """Args: live: empty when the relay has not taken the server over yet; None when it does not run."""
    since = None if live is None else live.get("since")
    streams = None if live is None else live.get("streams", 0)
    return {
        "server": record.server_id,
        "port": record.port,
        "enrolled": _stamp(record.enrolled_at),
        "online": None if live is None else bool(live.get("online")),
        "since": None if since is None else _stamp(since),
        "sessions": None if streams is None else int(streams),
        "invited_until": None,
    }


def _invited(invite: Invite) -> dict[str, Any]:
    return {
        "server": invite.name or invite.id,
        "port": None,
        "enrolled": None,
        "online": False,
        "since": None,
        "sessions": 0,
        "invited_until": _stamp(invite.expires),
    }


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


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _local(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
