"""The API and the dashboard over one identity in a test: no sockets, a role that is told what to say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from tunnel_whisperer.api.app import build_app
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.log_ring import LogRing
from tunnel_whisperer.daemon.supervisor import RoleState, Supervisor
from tunnel_whisperer.profile import Contexts, Profile

__all__ = ["PlayedRole", "open_house"]


class PlayedRole:
    """A role that tells what the test says, and never fails."""

    def __init__(self, snapshot: dict[str, Any] | None = None) -> None:
        self.value = snapshot or {"role": "server", "health": [], "config": {"changed": [], "error": None}}
        self.starts = 0

    async def __call__(self, profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        """See ``run_role``."""
        self.starts += 1
        started(self)
        await asyncio.Event().wait()

    def snapshot(self) -> dict[str, Any]:
        """What a root tells."""
        return dict(self.value)

    def counters(self) -> dict[str, Any]:
        """The same, for numbers."""
        return {}


class _Admitted:
    """An application in the gate's place."""

    def __init__(self, app: FastAPI, admit: Callable[[], Admission]) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._admit().store(scope)
        await self._app(scope, receive, send)


@contextlib.asynccontextmanager
async def open_house(
    directory: Path,
    role: PlayedRole | None = None,
    *,
    pages: Callable[[FastAPI], None] = lambda app: None,
    base_url: str = "http://tw.test/api/v1",
    admit: Callable[[], Admission] = lambda: Admission(None, local=True, csrf="t"),
    app: FastAPI | None = None,
) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    """A house over the identity in this directory, whose role runs if there is one, and a client of its
    application that has passed the gate.

    Args:
        admit: as whom, request by request; by default as the command line, with ``t`` for its forms.
        app: one of before, whose house this becomes: to build one takes its time.
    """
    supervisor = Supervisor(
        Contexts(directory),
        Contexts(directory).active_profile(),
        command="tw dashboard",
        play=role or PlayedRole(),
    )
    log = LogRing()
    with supervisor:
        running = asyncio.get_running_loop().create_task(supervisor.run())
        house = House(supervisor, log)
        if app is None:
            app = build_app(house, pages=pages)
        app.state.house = house
        log.attach()
        try:
            while supervisor.status.state in (RoleState.STOPPED, RoleState.STARTING):
                await asyncio.sleep(0)
            transport = httpx.ASGITransport(_Admitted(app, admit))
            async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
                yield house, client
        finally:
            log.detach()
            house.closing.set()
            running.cancel()
            await asyncio.wait((running,))
