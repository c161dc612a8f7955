"""A terminal at the relay's machine, in the page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ...api.gate.headers import INLINE_STYLES
from ...api.routes.relay import get_relay
from ..page import ThisPage

__all__ = ["router"]

router = APIRouter()


@router.get("/terminal")
def show_terminal(page: ThisPage) -> Response:
    """The terminal, or why there is none."""
    relay = get_relay(page.house)
    made = relay.begun is not None and relay.begun.phase == "made"
    answer = page.show("terminal.html", relay=relay.model_dump(), made=made)
    if made:
        name, value = INLINE_STYLES  # xterm.js writes a style element
        answer.headers[name.decode()] = value.decode()
    return answer
