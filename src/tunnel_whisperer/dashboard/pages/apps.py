"""A server's apps: named sets of ports, made, changed for all who have them, forgotten."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.apps import AppDocument, AppEdit, AppWish
from ...api.models.users import ChangedUser
from ...api.problems import status_of
from ...api.routes.apps import change_app, get_app, list_apps, make_app, remove_app
from ...api.routes.users import apply_all_users
from ...base.errors import Misuse, TwError
from ..access_form import (
    Row,
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
from .users import path_of as user_path

__all__ = ["router"]

router = APIRouter()


@router.get("/apps")
def show_apps(page: ThisPage) -> Response:
    """All of them."""
    return page.show("apps.html", apps=[_row(app) for app in list_apps(page.house).apps])


@router.post("/apps/apply")
def apply(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Give users what the files say that a person may edit."""
    done = apply_all_users(house)
    changed = [user for user in done.users if user.stood != user.stands or user.needs_new_file]
    page.tell(f"All users have what the files say: {len(changed)} of {len(done.users)} changed.")
    _tell_of_files(page, done.users)
    for fault in done.faults:
        page.tell(fault.why, "bad")
    return page.go("/apps")


@router.get("/apps/new/app")
def ask_for_app(page: ThisPage) -> Response:
    """Where one is made."""
    return page.show("app_new.html", name="", rows=spaced([]))


@router.post("/apps/new/app")
def make(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make it."""
    name, rows = form.text("name"), _rows(form)
    error: TwError | None = None
    if not form.has("more"):
        try:
            if not name:
                raise Misuse("bad-argument", "the app has no name yet", hint="a short one, such as historian")
            made = make_app(checked(AppWish, name=name, grants=grant_wishes(rows)), house)
        except TwError as exc:
            error = exc
        else:
            page.tell(f"{made.name} was made. Give it to users: on the page of each, under Edit.")
            return page.go("/apps")
    return page.show(
        "app_new.html", status=200 if error is None else status_of(error), error=error, name=name, rows=rows
    )


@router.get("/apps/{name}/edit")
def ask_for_change(name: str, page: ThisPage) -> Response:
    """Its ports, to be changed."""
    app = get_app(name, page.house)
    return _edit(page, app, spaced(filled(app.grants)), [spelled(grant) for grant in app.grants])


@router.post("/apps/{name}/edit")
def change(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Show what would change, and for whom; carry it out when that was seen."""
    app, rows, was = get_app(name, house), _rows(form), form.texts("was_port")
    if form.has("more") or form.has("back"):
        return _edit(page, app, rows, was)
    try:
        revoke, grants = lost_and_new(was, rows)
        wish = checked(AppEdit, revoke=revoke, grants=grants)
        told = change_app(name, wish, house, dry_run=not form.has("sure"))
    except TwError as exc:
        return _edit(page, app, rows, was, exc)
    if not told.changed:
        return _edit(page, app, rows, was, same=True)
    if form.has("sure"):
        page.tell(f"{name} was changed for all who have it.")
        _tell_of_files(page, told.users)
        return page.go("/apps")
    return page.show("app_change.html", told=told, fields=hidden_fields(form), at=_path(name))


@router.get("/apps/{name}/delete")
def ask_to_delete(name: str, page: ThisPage, house: InHouse) -> Response:
    """Who loses what; or why it cannot be."""
    app = get_app(name, house)
    try:
        losses, error = remove_app(name, house, dry_run=True).users, None
    except TwError as exc:
        losses, error = [], exc
    return page.show("app_delete.html", error=error, app=_row(app), losses=losses, possible=error is None)


@router.post("/apps/{name}/delete")
def delete(name: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Forget it."""
    done = remove_app(name, house)
    page.tell(f"{name} was deleted.")
    _tell_of_files(page, done.users)
    return page.go("/apps")


def _tell_of_files(page: Page, users: list[ChangedUser]) -> None:
    if names := [user.name for user in users if user.needs_new_file]:
        page.tell(f"Hand over a new file, or invite again: {', '.join(names)}.", "busy")


def _rows(form: Form) -> list[Row]:
    return rows_of(form, 8 if form.has("more") else 3)


def _edit(
    page: Page,
    app: AppDocument,
    rows: list[Row],
    was: list[str],
    error: TwError | None = None,
    *,
    same: bool = False,
) -> Response:
    return page.show(
        "app_edit.html",
        status=200 if error is None else status_of(error),
        error=error,
        app=_row(app),
        rows=rows,
        was=was,
        same=same,
    )


def _row(app: AppDocument) -> dict[str, Any]:
    users = [{"name": name, "path": user_path(name)} for name in app.users]
    return {**app.model_dump(), "path": _path(app.name), "users": users}


def _path(name: str) -> str:
    return f"/apps/{quote(name, safe='')}"
