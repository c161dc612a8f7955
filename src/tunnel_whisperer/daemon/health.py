"""How each layer of the way stands, told from the one session that uses them all.

The layers of a session, the outermost first; each stands on the one before it:

    proxy     TCP, and the proxy agrees to connect us; only where there is one
    relay     TCP and TLS, the certificates of both sides
    tunnel    HTTP, XHTTP, VLESS: the relay opens a stream for us
    session   SSH with the pinned key, end to end
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import TwError
from ..net.uplink import Uplink
from ..ssh.keeper import KeeperState, KeeperStatus
from .snapshot import error_value, wall_time

__all__ = ["FAILED", "OK", "TRYING", "WAITING", "Far", "row", "session_rows", "session_value"]

OK, FAILED, TRYING, WAITING = "ok", "failed", "trying", "waiting"
"""States of a layer; ``waiting`` is one whose turn did not come."""


@dataclass(frozen=True, slots=True)
class Far:
    """The other end of a session, in words."""

    name: str
    """``the server``, ``the relay``."""
    done: str
    """What it means that the session is up."""


def row(layer: str, state: str, what: str, error: TwError | None = None) -> dict[str, object]:
    """One layer as a snapshot has it: its name, how it stands, what it is, and why not."""
    return {"layer": layer, "state": state, "what": what, "error": error_value(error)}


def session_rows(status: KeeperStatus, uplink: Uplink, far: Far) -> list[dict[str, object]]:
    """Each layer of the way, the outermost first."""
    up = status.state is KeeperState.UP
    relay = uplink.settings.relay
    layers = {
        "relay": f"TCP and TLS to {relay.address}",
        "tunnel": f"a stream through the relay, {uplink.mode}"
        if uplink.mode
        else "a stream through the relay",
        "session": far.done if up else f"SSH with {far.name}",
    }
    proxy = relay.proxy
    if proxy is not None:
        layers = {"proxy": f"the way out through {proxy}", **layers}
    behind = 0 if proxy is None else 1
    # Behind a proxy that refuses, nothing was reached; one that connects us did its part.
    failed = uplink.ended_at.value + behind
    if proxy is not None and failed == behind and _is_proxys(status.error, str(proxy)):
        failed = 0
    now_at, word = failed, FAILED
    if up:
        now_at = len(layers)
    elif status.state is KeeperState.CONNECTING:
        now_at, word = uplink.reached.value + (behind if uplink.reached.value else 0), TRYING
    rows = []
    for number, (layer, what) in enumerate(layers.items()):
        state = OK if number < now_at else word if number == now_at else WAITING
        # During the next attempt the reason stays where it was, until that is behind us.
        rows.append(row(layer, state, what, status.error if number == failed and state != OK else None))
    return rows


def _is_proxys(error: TwError | None, proxy: str) -> bool:
    # The name of the relay is not resolved here, so a name that is not found is the proxy's.
    return error is None or error.code in ("proxy-refused", "dns-failed") or error.where == proxy


def session_value(status: KeeperStatus) -> dict[str, object]:
    """The status of the session itself; times in Unix time."""
    since = wall_time(status.since)
    return {
        "state": status.state.value,
        "since": round(since),
        "retry_at": None if status.retry_in_s is None else round(since + status.retry_in_s),
        "count": status.sessions,
    }
