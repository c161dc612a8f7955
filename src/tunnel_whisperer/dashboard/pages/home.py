"""The first page: how it stands, and what to do next."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.routes.role import restart_role, role_document, start_role, stop_role
from ..page import ThisForm, ThisPage

__all__ = ["router"]

router = APIRouter()


@router.get("/")
def home(page: ThisPage) -> Response:
    """The overview of the role, or the first step of a machine without one."""
    role = role_document(page.house, dict(page.live) if page.live is not None else None)
    if role.mode is None and role.error is None:
        return page.go("/setup")
    return page.show("home.html", live=page.live)


@router.post("/role")
async def change_role(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Start, stop, restart."""
    act = form.text("act")
    if act == "start":
        await start_role(house)
    elif act == "stop":
        await stop_role(house)
        page.tell("Stopped. It stays so until you start it again, or this program is started again.")
    else:
        await restart_role(house)
        page.tell("Started again, with the settings as they are now.")
    return page.go("/")
