"""The relay of this identity: how it stands, the work at its machine, and what can be done to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import House, InHouse, RoleConfig
from ...api.machine_jobs import CHANGE, DESTROY, MAKE, OWN_SERVER, SSH, last_at_machine
from ...api.models.relay import OwnServerWish, RelayDocument
from ...api.problems import status_of
from ...api.routes.jobs import cancel_job
from ...api.routes.relay import get_relay, get_script, list_providers, wait_for_machine
from ...api.routes.relay_acts import DRIFT, add_own_server, apply_to_machine, compare_machine
from ...api.routes.tests import RELAY, try_relay
from ...base.errors import Misuse, TwError
from ..page import Form, Page, ThisForm, ThisPage

__all__ = ["router", "show_start"]

router = APIRouter()

_PAGES = re.compile(r"/relay|/servers(/[a-z0-9-]{1,31})?")


@router.get("/relay")
async def show_relay(page: ThisPage, new: str = "") -> Response:
    """The relay, or the first step to one."""
    return _show(page, new=bool(new))


@router.get("/relay/drift")
@router.get("/relay/apply")
@router.get("/relay/test")
@router.get("/relay/wait")
@router.get("/relay/cancel")
@router.get("/relay/script")
async def back_to_relay(page: ThisPage) -> Response:
    """A form that was not carried out leaves its own path in the address bar."""
    return page.go("/relay")


def _show(page: Page, *, new: bool = False, error: TwError | None = None) -> Response:
    last = last_at_machine(page.house)
    job = None if last is None else last.to_json()
    try:
        relay = get_relay(page.house)
    except TwError:
        # The server is what is served already, a moment before its job has ended.
        if job is None or job["kind"] != OWN_SERVER or job["state"] not in ("running", "done"):
            raise
        return page.show("relay_moved.html", job=job)
    status = 200 if error is None else status_of(error)
    looks = _looks(page.house)
    if relay.kind == "embedded":
        shown = _embedded(relay)
        return page.show("relay_embedded.html", status=status, error=error, relay=shown, looks=looks)
    if relay.begun is None and (job is None or new):
        return show_start(page, relay, error)
    return page.show(
        "relay.html",
        status=status,
        error=error,
        relay=relay.model_dump(),
        job=job,
        again=_again(job, relay),
        looks=looks,
        running=job is not None and job["state"] == "running",
        manual=relay.begun is not None and relay.begun.provider == "manual",
    )


def show_start(
    page: Page, relay: RelayDocument, error: TwError | None = None, typed: dict[str, str] | None = None
) -> Response:
    """The first step: which name, and where."""
    return page.show(
        "relay_start.html",
        status=status_of(error) if error is not None else 200,
        error=error,
        relay=relay.model_dump(),
        typed=typed or {"domain": relay.domain, "provider": ""},
        providers=[(each.name, each.title) for each in list_providers().providers],
    )


# -- work ----------------------------------------------------------------------------------------------


@router.post("/relay/test")
async def test_way(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Go the way to it, step by step."""
    return await _begun(page, try_relay(house, config))


@router.post("/relay/drift")
async def compare(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """See what is not on the machine as it should be."""
    return await _begun(page, compare_machine(house, config))


@router.post("/relay/apply")
async def apply(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Make it so."""
    return await _begun(page, apply_to_machine(house, config), _back(form))


@router.post("/relay/wait")
async def wait(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Go on with a machine that is there."""
    return await _begun(page, wait_for_machine(house))


async def _begun(page: Page, beginning: Awaitable[object], back: str = "/relay") -> Response:
    """To where the job is seen; what was refused is said there, too."""
    try:
        await beginning
    except TwError as exc:
        return _show(page, error=exc)
    return page.go(back)


@router.post("/relay/cancel")
async def cancel(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Stop a job; what it did so far stays."""
    job = await cancel_job(form.text("job"), house)
    page.tell(f"{job.title[0].upper()}{job.title[1:]}: it stops. What was done so far stays.")
    return page.go(_back(form))


@router.post("/relay/script")
async def download_script(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """What is to be run on a machine of one's own."""
    made = await get_script(house)
    return Response(
        made.script,
        media_type="text/x-shellscript",
        headers={"Content-Disposition": f'attachment; filename="{made.file_name}"'},
    )


# -- a server beside it --------------------------------------------------------------------------------


@router.get("/relay/own-server")
async def ask_for_server(page: ThisPage, config: RoleConfig) -> Response:
    """Its name."""
    get_relay(page.house)
    return page.show("relay_own_server.html", domain=config.relay.domain, server="", use=True)


@router.post("/relay/own-server")
async def make_server(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Make it, and switch to it."""
    server, use = form.text("server"), form.has("use")
    try:
        if not 1 <= len(server) <= 31:
            raise Misuse("bad-argument", "an id has 1 to 31 characters", hint="such as plant-7")
        await add_own_server(OwnServerWish(server=server, use=use), house, config)
    except TwError as exc:
        domain = config.relay.domain
        status = status_of(exc)
        return page.show(
            "relay_own_server.html", status=status, error=exc, domain=domain, server=server, use=use
        )
    return page.go("/relay")


# -- what is shown -------------------------------------------------------------------------------------


def _back(form: Form) -> str:
    """Where the form was: one of a few pages."""
    wanted = form.text("back")
    return wanted if _PAGES.fullmatch(wanted) else "/relay"


def _again(job: dict[str, Any] | None, relay: RelayDocument) -> tuple[str, str, str]:
    """How to go on after a job that failed or was stopped: ``post`` or ``get``, where, and in words."""
    if job is None or job["state"] not in ("failed", "cancelled"):
        return "", "", ""
    made = relay.begun is not None and relay.begun.phase == "made"
    if job["kind"] == MAKE:
        if made:
            return "post", "/relay/wait", "Go on"
        return (
            ("post", "/relay/new/again", "Go on") if relay.begun else ("get", "/relay?new=1", "Begin again")
        )
    return {
        CHANGE: ("post", "/relay/apply", "Try again"),
        SSH: ("get", "/relay/ssh", "Try again"),
        DESTROY: ("get", "/relay/destroy", "Try again"),
        OWN_SERVER: ("get", "/relay/own-server", "Try again"),
    }[job["kind"]]


def _looks(house: House) -> list[dict[str, Any]]:
    """The last test, and the last look for differences."""
    found = (house.supervisor.jobs.latest(kind) for kind in (RELAY, DRIFT))
    return [job.to_json() for job in found if job is not None]


def _embedded(relay: RelayDocument) -> dict[str, Any]:
    ends = relay.certificate.ends if relay.certificate is not None else ""
    return {**relay.model_dump(), "ends": datetime.fromisoformat(ends).timestamp() if ends else None}
