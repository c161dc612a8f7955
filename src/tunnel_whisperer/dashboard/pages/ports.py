"""A client's local ports: what to type into other programs, a test beside each, and changing them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.doors import UPLOADS
from ...api.house import InHouse, RoleConfig
from ...api.models.ports import ListenWish, PortList, PortWish
from ...api.problems import status_of
from ...api.routes.ports import change_listen_address, change_port, list_ports, test_kind, try_port
from ...api.routes.role import restart_role, start_role, stop_role
from ...base.errors import Misuse, TwError
from ...base.values import parse_port
from ..page import Page, ThisForm, ThisPage
from ..typed import typed

__all__ = ["port_rows", "router"]

router = APIRouter()

_AGAIN = 'It is applied by "Connect again", which ends what is open.'


@router.get("/ports")
async def show_ports(page: ThisPage, house: InHouse, config: RoleConfig) -> Response:
    """All of them, with what they are doing."""
    found = list_ports(house, config, _live(page))
    return page.show(
        "ports.html",
        live=page.live,
        found=found,
        ports=port_rows(page, found),
        limit=UPLOADS["/setup/file"],
    )


@router.post("/ports/role")
async def connect(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Connect, disconnect, connect again."""
    act = form.text("act")
    if act == "stop":
        await stop_role(house)
        page.tell("Disconnected: the local ports are closed until you connect again.")
    elif act == "again":
        await restart_role(house)
    else:
        await start_role(house)
    return page.go("/ports")


@router.post("/ports/test")
async def test_port(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Try one; what came out is beside it."""
    try:
        await try_port(parse_port(form.text("port")), house, config)
    except TwError as exc:
        if exc.code != "already-running":  # it is shown as it goes
            raise
    return page.go("/ports")


@router.get("/ports/{given}/change")
def ask_port(given: int, page: ThisPage, house: InHouse, config: RoleConfig) -> Response:
    """Another number for one of them."""
    return _ask_port(page, given, house, config)


def _ask_port(
    page: Page,
    given: int,
    house: InHouse,
    config: RoleConfig,
    typed_in: str = "",
    error: TwError | None = None,
) -> Response:
    rows = list_ports(house, config, _live(page)).ports
    row = next((row for row in rows if row.given == given), None)
    if row is None:
        raise Misuse("no-such-name", f"{given} is not one of the ports that were given", hint="see Ports")
    return page.show(
        "port_change.html",
        status=200 if error is None else status_of(error),
        error=error,
        row=row,
        local=typed_in or str(row.local),
    )


@router.post("/ports/{given}/change")
def move_port(given: int, page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Open another one instead."""
    text = form.text("local")
    try:
        done = change_port(
            given, typed(PortWish, local=given if form.has("back") else parse_port(text)), house
        )
    except TwError as exc:
        return _ask_port(page, given, house, config, text, exc)
    if done.changed:
        page.tell("The port is changed. " + (_AGAIN if done.restart else ""))
    return page.go("/ports")


@router.get("/ports/listen")
def ask_address(page: ThisPage, house: InHouse, config: RoleConfig) -> Response:
    """On which interface they are opened."""
    found = list_ports(house, config, _live(page))
    return page.show("ports_listen.html", address=found.listen_address, warning=found.warning)


@router.post("/ports/listen")
def choose_address(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Another interface."""
    way, other = form.text("way"), form.text("address")
    address = {"here": "127.0.0.1", "all": "0.0.0.0"}.get(way, other)
    try:
        done = change_listen_address(typed(ListenWish, address=address), house)
    except TwError as exc:
        return page.show("ports_listen.html", status=status_of(exc), error=exc, address=other, warning="")
    if done.warning:
        page.tell(f"From now on {done.warning}. {_AGAIN if done.restart else ''}", "bad")
    elif done.changed:
        page.tell("The local ports are for this machine alone. " + (_AGAIN if done.restart else ""))
    return page.go("/ports")


def port_rows(page: Page, found: PortList) -> list[dict[str, Any]]:
    """The ports with what their last test came to."""
    rows = []
    for port in found.ports:
        number = port.address.rpartition(":")[2] if port.address else ""
        job = page.house.supervisor.jobs.latest(test_kind(int(number))) if number else None
        rows.append({**port.model_dump(), "number": number, "job": None if job is None else job.to_json()})
    return rows


def _live(page: Page) -> dict[str, Any] | None:
    return None if page.live is None else dict(page.live)
