"""Making a user, and changing what one may do: shown before it is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.users import UserDetail, UserEdit, UserWish
from ...api.problems import status_of
from ...api.routes.apps import list_apps
from ...api.routes.users import change_user, get_user, list_users, make_user
from ...base.errors import Misuse, TwError
from ..access_form import (
    Row,
    TypedEnd,
    checked,
    filled,
    grant_wishes,
    hidden_fields,
    lost_and_new,
    rows_of,
    spaced,
    spelled,
)
from ..page import Form, Page, ThisForm, ThisPage
from .users import LIFETIMES, live_of_page, path_of, show_token

__all__ = ["router"]

router = APIRouter()


_NO_END = TypedEnd()


@dataclass(frozen=True, slots=True)
class Typed:
    """What is in a form about a user."""

    rows: list[Row]
    name: str = ""
    like: str = ""
    apps: tuple[str, ...] = ()
    end: TypedEnd = _NO_END
    single: bool = False
    way: str = "file"
    """``file`` or ``invitation``."""
    hours: str = "24"
    was: tuple[str, ...] = ()
    """Ports, as they were shown."""
    was_apps: tuple[str, ...] = ()
    was_end: str = "never"
    was_single: bool = False

    @classmethod
    def of(cls, form: Form) -> Typed:
        """In a form that was sent."""
        return cls(
            rows_of(form, 8 if form.has("more") else 3),
            form.text("name"),
            form.text("like"),
            tuple(form.texts("app")),
            TypedEnd.of(form),
            form.has("single"),
            form.text("way", "file"),
            form.text("hours", "24"),
            tuple(form.texts("was_port")),
            tuple(form.texts("was_app")),
            form.text("was_end", "never"),
            form.has("was_single"),
        )

    @classmethod
    def as_it_is(cls, user: UserDetail) -> Typed:
        """Of somebody who is to be changed."""
        own = [grant for grant in user.grants if grant.app is None]
        end = _typed_end(user.expires)
        return cls(
            spaced(filled(own)),
            user.name,
            apps=tuple(user.apps),
            end=end,
            single=user.single_session,
            was=tuple(spelled(grant) for grant in own),
            was_apps=tuple(user.apps),
            was_end=end.text,
            was_single=user.single_session,
        )


@router.get("/users/new/user")
def ask_for_user(page: ThisPage) -> Response:
    """Where a user is made."""
    return _new(page, Typed(spaced([])))


@router.post("/users/new/user")
def make(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Let them in."""
    typed = Typed.of(form)
    if form.has("more"):
        return _new(page, typed)
    try:
        made = make_user(_wish(typed), house, live_of_page(page))
    except TwError as exc:
        return _new(page, typed, exc)
    if made.invitation is not None:
        return show_token(page, made.invitation)
    page.tell(f"{made.user.name} was created, and is let in. Hand over the file now: it is below.")
    return page.go(path_of(made.user.name))


@router.get("/users/{name}/edit")
def ask_for_change(name: str, page: ThisPage) -> Response:
    """What one may do, to be changed."""
    return _edit(page, name, Typed.as_it_is(get_user(name, page.house, live_of_page(page))))


@router.post("/users/{name}/edit")
def change(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Show what would change; carry it out when that was seen."""
    typed = Typed.of(form)
    if form.has("more") or form.has("back"):
        return _edit(page, name, typed)
    try:
        wish = _change(typed)
        told = change_user(name, wish, house, dry_run=not form.has("sure"))
    except TwError as exc:
        return _edit(page, name, typed, exc)
    if form.has("sure"):
        page.tell(f"{name} was changed." if told.changed else f"{name} is as you wanted already.")
        if told.needs_new_file:
            page.tell(f"The ports of {name} changed: hand over a new file, or invite {name} again.", "busy")
        return page.go(path_of(name))
    if not told.changed:
        return _edit(page, name, typed, same=True)
    online = get_user(name, page.house, live_of_page(page)).online
    return page.show(
        "user_change.html", told=told, fields=hidden_fields(form), at=path_of(name), online=online
    )


def _wish(typed: Typed) -> UserWish:
    if not typed.name:
        raise Misuse("bad-argument", "the user has no name yet", hint="a short one, such as alice")
    end = typed.end.text
    return checked(
        UserWish,
        name=typed.name,
        grants=grant_wishes(typed.rows),
        apps=list(typed.apps),
        like=typed.like or None,
        # What is not chosen is as the other user has it.
        expires=None if end == "never" else end,
        single_session=True if typed.single else None,
        invite=typed.way == "invitation",
        hours=typed.hours,
    )


def _change(typed: Typed) -> UserEdit:
    revoke, grants = lost_and_new(typed.was, typed.rows)
    end = typed.end.text
    return checked(
        UserEdit,
        no_apps=[app for app in typed.was_apps if app not in typed.apps],
        revoke=revoke,
        apps=[app for app in typed.apps if app not in typed.was_apps],
        grants=grants,
        expires=None if end == typed.was_end else end,
        single_session=None if typed.single is typed.was_single else typed.single,
    )


def _new(page: Page, typed: Typed, error: TwError | None = None) -> Response:
    live = live_of_page(page)
    names = [(user.name, user.name) for user in list_users(page.house, live).users]
    return page.show(
        "user_new.html",
        names=[("", "nobody"), *names] if names else [],
        lifetimes=LIFETIMES,
        **_form(page, typed, error),
    )


def _edit(
    page: Page, name: str, typed: Typed, error: TwError | None = None, *, same: bool = False
) -> Response:
    return page.show("user_edit.html", name=name, at=path_of(name), same=same, **_form(page, typed, error))


def _form(page: Page, typed: Typed, error: TwError | None) -> dict[str, Any]:
    return {
        "typed": typed,
        "apps": list_apps(page.house).apps,
        "status": 200 if error is None else status_of(error),
        "error": error,
        "zone": datetime.now().astimezone().strftime("UTC%z"),
    }


def _typed_end(expires: str | None) -> TypedEnd:
    if expires is None:
        return TypedEnd()
    return TypedEnd("until", f"{datetime.fromisoformat(expires).astimezone():%Y-%m-%dT%H:%M}")
