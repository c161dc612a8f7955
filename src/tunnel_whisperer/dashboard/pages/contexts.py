"""The identities of this machine: seen, made, switched to, renamed, exported, imported, deleted."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ...api.doors import UPLOADS
from ...api.house import InHouse
from ...api.models.contexts import ContextDocument, ContextName, ExportWish
from ...api.problems import status_of
from ...api.routes.contexts import (
    create_context,
    delete_context,
    export_context,
    list_contexts,
    rename_context,
    use_context,
    what_deleting_removes,
)
from ...api.routes.imports import FileWish, take_file
from ...base.errors import Misuse, TwError
from ...base.values import Secret
from ..page import Form, Page, ThisForm, ThisPage
from ..typed import typed
from .setup import file_of

__all__ = ["router"]

router = APIRouter()

_UPLOAD = "/contexts/import"


@router.get("/contexts")
def show_contexts(page: ThisPage) -> Response:
    """All of them."""
    return page.show("contexts.html", found=list_contexts(page.house))


@router.get("/contexts/new")
def ask_name(page: ThisPage) -> Response:
    """A further one."""
    return page.show("context_new.html", name="", here=_here(page))


@router.post("/contexts/new")
async def make(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make it and serve it; what it is to be comes next."""
    name = form.text("name")
    try:
        await create_context(typed(ContextName, name=name), house)
    except TwError as exc:
        return page.show("context_new.html", status=status_of(exc), error=exc, name=name, here=_here(page))
    page.tell(f"{name} is made. Now choose what it is to be.")
    return page.go("/setup")


@router.get("/contexts/import")
def ask_file(page: ThisPage) -> Response:
    """A file for a further one."""
    return _ask_file(page)


def _ask_file(page: Page, error: TwError | None = None, name: str = "") -> Response:
    return page.show(
        "context_import.html",
        status=200 if error is None else status_of(error),
        error=error,
        name=name,
        locked=error is not None and error.code == "wrong-passphrase",
        exists=error is not None and error.code == "exists",
        here=_here(page),
        limit=UPLOADS[_UPLOAD],
    )


@router.post(_UPLOAD)
async def take(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make a context out of a file."""
    name, passphrase = form.text("name"), form.secret("passphrase")
    try:
        file_name, data = await file_of(form)
        wish = FileWish(
            file_name,
            Secret(passphrase) if passphrase else None,
            name=name or None,
            activate=form.has("activate"),
            force=form.has("force"),
        )
        done = await take_file(house, data, wish)
    except TwError as exc:
        return _ask_file(page, exc, name)
    words = f"{done.context.name}: {done.words}. It is {done.context.what}"
    page.tell(f"{words}, and served here from now on." if done.context.here else f"{words}.")
    return page.go("/contexts")


@router.get("/contexts/{context_id}/use")
def ask_to_use(context_id: str, page: ThisPage) -> Response:
    """What a switch ends."""
    return page.show("context_use.html", row=_row(page, context_id), here=_here(page))


@router.post("/contexts/{context_id}/use")
async def use(context_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Switch."""
    try:
        done = await use_context(context_id, house)
    except TwError as exc:
        row, here = _row(page, context_id), _here(page)
        return page.show("context_use.html", status=status_of(exc), error=exc, row=row, here=here)
    ended = f" {done.before} was ended here." if done.ended and done.before else ""
    page.tell(f"This machine works as {done.context.name} now.{ended}")
    return page.go("/setup" if done.context.role is None and done.context.fault is None else "/")


@router.get("/contexts/{context_id}/rename")
def ask_new_name(context_id: str, page: ThisPage) -> Response:
    """Another name."""
    row = _row(page, context_id)
    return page.show("context_rename.html", row=row, name=row.name)


@router.post("/contexts/{context_id}/rename")
def rename(context_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Give it that name."""
    name = form.text("name")
    try:
        done = rename_context(context_id, typed(ContextName, name=name), house)
    except TwError as exc:
        row = _row(page, context_id)
        return page.show("context_rename.html", status=status_of(exc), error=exc, row=row, name=name)
    page.tell(f"It is called {done.name} now.")
    return page.go("/contexts")


@router.get("/contexts/{context_id}/export")
def ask_passphrase(context_id: str, page: ThisPage) -> Response:
    """How the file is to be."""
    return page.show("context_export.html", row=_row(page, context_id))


@router.post("/contexts/{context_id}/export")
def export(context_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """The file itself."""
    try:
        wish = typed(ExportWish, passphrase=_new_passphrase(form))
        return export_context(context_id, wish, house)
    except TwError as exc:
        row = _row(page, context_id)
        return page.show("context_export.html", status=status_of(exc), error=exc, row=row)


@router.get("/contexts/{context_id}/delete")
def ask_to_delete(context_id: str, page: ThisPage, house: InHouse) -> Response:
    """What goes with it."""
    row = _row(page, context_id)
    try:
        loss = what_deleting_removes(context_id, house)
    except Misuse as exc:  # nothing was asked for yet: it is an answer, not a failure
        return page.show("context_kept.html", row=row, why=exc.why, hint=exc.hint)
    return page.show("context_delete.html", row=row, loss=loss)


@router.post("/contexts/{context_id}/delete")
def delete(context_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Remove it for good."""
    row = _row(page, context_id)
    try:
        gone = delete_context(context_id, house)
    except Misuse as exc:
        return page.show(
            "context_kept.html", status=status_of(exc), error=exc, row=row, why=exc.why, hint=exc.hint
        )
    page.tell(f"{gone.name} is deleted.")
    if gone.slot is not None:
        page.tell(f"Its relay still has a place for {gone.slot}: ask its admin to un-enrol it.", "bad")
    return page.go("/contexts")


def _row(page: Page, context_id: str) -> ContextDocument:
    for row in list_contexts(page.house).contexts:
        if row.id == context_id:
            return row
    raise Misuse("no-such-name", f"there is no context {context_id[:40]!r} (any more)", hint="see Contexts")


def _here(page: Page) -> ContextDocument | None:
    return next((row for row in list_contexts(page.house).contexts if row.here), None)


def _new_passphrase(form: Form) -> str | None:
    """As typed twice; None: the file is not to be encrypted.

    Raises:
        Misuse: ``bad-argument``.
    """
    if form.has("plain"):
        return None
    first, again = form.secret("passphrase"), form.secret("again")
    if not first.strip():
        raise Misuse("bad-argument", "there is no passphrase", hint="or choose a file that is not encrypted")
    if first != again:
        raise Misuse("bad-argument", "the two passphrases differ", hint="type it twice")
    return first
