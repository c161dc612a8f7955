"""One local port of a running client, tried: does it lead to its target?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..base.errors import Misuse, TwError, Unreachable
from ..base.values import HostPort
from ..daemon.roles import need_role
from ..daemon.snapshot import Snapshot, read_snapshot
from ..doctor import LocalPort, PortState, Tell, walk_port
from ..profile import Config, Profile
from .outcome import Outcome

__all__ = ["connect_through"]

_FILE_LATE_S = 2.5
"""The file is written again once a second, and seldom takes long."""


async def connect_through(
    profile: Profile,
    config: Config,
    port: int,
    tell: Tell,
    *,
    snapshot: Callable[[], Snapshot | None] | None = None,
) -> Outcome:
    """Open one TCP connection through a local port, and say how far it got: the local port, the
    session to the server, the target. Nothing is sent.

    Args:
        port: of this machine, as the client opened it.
        tell: told each step when it is done.
        snapshot: what the client says now, from whoever runs it in this process; None: its file.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up`` when the client does not run, ``no-such-name``.
    """
    need_role(config, "client", profile)

    def from_file() -> Snapshot | None:
        return read_snapshot(profile)

    read = snapshot or from_file
    state = _client(read())
    if state is None:
        raise Misuse(
            "not-set-up", "this client does not run, so no port is open", hint="tw connect, or press Connect"
        )
    found = _row(state, port)
    if found is None:
        known = ", ".join(str(HostPort.parse(row["address"]).port) for row in state["ports"]) or "none"
        raise Misuse("no-such-name", f"port {port} is none of this client's", hint=f"one of: {known}")

    def look() -> PortState | None:
        state = _client(read())
        row = None if state is None else _row(state, port)
        if state is None or row is None:
            return None
        return PortState(int(row["opened"]), _session_fault(state), _error(row["error"]))

    address, target = (HostPort.parse(found[name]) for name in ("address", "target"))
    late_s = _FILE_LATE_S if snapshot is None else 0.0
    report = await walk_port(LocalPort(address, target, look, late_s), tell)
    return Outcome({"port": port, "address": str(address), "target": str(target)}, report)


def _client(state: Snapshot | None) -> Snapshot | None:
    return state if state is not None and state.get("role") == "client" else None


def _row(state: Snapshot, port: int) -> Mapping[str, Any] | None:
    return next((row for row in state["ports"] if HostPort.parse(row["address"]).port == port), None)


def _session_fault(state: Snapshot) -> TwError | None:
    """Why there is no session; the first layer that failed knows."""
    if state["session"]["state"] == "up":
        return None
    errors = (_error(row["error"]) for row in state["health"])
    known = next((error for error in errors if error is not None), None)
    return known or Unreachable(
        "server-not-there", "it is not connected to the server yet", hint="wait a moment, and try again"
    )


def _error(value: Mapping[str, str] | None) -> TwError | None:
    """As it stands in a snapshot."""
    return None if value is None else Unreachable(value["code"], value["why"], hint=value["hint"])
