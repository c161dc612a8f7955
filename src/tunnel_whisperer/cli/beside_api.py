"""A role with its API beside it: what every command does that stays.

The API is brought in when the role is on its way: its libraries take half a second to load, in which
a first connection is made.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import Misuse, TwError
from ..base.log_ring import LogRing
from ..base.tasks import TaskSet
from ..daemon.supervisor import RoleState, Supervisor
from ..profile import Config

if TYPE_CHECKING:
    from ..api.doors import Doors
    from ..api.doors_wish import Wish

__all__ = ["Entrance", "dashboard_directory", "run_beside_api"]

_log = logging.getLogger("tw")

_PATIENCE_S = 1.5
"""Until the API is brought in, whatever the role does meanwhile."""


class Entrance:
    """How browsers come in.

    Args:
        host, port: None: no port for browsers until somebody asks for one.
        insist: a port that cannot be opened is the end, and it is opened before the role starts.
        opened: told when all doors are open.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int | None = None,
        *,
        insist: bool = False,
        more: dict[str, Any] | None = None,
        opened: Callable[[Doors], None] = lambda doors: None,
    ) -> None:
        self.host, self.port, self.insist, self.more = host, port, insist, more or {}
        self.opened = opened

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
    if not entrance.insist:
        await _role_is_on_its_way(supervisor)
    doors_module, house_module, dashboard = await asyncio.to_thread(_load)
    house = house_module.House(supervisor, ring)
    directory = dashboard_directory(supervisor)
    async with doors_module.Doors(
        house, directory, pages=dashboard.mount, login_page=dashboard.render_login
    ) as doors:
        await doors.open_socket()
        if entrance.port is not None and (failure := await _open_port(doors, entrance)) is not None:
            return failure
        opened.set()
        entrance.opened(doors)
        await asyncio.Event().wait()
    return None


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
    assert entrance.port is not None
    wish_class: type[Wish] = importlib.import_module("tunnel_whisperer.api.doors_wish").Wish
    try:
        door = await doors.open_port(wish_class(entrance.host, entrance.port, **entrance.more))
    except TwError as exc:
        if entrance.insist:
            if isinstance(exc, Misuse) and exc.code == "port-in-use":
                exc.hint = "tw dashboard --port with another one; 0 takes any that is free"
            return exc
        _log.warning("no dashboard: %s (try: tw config set server.dashboard_port PORT)", exc)
        return None
    _log.info("dashboard: %s (tw dashboard gives a login link)", door.url)
    return None


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
