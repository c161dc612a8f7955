"""The first page: how it stands, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.status import StatusDocument
from ...api.routes.role import restart_role, role_document, start_role, stop_role
from ...api.routes.status import get_status
from ...profile import load_config
from ..page import ThisForm, ThisPage
from .users import path_of

__all__ = ["NextStep", "next_steps", "router"]

router = APIRouter()

_PAGES = (
    ("tw create user", "/users/new/user", "Create a user", "Nobody may come in yet."),
    (
        "tw test relay",
        "/tests",
        "Test the way to the relay",
        "The relay is not reached: a test says where it ends.",
    ),
    ("tw join --apply", "/setup", "Go on with joining the relay", "The relay's answer is still missing."),
    ("tw enroll --invite", "/servers/new/invitation", "Invite a server", "No server is enrolled yet."),
    ("tw enroll", "/servers/new/request", "Enrol a server", "By the request that it sent."),
    ("tw create relay-server", "/relay", "Make the relay's machine", "Or go on where it was left."),
)
"""Steps of ``tw status`` that a page does: how the step begins, the page, its button, and why."""
_BUTTONS = ("tw serve", "tw connect", "tw relay run", "start ", "tw join RELAY, to write")
"""Steps that the buttons of this page do, or the page of the step before."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something to do."""

    words: str
    path: str = ""
    button: str = ""


@router.get("/")
def home(page: ThisPage, house: InHouse) -> Response:
    """The overview of the role, or the first step of a machine without one."""
    live = dict(page.live) if page.live is not None else None
    role = role_document(house, live)
    if role.mode is None and role.error is None:
        return page.go("/setup")
    status = get_status(house, live)
    return page.show(
        "home.html",
        live=live,
        now=status,
        next=next_steps(status.next),
        online=_online(status),
        certificate_ends=_stamp(status.certificate_ends),
        domain=load_config(house.profile.config).relay.domain if role.mode == "relay" else "",
    )


@router.get("/where")
def where(page: ThisPage) -> Response:
    """The part on top of each page."""
    return page.show("where.html")


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


def next_steps(told: list[str]) -> list[NextStep]:
    """What ``tw status`` says is next, as pages do it; what no page does stays a command."""
    steps = []
    for text in told:
        if text.startswith(_BUTTONS):
            continue
        found = next((x for x in _PAGES if text.startswith(x[0])), None)
        steps.append(NextStep(text) if found is None else NextStep(found[3], found[1], found[2]))
    return steps


def _online(status: StatusDocument) -> list[dict[str, Any]]:
    """Users who are there now, each with their page; who has no record has none."""
    return [{**user.model_dump(), "path": path_of(user.name)} for user in status.users or [] if user.sessions]


def _stamp(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
