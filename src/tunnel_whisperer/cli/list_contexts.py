"""``tw list contexts``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from ..base.errors import Misuse, render
from ..profile import Context, Contexts, who_runs
from .context_lines import about
from .output import print_json, print_rows
from .place import contexts_of, start_logging

EXAMPLE = "tw list contexts"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show the identities of this machine, and what is wrong with any of them."""
    start_logging(args, None)
    contexts = contexts_of(args)
    found, faults = contexts.survey()
    active = _active_id(contexts, faults)
    known = {context.id: about(context) for context in found}
    faults += [one.fault for one in known.values() if one.fault is not None]
    if args.json:
        print_json([{**_row(context), "active": context.id == active} for context in found])
    else:
        rows = [
            {
                "active": "*" if context.id == active else "",
                "name": context.name,
                "id": context.id,
                "role": known[context.id].role or ("?" if known[context.id].fault else "none yet"),
                "relay": known[context.id].relay or "-",
                "running": who_runs(context.profile) or "-",
            }
            for context in found
        ]
        print_rows(rows, ("active", "name", "id", "role", "relay", "running"), _EMPTY)
    for fault in faults:
        print(render(fault), file=sys.stderr)
    return 0


_EMPTY = (
    "no contexts yet: tw connect FILE.zip, tw join RELAY or tw relay run --domain NAME makes the first one"
)


def _active_id(contexts: Contexts, faults: list[Misuse]) -> str:
    try:
        active = contexts.active()
    except Misuse as exc:  # the list is where one looks then
        faults.append(exc)
        return ""
    return active.id if active is not None else ""


def _row(context: Context) -> dict[str, object]:
    known, who = about(context), who_runs(context.profile)
    return {
        "name": context.name,
        "id": context.id,
        "role": known.role or None,
        "relay": known.relay or None,
        "directory": str(context.profile.directory),
        "created": _time(context.created),
        "running": None
        if who is None
        else {"pid": who.pid or None, "command": who.command, "since": _time(who.since)},
        "fault": render(known.fault) if known.fault is not None else None,
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
