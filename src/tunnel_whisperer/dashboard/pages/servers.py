"""The servers of a relay: the list, one of them, and how they come and go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import Response

from ...api.house import InHouse, RoleConfig
from ...api.machine_jobs import CHANGE
from ...api.models.servers import InvitationWish, ServerDocument, ServerList, ServerRequest
from ...api.problems import status_of
from ...api.routes.servers import (
    ASK,
    Counted,
    ask_who_is_connected,
    enroll_server,
    get_response,
    get_server,
    invite_server,
    list_servers,
    unenroll_server,
    withdraw_invitation,
)
from ...base.errors import Misuse, TwError
from ...base.limits import MAX_JOIN_FILE_BYTES
from ..page import Form, Page, ThisForm, ThisPage, with_query

__all__ = ["router"]

router = APIRouter()

LIFETIMES = (("1", "1 hour"), ("24", "24 hours"), ("168", "7 days"), ("720", "30 days"))
"""Of an invitation: hours, and in words."""

Search = Annotated[str, Query()]


@router.get("/servers")
def show_servers(page: ThisPage, config: RoleConfig, counted: Counted, q: Search = "") -> Response:
    """All of them, or those that match."""
    q = q[:64]
    found = list_servers(page.house, config, _live(page), counted, q)
    return page.show(
        "servers.html",
        shown_at=with_query("/servers", {"q": q}),
        q=q,
        found=_shown(found),
        job=_job(page),
        ask=_asking(page),
    )


@router.post("/servers/ask")
async def ask_machine(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Who is connected at a relay that runs nothing of ours."""
    await ask_who_is_connected(house, config)
    return page.go("/servers")


# -- new ones ------------------------------------------------------------------------------------------


@router.get("/servers/new/request")
def ask_for_request(page: ThisPage, config: RoleConfig) -> Response:
    """Where a request is handed in."""
    return page.show("servers_enroll.html", text="", port="", domain=config.relay.domain)


