"""One request to an ASGI app, header by header as it is put on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

__all__ = ["Answer", "Pairs", "ask", "open_websocket", "scope_of"]

Pairs = Iterable[tuple[str, str]]


@dataclass
class Answer:
    """What came back."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    """Messages of the body that were asked for."""

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        assert len(values) <= 1, values
        return values[0] if values else None

    def headers(self, name: str) -> list[str]:
        pairs = self.messages[0].get("headers", [])
        return [value.decode() for key, value in pairs if key.lower() == name.encode()]


def scope_of(
    kind: str,
    path: str,
    headers: Pairs,
    server: tuple[str, int | None] = ("127.0.0.1", 8080),
    client: str = "127.0.0.1",
) -> dict[str, Any]:
    """What a server makes of a request's head."""
    raw, _, query = path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "server": server,
        "client": (client, 40000),
    }


async def ask(
    app: Callable[[Any, Any, Any], Awaitable[None]],
    method: str,
    path: str,
    headers: Pairs = (),
    body: Iterable[bytes] = (b"",),
    server: tuple[str, int | None] = ("127.0.0.1", 8080),
    client: str = "127.0.0.1",
    on_send: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Answer:
    """Ask and read the whole answer. The body is made as it is asked for."""
    answer = Answer()
    chunks = _chunks(body)

    async def receive() -> dict[str, Any]:
        answer.asked += 1
        return await anext(chunks, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        answer.messages.append(message)
        on_send(message)

    scope = {**scope_of("http", path, headers, server, client), "method": method}
    await app(scope, receive, send)
    return answer


async def _chunks(body: Iterable[bytes]) -> AsyncIterator[dict[str, Any]]:
    for chunk in body:
        yield {"type": "http.request", "body": chunk, "more_body": True}
    yield {"type": "http.request", "body": b"", "more_body": False}


async def open_websocket(
    app: Callable[[Any, Any, Any], Awaitable[None]],
    path: str,
    headers: Pairs = (),
    texts: Iterable[Callable[[], str]] = (),
    server: tuple[str, int | None] = ("127.0.0.1", 8080),
) -> list[dict[str, Any]]:
    """Open a WebSocket, send the texts, leave; what the app sent meanwhile."""
    sent: list[dict[str, Any]] = []

    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "websocket.connect"}
        for text in texts:
            yield {"type": "websocket.receive", "text": text()}
        yield {"type": "websocket.disconnect", "code": 1001}

    source = messages()

    async def receive() -> dict[str, Any]:
        return await anext(source)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(
        {**scope_of("websocket", path, headers, server, "127.0.0.1"), "subprotocols": []}, receive, send
    )
    return sent
