"""A server's users: the list, one of them, and what can be done with them by one button."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query
from pydantic import SecretStr
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.users import UserDetail, UserDocument, UserFileWish, UserInvitation, UserInvitationWish
from ...api.problems import status_of
from ...api.routes.users import (
    find_users,
    get_user,
    invite_user,
    let_in_user,
    pack_user,
    remove_user,
    take_off_user,
    user_document,
)
from ...base.errors import Misuse, TwError
from ..access_form import checked
from ..page import Form, Page, ThisForm, ThisPage, with_query

__all__ = ["LIFETIMES", "live_of_page", "path_of", "router", "show_token"]

router = APIRouter()

LIFETIMES = (("1", "1 hour"), ("24", "24 hours"), ("168", "7 days"), ("720", "30 days"))
"""Of an invitation: hours, and in words."""

SHOWN = 100
"""Rows of the list, unless all are asked for: a browser takes a second to put in five hundred."""

Search = Annotated[str, Query()]
Ticked = Annotated[str, Query()]


@router.get("/users")
def show_users(page: ThisPage, q: Search = "", there: Ticked = "", every: Ticked = "") -> Response:
    """All of them, or those that match."""
    q = q.strip()[:100]
    found = find_users(page.house, live_of_page(page), q, online=bool(there))
    return page.show(
        "users.html",
        q=q,
        there=bool(there),
        every=bool(every),
        found=found,
        rows=[_row(user_document(row)) for row in (found.rows if every else found.rows[:SHOWN])],
        link=urlencode({"q": q, "there": "yes" if there else "", "every": "yes"}),
        shown_at=with_query(
            "/users", {"q": q, "there": "yes" if there else "", "every": "yes" if every else ""}
        ),
        online=sum(row.online is True for row in found.rows),
        runs=page.live is not None,
    )


@router.get("/users/{name}")
def show_user(name: str, page: ThisPage) -> Response:
    """One of them."""
    return _one(page, name)


@router.post("/users/{name}/revoke")
def revoke(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Let them in no more."""
    take_off_user(name, house)
    page.tell(
        f"{name} is let in no more. What is still open ends within a second; the files are kept, so that"
        " you can let them in again."
    )
    return _back(page, form, name)


@router.post("/users/{name}/let-in")
def let_in(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Let them in again."""
    done = let_in_user(name, house)
    words = {
        "yes": f"{name} is let in.",
        "expired": f"{name} is registered again, but the time that was set is over: give them a new end.",
        "invited": f"{name} can come by invitation again.",
    }
    page.tell(words.get(done.stands, f"{name}: {done.stands}"), "good" if done.stands == "yes" else "busy")
    return _back(page, form, name)


@router.post("/users/{name}/file")
def download(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """The user's file."""
    try:
        made = pack_user(name, checked(UserFileWish, passphrase=_passphrase(form)), house)
    except TwError as exc:
        return _one(page, name, exc)
    made.headers["Cache-Control"] = "no-store"
    return made


@router.post("/users/{name}/invite")
def invite(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """A token, shown this once."""
    try:
        made = invite_user(name, checked(UserInvitationWish, hours=form.text("hours", "24")), house)
    except TwError as exc:
        return _one(page, name, exc)
    return show_token(page, made)


@router.get("/users/{name}/file")
@router.get("/users/{name}/invite")
def show_user_again(name: str, page: ThisPage) -> Response:
    """Where a page that answered a form is loaded again."""
    return page.go(path_of(name))


@router.get("/users/{name}/delete")
def ask_to_delete(name: str, page: ThisPage) -> Response:
    """What is lost; also of somebody whose record cannot be read."""
    try:
        user = _row(get_user(name, page.house, live_of_page(page)))
    except TwError as exc:
        if exc.code != "bad-record":
            raise
        return page.show("user_delete.html", error=exc, user=None, name=name, at=path_of(name))
    return page.show("user_delete.html", user=user, name=name, at=path_of(name))


@router.post("/users/{name}/delete")
def delete(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Forget them."""
    remove_user(name, house)
    page.tell(f"{name} was deleted. What was still open ends within a second.")
    return page.go("/users")


def show_token(page: Page, made: UserInvitation) -> Response:
    """The page that shows an invitation."""
    return page.show("user_token.html", made=made, until=_stamp(made.expires), at=path_of(made.name))


def path_of(name: str) -> str:
    """Where the page of a user is."""
    return f"/users/{quote(name, safe='')}"


def live_of_page(page: Page) -> dict[str, Any] | None:
    """As the API's routes take it."""
    return dict(page.live) if page.live is not None else None


def _one(page: Page, name: str, error: TwError | None = None) -> Response:
    user: UserDetail = get_user(name, page.house, live_of_page(page))
    return page.show(
        "user_one.html",
        status=200 if error is None else status_of(error),
        error=error,
        user=_row(user),
        created=_stamp(user.created_at),
        certificate_ends=_stamp(user.certificate_ends),
        lifetimes=LIFETIMES,
    )


def _row(user: UserDocument) -> dict[str, Any]:
    return {
        **user.model_dump(),
        "path": path_of(user.name),
        "expires": _stamp(user.expires),
        "invited_until": _stamp(user.invited_until),
        "open": sum(each.open for session in user.sessions for each in session.connections),
    }


def _stamp(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def _passphrase(form: Form) -> SecretStr | None:
    """Typed twice, or not at all."""
    first, again = form.secret("passphrase"), form.secret("again")
    if first != again:
        raise Misuse("bad-argument", "the two passphrases are not the same", hint="type them again")
    return SecretStr(first) if first else None


def _back(page: Page, form: Form, name: str) -> Response:
    """Where the button was."""
    if form.text("from") == "user":
        return page.go(path_of(name))
    return page.go(with_query("/users", {name: form.text(name) for name in ("q", "there", "every")}))
