"""A role with its API beside it: what every command does that stays.

The API's libraries take half a second and 40 MB. ``tw dashboard`` brings them in at once; a role by itself
only listens, and brings them in when somebody comes.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.doors_wish import Wish
from ..api.threshold import Threshold
from ..base.errors import Misuse, TwError
from ..base.log_ring import LogRing
from ..base.tasks import TaskSet
from ..base.values import is_loopback
from ..daemon.supervisor import RoleState, Supervisor
from ..profile import Config

if TYPE_CHECKING:
    from ..api.doors import Doors

__all__ = ["Entrance", "dashboard_directory", "run_beside_api"]

_log = logging.getLogger("tw")

_PATIENCE_S = 1.5
"""Until the API is brought in that others reach, whatever the role does meanwhile."""


class Entrance:
    """How browsers come in.

    Args:
        host, port: None: no port for browsers until somebody asks for one.
        insist: a port that cannot be opened is the end, and it is opened before the role starts.
        opened: told when all doors are open.
        bound: where it is not insisted on: told where browsers can come (empty: nowhere), while the API
            itself waits for the first one.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int | None = None,
        *,
        insist: bool = False,
        more: dict[str, Any] | None = None,
        opened: Callable[[Doors], None] = lambda doors: None,
        bound: Callable[[str], None] = lambda url: None,
    ) -> None:
        self.host, self.port, self.insist, self.more = host, port, insist, more or {}
        self.opened, self.bound = opened, bound

    @property
    def is_exposed(self) -> bool:
        """Others than this machine reach it, or it is HTTPS: then the API opens it itself, with all its checks."""
        return not is_loopback(self.host) or bool(self.more.get("cert"))

    @classmethod
    def of(cls, config: Config) -> Entrance:
        """As a server's configuration has it."""
        return cls(config.server.dashboard_listen, config.server.dashboard_port)


def dashboard_directory(supervisor: Supervisor) -> Path:
    """Where keys and password of the dashboard are: of this machine, or of the one identity that this
    process is for, which may be all that it can write to."""
    base = supervisor.profile.directory if supervisor.pinned else supervisor.contexts.base
    return base / "dashboard"


async def run_beside_api(supervisor: Supervisor, entrance: Entrance) -> None:
    """Run the role and the API until cancelled.

    Raises:
        TwError: of the role, or of the port where that was insisted on.
    """
    ring = LogRing()
    ring.attach()
    tasks = TaskSet("api", _log)
    open_now = asyncio.Event()
    api = tasks.spawn(_api(supervisor, entrance, ring, open_now), "doors")
    try:
        if entrance.insist:
            ready = tasks.spawn(open_now.wait(), "ready")
            await asyncio.wait((api, ready), return_when=asyncio.FIRST_COMPLETED)
            if api.done() and (failure := api.result()) is not None:
                raise failure
        await supervisor.run()
    finally:
        await tasks.drain()
        ring.detach()


async def _api(
    supervisor: Supervisor, entrance: Entrance, ring: LogRing, opened: asyncio.Event
) -> TwError | None:
    """Until cancelled; returns why it could not open."""
    threshold = None if entrance.insist else await _wait_for_somebody(supervisor, entrance)
    doors_module, house_module, dashboard = await asyncio.to_thread(_load)
    house = house_module.House(supervisor, ring)
    directory = dashboard_directory(supervisor)
    async with doors_module.Doors(
        house, directory, pages=dashboard.mount, login_page=dashboard.render_login
    ) as doors:
        await doors.open_socket(threshold.local if threshold else None)
        if threshold is not None and threshold.port is not None:
            await doors.open_port(_wish(entrance), threshold.port)
        elif (
            entrance.port is not None
            and (threshold is None or entrance.is_exposed)
            and (failure := await _open_port(doors, entrance)) is not None
        ):
            return failure
        opened.set()
        entrance.opened(doors)
        await asyncio.Event().wait()
    return None


async def _wait_for_somebody(supervisor: Supervisor, entrance: Entrance) -> Threshold:
    """The sockets, as soon as somebody wants something of the API; made when the role is on its way, for one
    that cannot start has other things to say."""
    await _role_is_on_its_way(supervisor)
    port = None if entrance.is_exposed else entrance.port
    threshold = Threshold(supervisor.profile, entrance.host, port)
    try:
        if threshold.refused is not None:
            _tell_refused(threshold.refused)
        elif threshold.port is not None:
            _tell_open(threshold.url)
        entrance.bound(threshold.url)
        if not entrance.is_exposed or entrance.port is None:
            await threshold.knock()
    except BaseException:
        threshold.close()
        raise
    return threshold


def _tell_open(url: str) -> None:
    _log.info("dashboard: %s (tw dashboard gives a login link)", url)


def _tell_refused(failure: TwError) -> None:
    _log.warning("no dashboard: %s (try: tw config set server.dashboard_port PORT)", failure)


def _load() -> tuple[Any, Any, Any]:
    """In a thread: the loop goes on meanwhile."""
    from .. import dashboard  # noqa: PLC0415 - half a second that no other command pays
    from ..api import doors, house  # noqa: PLC0415 - the same

    # What stays until the end need not be looked at by each full collection, which stops all traffic for
    # as long as it takes, nor by the one at the end of the process.
    gc.freeze()
    return doors, house, dashboard


async def _open_port(doors: Doors, entrance: Entrance) -> TwError | None:
    """Returns what is the end."""
    try:
        door = await doors.open_port(_wish(entrance))
    except TwError as exc:
        if entrance.insist:
            if isinstance(exc, Misuse) and exc.code == "port-in-use":
                exc.hint = "tw dashboard --port with another one; 0 takes any that is free"
            return exc
        _tell_refused(exc)
        return None
    _tell_open(door.url)
    return None


def _wish(entrance: Entrance) -> Wish:
    assert entrance.port is not None
    return Wish(entrance.host, entrance.port, **entrance.more)


async def _role_is_on_its_way(supervisor: Supervisor) -> None:
    """Connected, or failed, or nothing to connect: else a moment of patience."""
    with supervisor.changes.watch() as watcher:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not _is_settled(supervisor):
                    await watcher.next()
        except TimeoutError:
            return


def _is_settled(supervisor: Supervisor) -> bool:
    state = supervisor.status.state
    if state is not RoleState.RUNNING:
        return state is not RoleState.STARTING and supervisor.status.starts > 0
    live = supervisor.snapshot() or {}
    return live.get("role") == "relay" or (live.get("session") or {}).get("state") == "up"
