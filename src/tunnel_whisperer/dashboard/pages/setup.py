"""The first visit: what this machine is to be, and where its making was left."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from ...api.doors import UPLOADS
from ...api.house import InHouse
from ...api.models.setup import InvitationUse, JoinAnswer, JoinWish, RelayWishDocument
from ...api.problems import status_of
from ...api.routes.imports import FileWish, take_file
from ...api.routes.setup import (
    INVITATION,
    get_request,
    get_setup,
    make_relay_here,
    request_slot,
    take_response,
    use_invitation,
)
from ...base.errors import Misuse, TwError
from ...base.limits import MAX_JOIN_FILE_BYTES
from ...base.values import Secret
from ..page import Form, Page, ThisForm, ThisPage
from ..typed import typed

__all__ = ["file_of", "router"]

router = APIRouter()

_UPLOAD = "/setup/file"
_LIMIT = UPLOADS[_UPLOAD]


@router.get("/setup")
def choose(page: ThisPage, house: InHouse) -> Response:
    """What it can be; or where its making was left."""
    return _where_it_stands(page, house)


def _where_it_stands(page: Page, house: InHouse, error: TwError | None = None, **typed_in: str) -> Response:
    setup = get_setup(house)
    status = 200 if error is None else status_of(error)
    if setup.stage == "empty":
        return page.show("setup.html", status=status, error=error)
    if setup.stage == "done":
        return page.show("setup_done.html", status=status, error=error, setup=setup)
    values = {"relay": setup.relay, "server": setup.server, **typed_in}
    return page.show("setup_waiting.html", status=status, error=error, setup=setup, **values)


# -- a file, or an invitation ----------------------------------------------------------------------------


@router.get("/setup/given")
def given(page: ThisPage) -> Response:
    """Where a file or an invitation goes."""
    return _given(page)


def _given(page: Page, error: TwError | None = None) -> Response:
    locked = error is not None and error.code == "wrong-passphrase"
    status = 200 if error is None else status_of(error)
    return page.show("setup_given.html", status=status, error=error, locked=locked, limit=_LIMIT)


@router.post(_UPLOAD)
async def take(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """A client's file makes this identity; the backup of another role becomes a context."""
    passphrase = form.secret("passphrase")
    back = "/ports" if form.has("newer") else ""
    try:
        name, data = await file_of(form)
        wish = FileWish(name, Secret(passphrase) if passphrase else None, here=True)
        try:
            done = await take_file(house, data, wish)
        except Misuse as exc:
            if exc.code != "wrong-role" or back or house.profile.config.exists():
                raise
            done = await take_file(house, data, FileWish(name, wish.passphrase))
    except TwError as exc:
        if back:
            page.tell(f"The file was not taken: {exc}" + (f" - try: {exc.hint}" if exc.hint else ""), "bad")
            return page.go(back)
        return _given(page, exc)
    if done.outcome == "newer-here":
        page.tell("That file is older than what is here, which stays.", "bad")
    elif done.outcome == "updated":
        page.tell("Brought up to date; this machine connects again with it.")
    else:
        page.tell(f"This machine is {done.context.what} from now on, and starts.")
    return page.go(back or "/")


@router.post("/setup/invitation")
async def take_invitation(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Begin to use it; its steps have a page of their own."""
    try:
        wish = typed(InvitationUse, token=form.text("token"), server=form.text("server"))
        await use_invitation(wish, house)
    except TwError as exc:
        return _given(page, exc)
    return page.go("/setup/invitation")


@router.get("/setup/invitation")
async def invitation(page: ThisPage, house: InHouse) -> Response:
    """How far it is."""
    job = house.supervisor.jobs.latest(INVITATION)
    if job is None:
        return page.go("/setup")
    return page.show("setup_invitation.html", job=job.to_json())


# -- a server, by request and response -------------------------------------------------------------------


@router.get("/setup/server")
def server(page: ThisPage, house: InHouse) -> Response:
    """Which relay, and what this server is called there."""
    setup = get_setup(house)
    if setup.stage != "empty":
        return page.go("/setup")
    return page.show("setup_server.html", relay="", server=setup.server)


@router.post("/setup/server")
def ask_for_slot(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make the request, then wait for the response."""
    relay, name = form.text("relay"), form.text("server")
    try:
        request_slot(typed(JoinWish, relay=relay, server=name), house)
    except TwError as exc:
        if get_setup(house).stage == "empty":
            return page.show("setup_server.html", status=status_of(exc), error=exc, relay=relay, server=name)
        return _where_it_stands(page, house, exc, relay=relay, server=name)
    return page.go("/setup")


@router.post("/setup/request")
def download_request(form: ThisForm, house: InHouse) -> Response:
    """The request as a file."""
    made = get_request(house)
    headers = {"content-disposition": f'attachment; filename="{made.file_name}"'}
    return Response(made.request, media_type="application/json", headers=headers)


@router.post("/setup/response")
async def answer(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Take the response over, which starts the server."""
    try:
        text = form.text("text")
        if isinstance(file := form.data.get("file"), UploadFile) and file.size:
            text = (await file.read(MAX_JOIN_FILE_BYTES + 1)).decode("utf-8", "replace")
        if not text:
            raise Misuse("bad-argument", "there is no response yet", hint="choose the file that came back")
        joined = await take_response(typed(JoinAnswer, response=text), house)
    except TwError as exc:
        return _where_it_stands(page, house, exc)
    page.tell(f"This machine is the server {joined.server} of {joined.relay}. Next: let somebody in.")
    return page.go("/")


# -- a relay here ----------------------------------------------------------------------------------------


@router.get("/setup/relay")
def relay(page: ThisPage) -> Response:
    """What a relay on this machine needs."""
    return _relay(page, {"domain": "", "listen": ":443", "cert": "", "key": "", "way": "own"})


def _relay(page: Page, values: dict[str, Any], error: TwError | None = None) -> Response:
    status = 200 if error is None else status_of(error)
    return page.show("setup_relay.html", status=status, error=error, **values)


@router.post("/setup/relay")
async def make_relay(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make it, which starts it."""
    values = {name: form.text(name) for name in ("domain", "listen", "cert", "key")}
    way = form.text("way", "own")
    try:
        if way == "file" and not (values["cert"] and values["key"]):
            raise Misuse("bad-argument", "a certificate of one's own needs both files: chain and key")
        files = {name: values[name] if way == "file" else "" for name in ("cert", "key")}
        wish = typed(RelayWishDocument, **{**values, **files}, behind_proxy=way == "proxy")
        made = await make_relay_here(wish, house)
    except TwError as exc:
        return _relay(page, {**values, "way": way}, exc)
    page.tell(f"This machine is the relay {made.domain}, on {made.listen}. Next: enrol a server.")
    return page.go("/")


async def file_of(form: Form) -> tuple[str, bytes]:
    """Name and content of the form's file.

    Raises:
        Misuse: ``bad-argument``: none was chosen.
    """
    file = form.data.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Misuse("bad-argument", "no file was chosen", hint="choose it, or drop it on the field")
    return file.filename[:100], await file.read()
