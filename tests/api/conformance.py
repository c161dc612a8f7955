"""Every operation of the API, asked in houses of every role, with nothing around them.

Schemathesis makes the requests and judges the answers; they are carried to the application here, for
its houses belong to one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import requests
from fastapi import FastAPI

from tests.cli.managers import fake_manager
from tests.cli.relay_doubles import World
from tests.kit.confined import confined
from tests.kit.every_role import ROLES, furnish, played
from tests.kit.house import open_house
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Door, Wish
from tunnel_whisperer.api.gate.tls import check_exposure
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import is_loopback
from tunnel_whisperer.operations import providers
from tunnel_whisperer.provision.drivers import Credentials, Driver

__all__ = ["BASE", "Street", "alone", "models_in"]

BASE = "http://tw.test"
T = TypeVar("T")

_PATIENCE_S = 60.0


class _PaintedDoors(Doors):
    """Doors that let nobody in: no socket is opened."""

    async def open_port(self, wish: Wish, sock: socket.socket | None = None) -> Door:
        if self.door is None:
            exposed = not is_loopback(wish.host)
            check_exposure(wish.host, password_set=self.password.is_set(), tls=True)
            self.door = Door("http://127.0.0.1:8080", "", exposed)
        return self.door


@contextlib.contextmanager
def alone() -> Iterator[list[str]]:
    """Without network, programs, service manager and cloud; one provider answers, as a double.

    Yields:
        What tried to get out.
    """
    with pytest.MonkeyPatch.context() as patch, confined() as tried:
        world = World(patch)

        def open_driver(name: str, credentials: Credentials) -> Driver:
            if name != world.provider:
                raise Unreachable("cloud-unreachable", f"{name} does not answer")
            driver: Driver = world.bench.driver(credentials.secret.reveal())
            return driver

        patch.setattr(providers, "open_driver", open_driver)
        fake_manager(patch)
        yield tried


class Street:
    """A house of each role, over copies of identities that were made before; lives in a thread.

    Args:
        models: of each role, by its name.
        directory: for the copies.
    """

    def __init__(self, models: Path, directory: Path) -> None:
        self._models = models
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="street", daemon=True)
        self._thread.start()
        self._opened = 0
        self._app: FastAPI | None = None
        self._houses: dict[str, tuple[House, httpx.AsyncClient]] = {}
        self._stack = contextlib.AsyncExitStack()

    def close(self) -> None:
        """Leave nothing behind."""
        self._run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def furnish(self, roles: tuple[str, ...] = ROLES) -> None:
        """All of them as they were at first."""
        self._opened += 1
        self._run(self._furnish(roles))

    def ask(self, role: str, request: requests.PreparedRequest) -> httpx.Response:
        """Have it answered by one of them."""
        return self._run(self._ask(role, request))

    def see(self, role: str, look: Callable[[House], Awaitable[T]]) -> T:
        """Look at something in a house, on its loop."""

        async def seen() -> T:
            return await look(self._houses[role][0])

        return self._run(seen())

    def known(self, role: str) -> dict[str, list[str]]:
        """Values of path parameters that there is something for."""
        return self._run(self._known(role))

    def _run(self, coro: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result(_PATIENCE_S)

    async def _furnish(self, roles: tuple[str, ...]) -> None:
        await self._stack.aclose()
        self._houses.clear()
        for role in roles:
            here = self._directory / f"{self._opened}-{role}"
            shutil.copytree(self._models / role, here)
            opened = open_house(here, played(role), app=self._app, base_url=BASE)
            house, client = await self._stack.enter_async_context(opened)
            doors = _PaintedDoors(house, here / "dashboard")
            await self._stack.enter_async_context(doors)
            doors.book.add_browser("Firefox", "127.0.0.1")
            self._houses[role] = house, client
            if self._app is None:
                self._app = client._transport.app._app  # type: ignore[attr-defined]
        for old in self._directory.glob(f"{self._opened - 1}-*"):
            shutil.rmtree(old)

    async def _ask(self, role: str, request: requests.PreparedRequest) -> httpx.Response:
        house, client = self._houses[role]
        assert self._app is not None and request.url is not None and request.method is not None
        self._app.state.house = house
        body: Any = request.body.encode() if isinstance(request.body, str) else request.body
        headers = [(str(k).encode("latin-1"), _raw(v)) for k, v in request.headers.items()]
        made = client.build_request(request.method, request.url, content=body or b"")
        made.headers = httpx.Headers([(b"host", b"tw.test"), *headers])
        return await client.send(made)

    async def _known(self, role: str) -> dict[str, list[str]]:
        house, client = self._houses[role]
        assert self._app is not None
        self._app.state.house = house
        contexts = (await client.get(f"{BASE}/api/v1/contexts")).json()["contexts"]
        keys = (await client.get(f"{BASE}/api/v1/keys")).json()["keys"]
        names = {"server": ["alice", "bob", "historian"]}
        return {
            "name": names.get(role, ["plant"]),
            "server": ["plant"],
            "context_id": [each["id"] for each in contexts],
            "key_id": [each["id"] for each in keys],
            "job_id": [job.id for job in house.supervisor.jobs.all()],
            "given": ["5432", "10502"],
            "local": ["5432", "10502"],
        }


def _raw(value: str | bytes) -> bytes:
    return value.encode("latin-1", "replace") if isinstance(value, str) else value


def models_in(directory: Path) -> Path:
    """An identity of each role."""
    for role in ROLES:
        furnish(directory, role)
    return directory
