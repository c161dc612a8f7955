"""Who may open this dashboard and ask its API: browsers, tokens, the password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.access import KeyDocument, PasswordWish, TokenWish
from ...api.problems import status_of
from ...api.routes.access import (
    get_password,
    list_keys,
    make_token,
    remove_password,
    revoke_key,
    revoke_others,
    set_password,
)
from ...base.errors import Misuse, TwError
from ..page import Page, ThisForm, ThisPage
from ..typed import typed

__all__ = ["browser_words", "router"]

router = APIRouter()

LIFETIMES = (("30", "30 days"), ("365", "a year"), ("", "until it is revoked"))

_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In this order: most of them name others as well."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_words(agent: str) -> str:
    """A user agent for people: ``Firefox on Windows``; what is not known is shown as it came."""
    browser = next((words for mark, words in _BROWSERS if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if not browser:
        return agent[:60] or "a browser"
    return f"{browser} on {system}" if system else browser


@router.get("/access")
def show_access(page: ThisPage) -> Response:
    """All of it."""
    return _show(page)


def _show(page: Page, error: TwError | None = None, form: str = "", **typed_in: str) -> Response:
    found = list_keys(page.house, page.request)
    return page.show(
        "access.html",
        status=200 if error is None else status_of(error),
        error=error,
        form=form,
        browsers=[_row(key) for key in found.keys if key.kind == "browser"],
        tokens=[_row(key) for key in found.keys if key.kind == "token"],
        door=found,
        password_set=get_password(page.house).set,
        lifetimes=LIFETIMES,
        **{"name": "", "scope": "read", "days": "365", **typed_in},
    )


@router.post("/access/revoke")
def revoke(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """End one key; one's own: one is logged out."""
    key_id = form.text("id")
    own = next((key for key in list_keys(house, page.request).keys if key.this), None)
    revoke_key(key_id, house, page.request)
    if own is not None and own.id == key_id:
        return page.go("/login")
    page.tell("Revoked: it lets nobody in any more.")
    return page.go("/access")


@router.post("/access/revoke-others")
def revoke_the_others(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Log out all browsers but this one."""
    count = revoke_others(house, page.request).revoked
    page.tell(f"{count} other browser{'s are' if count != 1 else ' is'} logged out.")
    return page.go("/access")


@router.post("/access/tokens")
def create_token(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make one; this page is the only one that shows it."""
    name, scope, days = form.text("name"), form.text("scope"), form.text("days")
    try:
        life = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else None
        wish = typed(TokenWish, name=name, scope=scope, days=life)
        made = make_token(wish, house, page.request)
    except TwError as exc:
        return _show(page, exc, "token", name=name, scope=scope, days=days)
    url = list_keys(house, page.request).url or "http://127.0.0.1:8080"
    return page.show("access_token.html", made=made, url=url)


@router.post("/access/password")
def change_password(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Set or replace it."""
    first, again = form.secret("password"), form.secret("again")
    try:
        if first != again:
            raise Misuse("bad-argument", "the two passwords differ", hint="type it twice")
        set_password(typed(PasswordWish, password=first), house, page.request)
    except TwError as exc:
        return _show(page, exc, "password")
    page.tell("The password is set. Browsers that are logged in stay so.")
    return page.go("/access")


@router.get("/access/password/remove")
def ask_to_remove(page: ThisPage, house: InHouse) -> Response:
    """What that does."""
    return page.show("access_password.html", door=list_keys(house, page.request))


@router.post("/access/password/remove")
def take_password_away(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Nobody logs in by it any more."""
    try:
        remove_password(house, page.request)
    except TwError as exc:
        return _show(page, exc, "password")
    page.tell("The password is removed: login links alone let browsers in.")
    return page.go("/access")


def _row(key: KeyDocument) -> dict[str, Any]:
    words = browser_words(key.name) if key.kind == "browser" else key.name
    return {**key.model_dump(), "words": words}
