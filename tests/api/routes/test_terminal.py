"""The terminal's WebSocket; ``sh`` in the place of ssh, and the test in the place of a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.gate.keys import Key, Kind, Scope
from tunnel_whisperer.api.routes.terminal import shells_of
from tunnel_whisperer.api.shells import Shells
from tunnel_whisperer.profile import Config, Contexts, Profile
from tunnel_whisperer.tenancy import make_relay_identity, make_standard_relay_identity


class Socket:
    """A browser's end."""

    def __init__(self, app: FastAPI, admission: Admission | None = None) -> None:
        self._in: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        scope: dict[str, Any] = {
            "type": "websocket", "path": "/api/v1/relay/terminal", "raw_path": b"", "query_string": b"",
            "headers": [], "subprotocols": [], "scheme": "ws", "client": ("127.0.0.1", 1), "server": ("tw.test", 80),
        }  # fmt: skip
        (admission or Admission(None, local=True)).store(scope)
        self._app: Coroutine[Any, Any, None] = app(scope, self._in.get, self._out.put)

    def __enter__(self) -> Socket:
        self.task = asyncio.get_running_loop().create_task(self._app)
        return self

    def __exit__(self, *exc: object) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def say(self, data: bytes | str) -> None:
        kind = "bytes" if isinstance(data, bytes) else "text"
        self._in.put_nowait({"type": "websocket.receive", kind: data})

    async def until(self, words: bytes) -> None:
        """Output that has these words."""
        seen = b""
        while words not in seen:
            message = await self._out.get()
            assert message["type"] in ("websocket.accept", "websocket.send"), (message, seen)
            seen += message.get("bytes") or b""

    async def ended(self) -> str:
        """Why."""
        while True:
            message = await self._out.get()
            if message.get("text"):
                assert (await self._out.get())["type"] == "websocket.close"
                return str(json.loads(message["text"])["ended"])


def _run(
    directory: Path, script: str, use: Callable[[FastAPI, asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    apps: list[FastAPI] = []

    @contextmanager
    def words(contexts: Contexts, profile: Profile, config: Config) -> Iterator[list[str]]:
        yield ["sh", "-c", script, "sh"]

    async def main() -> None:
        async with asyncio.timeout(20), open_house(directory, pages=apps.append) as (house, _):
            if script:
                apps[0].state.shells = Shells(words)
            await use(apps[0], house.closing)

    real_run(main(), timeout_s=40)


def _browser(name: str) -> Admission:
    return Admission(Key(name, Kind.BROWSER, Scope.ALL, "", "", 0.0, 0.0, None, ""), local=False)


def test_a_shell_is_typed_into_and_ended_with_its_page(tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), "relay.example.org")

    async def use(app: FastAPI, closing: asyncio.Event) -> None:
        with Socket(app) as page:
            page.say('{"rows": 30, "columns": 100}')
            page.say(b"stty size; echo to $1\n")
            await page.until(b"to relay.example.org")
            assert len(shells_of(app.state)) == 1
        await page.task
        assert len(shells_of(app.state)) == 0

    _run(tmp_path, "exec sh -s $1", use)


def test_the_page_is_told_why_it_ended(tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), "relay.example.org")

    async def use(app: FastAPI, closing: asyncio.Event) -> None:
        with Socket(app) as first:
            await first.until(b"ready")
            with Socket(app) as second:
                assert await first.ended() == "a terminal was opened in another window"
                await second.until(b"ready")
                second.say(b"\n")
                assert await second.ended() == "the shell at the machine has ended"
            with Socket(app) as third:
                await third.until(b"ready")
                closing.set()
                assert await third.ended() == "the dashboard ends"

    _run(tmp_path, "echo ready; read x", use)


def test_each_browser_has_its_own(tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), "relay.example.org")

    async def use(app: FastAPI, closing: asyncio.Event) -> None:
        with Socket(app, _browser("one")) as one, Socket(app, _browser("other")) as other:
            await one.until(b"ready")
            await other.until(b"ready")
            assert len(shells_of(app.state)) == 2
        await asyncio.wait((one.task, other.task))

    _run(tmp_path, "echo ready; read x", use)


@pytest.mark.parametrize("kind", ["embedded", "none"])
def test_where_there_is_no_machine_it_is_said(tmp_path: Path, kind: str) -> None:
    if kind == "embedded":
        make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")

    async def use(app: FastAPI, closing: asyncio.Event) -> None:
        with Socket(app) as page:
            why = await page.ended()
            assert ("nothing to log in to" if kind == "embedded" else "try: ") in why

    _run(tmp_path, "", use)
