"""A gate with keys, in front of an app that tells what reached it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.api.gate.asgi import Answer, Pairs, ask
from tests.kit.clock import real_run
from tunnel_whisperer.api.gate import Guard, GuardPolicy, KeyBook, Scope, admission
from tunnel_whisperer.api.gate.keys import csrf_token

__all__ = ["HOST", "OWN", "PAGE", "POLICY", "Scene"]

HOST = ("host", "127.0.0.1:8080")
OWN = ("origin", "http://127.0.0.1:8080")
PAGE = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")

POLICY = GuardPolicy(
    port=8080,
    names=frozenset({"tw.plant.lan"}),
    secrets=re.compile(r"/api/v1/users/[^/]+/file"),
    uploads={"/api/v1/import": 3_000_000, "/files/": 2_000_000},
)


class Scene:
    """Everything on loopback port 8080, and a wall clock that can be set."""

    def __init__(self, directory: Path, policy: GuardPolicy = POLICY) -> None:
        self.now = 1_700_000_000.0
        self.directory = directory
        self.policy = policy
        self.book = KeyBook(directory, lambda: self.now)
        self.reached: list[str] = []
        self.received = 0
        self.guard = Guard(self.app, policy, self.book)
        self.browser = self.book.add_browser("Firefox", "127.0.0.1")
        self.token = self.book.add_token("backup", Scope.ALL)
        self.reader = self.book.add_token("prometheus", Scope.READ)

    @property
    def cookie(self) -> tuple[str, str]:
        return "cookie", f"{self.policy.cookie}={self.browser.secret}"

    @property
    def csrf(self) -> tuple[str, str]:
        return "x-csrf-token", csrf_token(self.browser.secret)

    @property
    def bearer(self) -> tuple[str, str]:
        return "authorization", f"Bearer {self.token.secret}"

    @property
    def reading(self) -> tuple[str, str]:
        return "authorization", f"Bearer {self.reader.secret}"

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Reads the body, answers 200 with who asked."""
        self.reached.append(f"{scope.get('method', 'WS')} {scope['path']}")
        if scope["type"] == "websocket":
            await self._echo(receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.received += len(message["body"])
            if not message.get("more_body"):
                break
        found = admission(scope)
        body = json.dumps({"who": found.who, "all": found.may_all, "csrf": found.csrf}).encode()
        headers = [
            (b"Server", b"uvicorn"),
            (b"Cache-Control", b"max-age=60"),
            (b"Access-Control-Allow-Origin", b"*"),
            (b"Content-Type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _echo(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            elif message["type"] == "websocket.receive":
                self.reached.append(message["text"])
                await send({"type": "websocket.send", "text": message["text"]})
            else:
                return

    def ask(self, method: str, path: str, *headers: tuple[str, str], **more: Any) -> Answer:
        """With Host and whatever else is given, and nothing more."""
        return real_run(ask(self.guard, method, path, [HOST, *headers], **more))

    def ask_raw(self, method: str, path: str, headers: Pairs, body: Iterable[bytes] = (b"",)) -> Answer:
        """With these headers alone."""
        return real_run(ask(self.guard, method, path, headers, body))
