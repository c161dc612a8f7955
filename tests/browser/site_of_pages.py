"""A web site of a test's own, with the strict policy of the dashboard, on a port of its own."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import uvicorn

__all__ = ["POLICY", "Pages", "html"]

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_ICON = "<link rel='icon' href='/icon.svg'>"
_DRAWN = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'/>"


def html(body: str, head: str = "") -> str:
    """A page in which nothing is wrong, around this."""
    return (
        f"<!doctype html><html lang='en'><head><title>A page</title>{_ICON}{head}</head>"
        f"<body><main><h1>A page</h1>{body}</main></body></html>"
    )


@dataclass
class Pages:
    """Serves texts by path; a path that is not there is a 404, and a number is a status."""

    content: dict[str, str | int]
    policy: str = POLICY
    origin: str = field(init=False)

    def __enter__(self) -> Pages:
        # It listens before the server runs: whoever connects meanwhile waits.
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            self._answer, log_level="critical", lifespan="off", ws="none", loop="asyncio", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    async def _answer(self, scope: dict[str, Any], _: Any, send: Any) -> None:
        path = scope["path"]
        found = self.content.get(path, _DRAWN if path == "/icon.svg" else 404)
        kind = _KINDS.get(path.rpartition(".")[2], "text/html; charset=utf-8")
        status, text = (found, html(f"It is {found}.")) if isinstance(found, int) else (200, found)
        headers = [(b"content-type", kind.encode()), (b"content-security-policy", self.policy.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})
