"""The size of a request's body: counted as it passes, held nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .requests import Request

__all__ = ["Body"]

Message = dict[str, Any]


class Body:
    """Stands in front of an app's ``receive``. A body that is too long ends as if the client had left,
    which each framework knows; ``is_too_big`` tells who answers in its place.

    Args:
        limit: bytes.
    """

    def __init__(self, request: Request, limit: int, receive: Callable[[], Awaitable[Message]]) -> None:
        self._receive = receive
        self._limit = limit
        self._count = 0
        self.is_too_big = int(request.header("content-length") or 0) > limit

    async def receive(self) -> Message:
        """The next message for the app."""
        if self.is_too_big:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            if self._count > self._limit:
                self.is_too_big = True
                return {"type": "http.disconnect"}
        return message
