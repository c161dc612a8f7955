"""A server's apps through the API: as ``tw list, create, edit, delete app``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from ...base.errors import Misuse
from ...daemon.changes import Topic
from ...operations.apps import AppChange, app_rows, app_value, create_app, delete_app, edit_app
from ...tenancy import App
from ..house import House, InHouse
from ..models.apps import AppChangeDocument, AppDocument, AppEdit, AppList, AppWish, DeletedApp
from .users import DryRun, changed_user, grants_of

__all__ = ["router"]

router = APIRouter(tags=["apps"])

AppName = Annotated[str, Path(max_length=63, description="Of the app.", examples=["historian"])]


@router.get("/apps")
def list_apps(house: InHouse) -> AppList:
    """All named sets of ports, and who has each."""
    return AppList(apps=[_document(app, users) for app, users in app_rows(house.profile)])


@router.post("/apps", status_code=201)
def make_app(wish: AppWish, house: InHouse) -> AppDocument:
    """Make a named set of ports, to give to users."""
    app = create_app(house.profile, wish.name, grants_of(wish.grants))
    _changed(house)
    return _document(app, [])


@router.get("/apps/{name}")
def get_app(name: AppName, house: InHouse) -> AppDocument:
    """One of them."""
    for app in list_apps(house).apps:
        if app.name == name:
            return app
    raise Misuse("no-such-name", f"there is no app {name[:70]!r}", hint="tw list apps shows them")


@router.patch("/apps/{name}")
def change_app(name: AppName, wish: AppEdit, house: InHouse, dry_run: DryRun = False) -> AppChangeDocument:
    """Change an app and, at once, what its users may reach: all of it or nothing."""
    change = edit_app(house.profile, name, taken=wish.revoke, given=grants_of(wish.grants), dry_run=dry_run)
    if not dry_run:
        _changed(house)
    return _change(change, dry_run=dry_run)


@router.delete("/apps/{name}")
def remove_app(name: AppName, house: InHouse, dry_run: DryRun = False) -> DeletedApp:
    """Forget an app; its users lose what they had by it alone."""
    users = delete_app(house.profile, name, dry_run=dry_run)
    if not dry_run:
        _changed(house)
    return DeletedApp(users=[changed_user(change) for change in users], dry_run=dry_run)


def _document(app: App, users: list[str]) -> AppDocument:
    return AppDocument.model_validate(app_value(app, users))


def _change(change: AppChange, *, dry_run: bool) -> AppChangeDocument:
    return AppChangeDocument.model_validate(
        {
            "name": change.after.name,
            "difference": change.difference.to_json(),
            "users": [changed_user(each) for each in change.users],
            "changed": change.before != change.after,
            "dry_run": dry_run,
        }
    )


def _changed(house: House) -> None:
    house.supervisor.changes.mark_from_thread(Topic.USERS)
