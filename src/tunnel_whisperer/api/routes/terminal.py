"""A terminal at the relay's machine, over a WebSocket.

To the page: output as binary messages; as text a line of JSON, ``{"ended": "why"}``, before the end.
From it: what is typed as binary messages; ``{"rows": 24, "columns": 80}`` for the window's size, and
``{"taken": 512}`` for bytes that are on the screen: what is not taken holds the shell up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from fastapi import APIRouter
from starlette.datastructures import State
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ...base.errors import TwError
from ...base.redact import redact
from ...profile import load_config
from ..gate.admission import admission
from ..house import house_of
from ..shells import Shells, carry

__all__ = ["router", "shells_of"]

router = APIRouter(tags=["relay"])


def shells_of(state: State) -> Shells:
    """Those of this application."""
    if not hasattr(state, "shells"):
        state.shells = Shells()
    found = state.shells
    assert isinstance(found, Shells)
    return found


@router.websocket("/relay/terminal")
async def open_terminal(socket: WebSocket) -> None:
    """Until the page goes, the shell ends, nobody types for long, or another window takes its place."""
    house = house_of(socket)
    found = admission(socket.scope)
    owner = found.key.id if found.key is not None else "local"
    await socket.accept()
    try:
        config = await asyncio.to_thread(load_config, house.profile.config)
        opened = shells_of(socket.app.state).open(owner, house.contexts, house.profile, config)
        async with opened as shell:
            why = await carry(shell, _Page(socket), house.closing)
    except TwError as exc:
        why = redact(f"{exc} - try: {exc.hint}" if exc.hint else str(exc))
    await _end(socket, why)


class _Page:
    """See ``shells.Far``."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> bytes | str | None:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            return None
        data = message.get("bytes")
        return data if data is not None else str(message.get("text", ""))

    async def send(self, data: bytes | str) -> None:
        if isinstance(data, bytes):
            await self._socket.send_bytes(data)
        else:
            await self._socket.send_text(data)


async def _end(socket: WebSocket, why: str) -> None:
    if socket.client_state is not WebSocketState.CONNECTED or not why:
        return
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        await socket.send_text(json.dumps({"ended": why}))
        await socket.close()
