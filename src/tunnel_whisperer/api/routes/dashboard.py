"""Opening the dashboard of a process that runs already: for the command line alone."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ...base.errors import Refused
from ..doors_wish import Wish
from ..gate.admission import admission
from ..house import InHouse
from ..models.dashboard import DashboardDocument, DashboardWish

__all__ = ["router"]

router = APIRouter(tags=["access"])


@router.post("/dashboard")
async def open_dashboard(wish: DashboardWish, request: Request, house: InHouse) -> DashboardDocument:
    """Open a port for browsers, if none is open, and make a login link. Only over the Unix socket: who
    has a key already cannot make more of them for others."""
    if not admission(request.scope).local:
        raise Refused("not-authorised", "login links are made on the machine itself", hint="tw dashboard")
    door = await house.doors.open_port(Wish(wish.host, wish.port))
    return DashboardDocument(url=door.url, login=house.doors.login_link(), fingerprint=door.fingerprint)