@router.post("/servers/new/request")
async def take_request(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Admit a server by the file or the text of its request."""
    text, port = form.text("text"), form.text("port")
    try:
        wish = ServerRequest(request=await _request_of(form), port=_port(port))
        made = await enroll_server(wish, house, config)
    except TwError as exc:
        return page.show(
            "servers_enroll.html",
            status=status_of(exc),
            error=exc,
            text=text,
            port=port,
            domain=config.relay.domain,
        )
    page.tell(f"{made.server} is enrolled. Send its response file back to its admin.")
    return page.go(f"/servers/{quote(made.server, safe='')}" + (f"?port={port}" if port else ""))


@router.get("/servers/new/invitation")
def ask_for_invitation(page: ThisPage, config: RoleConfig) -> Response:
    """Where an invitation is made."""
    return _invitation_page(page, {"name": "", "hours": "24", "port": ""}, config.relay.kind)


@router.post("/servers/new/invitation")
def make_invitation(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Make one, and show its token: the only time."""
    typed = {"name": form.text("name"), "hours": form.text("hours"), "port": form.text("port")}
    try:
        made = invite_server(_wish(typed), house, config)
    except TwError as exc:
        return _invitation_page(page, typed, config.relay.kind, exc)
    until = datetime.fromisoformat(made.until).timestamp()
    return page.show("servers_token.html", token=made.token, name=made.name, until=until)


@router.post("/servers/invitations/{name}/withdraw")
def withdraw(name: str, page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Take an invitation back."""
    removed = withdraw_invitation(name, house, config).removed
    page.tell(f"{removed[0].upper()}{removed[1:]} was withdrawn: its token lets nobody in any more.")
    return page.go("/servers")


# -- one of them ---------------------------------------------------------------------------------------


@router.get("/servers/{server}")
def show_server(
    server: str, page: ThisPage, config: RoleConfig, counted: Counted, port: Search = ""
) -> Response:
    """One server."""
    row = get_server(server, page.house, config, _live(page), counted)
    return page.show(
        "server_one.html",
        row=_row(row),
        port=port if port.isascii() and port.isdigit() else "",
        job=_job(page),
        standard=config.relay.kind == "standard",
    )


@router.post("/servers/{server}/response")
def download_response(
    server: str, page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig
) -> Response:
    """The file for the server's admin."""
    made = get_response(server, house, config, _port(form.text("port")))
    return Response(
        made.response,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{made.file_name}"'},
    )


@router.get("/servers/{server}/response")
def back_to_server(server: str, page: ThisPage) -> Response:
    """A form that was not carried out leaves its own path in the address bar."""
    return page.go(f"/servers/{quote(server, safe='')}")


@router.get("/servers/{server}/unenroll")
def ask_to_unenroll(server: str, page: ThisPage, config: RoleConfig, counted: Counted) -> Response:
    """What it will do."""
    row = get_server(server, page.house, config, _live(page), counted)
    return page.show("server_unenroll.html", row=_row(row), standard=config.relay.kind == "standard")


@router.post("/servers/{server}/unenroll")
async def unenroll(
    server: str, page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig
) -> Response:
    """Remove it."""
    done = await unenroll_server(server, house, config)
    where = "" if done.job is None else " here, and is being cut off at the relay's machine"
    page.tell(f"{done.removed[0].upper()}{done.removed[1:]} was removed{where}.")
    return page.go("/servers")


# -- what is typed, and what is shown ------------------------------------------------------------------


async def _request_of(form: Form) -> str:
    """The file if one was chosen, else the text."""
    file = form.data.get("file")
    text = form.text("text")
    if isinstance(file, UploadFile) and file.size:
        data = await file.read(MAX_JOIN_FILE_BYTES + 1)
        text = data.decode("utf-8", "replace")
    if not text:
        raise Misuse(
            "bad-argument", "there is no request yet", hint="choose the file that the server's admin sent"
        )
    if len(text) > MAX_JOIN_FILE_BYTES:
        raise Misuse("bad-join-file", "this is too large to be a request of a server")
    return text


def _live(page: Page) -> dict[str, Any] | None:
    return dict(page.live) if page.live is not None else None


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 65535:
        raise Misuse("bad-argument", f"{text[:20]!r} is no port", hint="1 to 65535, or leave it empty")
    return int(text)


def _wish(typed: dict[str, str]) -> InvitationWish:
    try:
        return InvitationWish(name=typed["name"], hours=float(typed["hours"]), port=_port(typed["port"]))
    except (ValidationError, ValueError):
        raise Misuse(
            "bad-argument", "the id or the time cannot be used", hint="an id has up to 31 characters"
        ) from None


def _invitation_page(page: Page, typed: dict[str, str], kind: str, error: TwError | None = None) -> Response:
    return page.show(
        "servers_invite.html",
        status=status_of(error) if error is not None else 200,
        error=error,
        typed=typed,
        lifetimes=LIFETIMES,
        kind=kind,
    )


def _shown(found: ServerList) -> dict[str, Any]:
    return {
        **found.model_dump(exclude={"servers", "invitations"}),
        "online": sum(each.online is True for each in found.servers),
        "servers": [_row(each) for each in found.servers],
        "invitations": [
            {"name": each.name, "path": quote(each.name, safe=""), "until": _moment(each.until)}
            for each in found.invitations
        ],
    }


def _row(each: ServerDocument) -> dict[str, Any]:
    return {
        **each.model_dump(),
        "path": f"/servers/{quote(each.server, safe='')}",
        "state": {True: "online", False: "offline", None: "not known"}[each.online],
        "enrolled": _moment(each.enrolled),
        "since": None if each.since is None else _moment(each.since),
    }


def _moment(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _job(page: Page) -> dict[str, Any] | None:
    """The last change that was brought to the relay's machine, unless it went well."""
    job = page.house.supervisor.jobs.latest(CHANGE)
    return None if job is None or job.state == "done" else job.to_json()


def _asking(page: Page) -> dict[str, Any] | None:
    job = page.house.supervisor.jobs.latest(ASK)
    return None if job is None or job.state == "done" else job.to_json()
