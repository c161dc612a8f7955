"""One request that was let in, until its end: the headers of its response, its size, its key."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ...base.limits import KEY_CHECK_S
from .admission import Admission
from .bodies import Body
from .headers import secured
from .key_book import KeyBook
from .keys import Scope
from .policy import GuardPolicy
from .replies import Reply, problem, text
from .requests import Request

__all__ = ["Exchange", "send_reply", "too_big"]

_log = logging.getLogger("tw.api")

Message = dict[str, Any]
_READABLE = (b"text/", b"application/json", b"application/problem+json", b"application/openmetrics-text")

_clock = time.monotonic
_Send = Callable[[Message], Awaitable[None]]


def too_big(request: Request) -> Reply:
    """The answer to a body above the limit: words for who sent a form, a problem for programs."""
    if request.wants_page and not request.path.startswith("/api/"):
        return text(
            413,
            "This is larger than what is taken here. Nothing was changed: go back, and choose another file.",
        )
    return problem(413, "body-too-big", "the body is larger than what is taken here")


def _no_file() -> Reply:
    return problem(403, "key-reads-only", "this token may not fetch files", "use a token of scope all")


async def send_reply(request: Request, reply: Reply, send: _Send, *, static: bool = False) -> None:
    """Send a whole response. What is left of a body is not read: the connection ends."""
    headers = secured(reply.headers, static=static)
    if request.has_body:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})


class KeyOver(OSError):
    """The key was revoked while a response or a WebSocket stood. As servers have it that a peer left."""


class Exchange:
    """Stands between the app and the server for one request."""

    def __init__(
        self,
        request: Request,
        policy: GuardPolicy,
        book: KeyBook,
        admitted: Admission,
        body: Body,
        send: _Send,
    ) -> None:
        self._request = request
        self._static = policy.is_static(request.path)
        self._book = book
        self._admitted = admitted
        self._body = body
        self._to_peer = send
        self._looked_at = _clock()
        self._started = False
        self._ended = False

    async def run(self, app: Callable[[Any, Any, Any], Awaitable[None]], scope: Any) -> None:
        """Have the app answer."""
        try:
            await app(scope, self._receive, self._send)
        except KeyOver:
            return
        except Exception:
            # Some frameworks raise when the body ends early; then the refusal is the whole answer.
            if not self._body.is_too_big:
                raise
        if self._body.is_too_big:
            await self._answer_too_big()

    async def _answer_too_big(self) -> None:
        if not self._started and not self._ended:
            self._started = self._ended = True
            await send_reply(self._request, too_big(self._request), self._to_peer)

    # -- what the app asks for ----------------------------------------------------------------------

    async def _receive(self) -> Message:
        message = await self._body.receive()
        if self._request.websocket and message["type"] == "websocket.receive" and not self._is_good():
            await self._cut()
            return {"type": "websocket.disconnect", "code": 1008}
        return message

    # -- what the app sends -------------------------------------------------------------------------

    async def _send(self, message: Message) -> None:
        if self._ended or (self._body.is_too_big and not self._started):
            return
        kind = message["type"]
        if kind == "http.response.start":
            if self._is_file_for_a_reader(message):
                self._started = self._ended = True
                await send_reply(self._request, _no_file(), self._to_peer)
                return
            message = self._start(message)
        elif kind == "websocket.accept":
            self._started = True
            message = {**message, "headers": secured(message.get("headers", []))}
        elif kind == "websocket.http.response.start":
            message = {**message, "headers": secured(message.get("headers", []))}
        elif (message.get("more_body") or kind == "websocket.send") and not self._is_good():
            await self._cut()
            raise KeyOver("the key was revoked, or is over")
        await self._to_peer(message)

    def _is_file_for_a_reader(self, message: Message) -> bool:
        """Whether a key that may only read is about to get something else than texts and numbers: a
        bundle has private keys in it, and a route that offers one may be newer than the policy."""
        key = self._admitted.key
        if key is None or key.scope is not Scope.READ or self._static:
            return False
        headers = {name.lower(): value.lower() for name, value in message.get("headers", [])}
        text = headers.get(b"content-type", b"text/").startswith(_READABLE)
        return not text or b"content-disposition" in headers

    def _start(self, message: Message) -> Message:
        self._started = True
        if self._admitted.unchecked and message["status"] < 400:
            _log.error("the handler of %s did not check its form", self._request.path)
            message = {**message, "status": 500}
        static = self._static and message["status"] < 400
        return {**message, "headers": secured(message.get("headers", []), static=static)}

    def _is_good(self) -> bool:
        """Whether the key still lets this go on; looked at once a second."""
        key = self._admitted.key
        now = _clock()
        if key is None or now - self._looked_at < KEY_CHECK_S:
            return True
        self._looked_at = now
        return self._book.is_good(key.id)

    async def _cut(self) -> None:
        self._ended = True
        if self._request.websocket:
            await self._to_peer({"type": "websocket.close", "code": 1008})
        else:
            await self._to_peer({"type": "http.response.body", "body": b"", "more_body": False})
