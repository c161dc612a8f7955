"""The whole of it on a socket: API, pages, gate and server, over an identity of some role."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, WebSocketRoute

from tests.cli.managers import fake_manager
from tests.cli.relay_doubles import World
from tests.kit.every_role import furnish, played
from tests.kit.house import PlayedRole, open_house
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Wish
from tunnel_whisperer.api.gate.keys import Scope, csrf_token
from tunnel_whisperer.api.house import House
from tunnel_whisperer.dashboard import mount

__all__ = ["OPEN", "Ask", "Whole", "nobody_else", "stamp", "the_whole", "walk"]

OPEN = frozenset(("GET /login", "POST /login", "GET /healthz", "GET /static/tw.css"))
"""What needs no key."""

_ENTRANCE = (("GET", "/login"), ("POST", "/login"), ("POST", "/logout"))
"""Served beside the application (``Doors``)."""

_MOUNTED = MappingProxyType({"/static": "/tw.css"})
"""Something of each folder."""

_FILL: Mapping[str, str] = MappingProxyType(
    {
        "name": "alice",
        "server": "plant",
        "job_id": "5f0c2a9d3b71",
        "draft_id": "5f0c2a9d3b71",
        "key_id": "5f0c2a9d3b71",
        "context_id": "base",
        "given": "5432",
        "local": "5432",
        "act": "install",
        "form_of_it": "size",
    }
)
"""A value for each part of a path that is one."""

_OF_PATH = MappingProxyType({"/apps/": {"name": "historian"}})
"""Where a name is another thing's."""

_PASSING = re.compile(r"(^|/)(keys\.json|\.?lock|running|.*\.lock|state\.json|snapshot\.json)$")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that there is a route for."""

    method: str
    path: str
    route: str
    """With the names of its parts."""
    websocket: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether it is one of those that may change something."""
        return self.method not in ("GET", "HEAD")

    @property
    def is_form(self) -> bool:
        """Whether a page sends it."""
        return self.method == "POST" and not self.path.startswith("/api/")


def walk(app: FastAPI) -> list[Ask]:
    """A request for each route of the application, and for those of the entrance.

    Raises:
        AssertionError: none can be made for a route that is new: add its parts above.
    """
    found = [Ask(method, path, path) for method, path in _ENTRANCE]
    for route in iter_route_contexts(app.routes):
        path = route.path
        assert path is not None, f"a route without a path: {route}"
        if isinstance(route.original_route, Mount):
            assert path in _MOUNTED, f"{path}: name a file of this folder"
            found.append(Ask("GET", path + _MOUNTED[path], path))
            continue
        websocket = isinstance(route.original_route, WebSocketRoute)
        methods = {"GET"} if websocket else set(route.methods or ()) - {"HEAD"}
        assert methods, f"{path}: a route of an unknown kind"
        found += [Ask(method, _filled(path), path, websocket) for method in sorted(methods)]
    return found


def _filled(path: str) -> str:
    values = dict(_FILL)
    for part, more in _OF_PATH.items():
        if part in path:
            values |= more

    def value(match: re.Match[str]) -> str:
        assert match[1] in values, f"{path}: what could {match[1]} be?"
        return values[match[1]]

    return re.sub(r"\{(\w+)(?::\w+)?\}", value, path)


class Whole:
    """One that is served now.

    Args:
        doors: its port is open.
    """

    def __init__(self, house: House, doors: Doors, role: PlayedRole, app: FastAPI) -> None:
        assert doors.door is not None
        self.house = house
        self.doors = doors
        self.role = role
        self.url = doors.door.url
        self.asks = walk(app)
        self.browser = doors.book.add_browser("Firefox", "127.0.0.1").secret
        self.token = doors.book.add_token("backup", Scope.ALL).secret
        self.reader = doors.book.add_token("prometheus", Scope.READ).secret
        self.client = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=20)

    @property
    def port(self) -> int:
        """Of the dashboard."""
        return int(self.url.rpartition(":")[2])

    @property
    def cookie(self) -> dict[str, str]:
        """A browser that is logged in."""
        return {"cookie": f"tw_session_{self.port}={self.browser}", "accept": "text/html,*/*"}

    @property
    def page(self) -> dict[str, str]:
        """The same, on a page of ours."""
        return {**self.cookie, "origin": self.url, "sec-fetch-site": "same-origin"}

    @property
    def csrf(self) -> str:
        """What its forms carry."""
        return csrf_token(self.browser)

    def bearer(self, secret: str) -> dict[str, str]:
        """A program."""
        return {"authorization": f"Bearer {secret}"}

    async def ask(self, ask: Ask | str, headers: Mapping[str, str], **more: Any) -> httpx.Response:
        """The answer; of a stream that has no end its first piece."""
        method, path = (ask.method, ask.path) if isinstance(ask, Ask) else ask.split(" ", 1)
        made = dict(headers)
        if isinstance(ask, Ask) and ask.websocket:
            made |= {
                "connection": "Upgrade",
                "upgrade": "websocket",
                "sec-websocket-version": "13",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
        async with self.client.stream(method, self.url + path, headers=made, **more) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                async for piece in answer.aiter_bytes():
                    answer._content = piece
                    break
            elif answer.status_code != 101:
                await answer.aread()
        return answer

    def state(self) -> object:
        """What must not change by a request that is refused."""
        supervisor = self.house.supervisor
        jobs = [(job.id, job.kind) for job in supervisor.jobs.all()]
        return stamp(self.house.contexts.base), supervisor.status, supervisor.profile, jobs, self.role.starts


@contextlib.asynccontextmanager
async def the_whole(
    models: Path,
    directory: Path,
    role: str,
    snapshot: dict[str, Any] | None = None,
    write: Callable[[Path], None] = lambda directory: None,
) -> AsyncIterator[Whole]:
    """Serve the identity of this role on loopback.

    Args:
        models: that were made before, by role.
        directory: for the copy.
        snapshot: what the role tells; by default what such a one would.
        write: puts more into the copy first.
    """
    if not (models / role).exists():
        furnish(models, role)
    if not directory.exists():
        shutil.copytree(models / role, directory)
        write(directory)
    play = played(role) if snapshot is None else PlayedRole(snapshot)
    async with (
        open_house(directory, play, pages=mount) as (house, _),
        Doors(house, directory / "dashboard", pages=mount) as doors,
    ):
        await doors.open_port(Wish(port=0))
        whole = Whole(house, doors, play, doors._app)
        async with whole.client:
            yield whole


@contextlib.contextmanager
def nobody_else() -> Iterator[None]:
    """No service manager and no cloud is met."""
    with pytest.MonkeyPatch.context() as patch:
        World(patch)
        fake_manager(patch)
        yield


def stamp(directory: Path) -> dict[str, str]:
    """All that is in there, but for when a key was last used and which process runs."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if _PASSING.search(name) or not path.is_file():
            continue
        found[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found
