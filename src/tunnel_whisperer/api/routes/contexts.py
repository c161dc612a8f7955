"""The identities of this machine: listed, made, switched to, renamed, packed, removed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from ...base.errors import Misuse, TwError
from ...base.values import Secret
from ...daemon.changes import Topic
from ...daemon.snapshot import error_value
from ...daemon.supervisor import RoleState
from ...operations import context_acts as acts
from ...operations.context_about import ContextRow, about, context_rows
from ...operations.context_export import backup_file_name
from ...operations.context_export import export_context as export_file
from ...profile import Context, Profile, who_runs
from ..house import House, InHouse
from ..machine_jobs import need_idle_machine
from ..models.contexts import (
    ContextDocument,
    ContextList,
    ContextName,
    ContextSwitched,
    DeletedDocument,
    ExportWish,
    LossDocument,
    RunningValue,
)
from ..models.jobs import ErrorValue

__all__ = [
    "choose_context",
    "context_document",
    "need_free_choice",
    "router",
    "running_value",
    "serve_context",
]

router = APIRouter(tags=["contexts"])

ContextId = Annotated[str, Path(pattern=r"^([0-9a-f]{6}|base)$", description="Its id.", examples=["5f0c2a"])]

_AT_WORK = (RoleState.STARTING, RoleState.RUNNING, RoleState.WAITING)

_FILE: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The file; it holds private keys.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/contexts")
def list_contexts(house: InHouse) -> ContextList:
    """Which identities this machine has, which is active, and which process serves each."""
    rows, faults = context_rows(house.contexts)
    return ContextList(
        contexts=[_of_row(house, row) for row in rows],
        faults=[ErrorValue(**value) for fault in faults if (value := error_value(fault)) is not None],
        pinned=house.supervisor.pinned,
    )


@router.post("/contexts", status_code=201)
async def create_context(wish: ContextName, house: InHouse) -> ContextSwitched:
    """Make an empty one and serve it: the role of the one of before ends here."""
    need_free_choice(house)
    switch = await asyncio.to_thread(acts.create_context, house.contexts, wish.name)
    ended = await serve_context(house, switch.now)
    house.supervisor.changes.mark(Topic.CONTEXTS)
    before = None if switch.before is None else switch.before.name
    return ContextSwitched(
        context=await asyncio.to_thread(context_document, house, switch.now), before=before, ended=ended
    )


@router.post("/contexts/{context_id}/use")
async def use_context(context_id: ContextId, house: InHouse) -> ContextSwitched:
    """Serve this one from now on, and have commands work on it: the role of the one of before ends here."""
    context = await asyncio.to_thread(acts.context_of_id, house.contexts, context_id)
    if context.profile != house.profile:
        need_free_choice(house)
    ended, switch = await choose_context(house, context)
    house.supervisor.changes.mark(Topic.CONTEXTS)
    return ContextSwitched(
        context=await asyncio.to_thread(context_document, house, context),
        before=None if switch.before is None else switch.before.name,
        ended=ended,
    )


@router.patch("/contexts/{context_id}")
def rename_context(context_id: ContextId, wish: ContextName, house: InHouse) -> ContextDocument:
    """Give it another name; nobody but this machine sees it."""
    context = acts.context_of_id(house.contexts, context_id)
    renamed = acts.rename_context(house.contexts, context, wish.name)
    house.supervisor.changes.mark_from_thread(Topic.CONTEXTS)
    return context_document(house, renamed)


@router.get("/contexts/{context_id}/loss")
def what_deleting_removes(context_id: ContextId, house: InHouse) -> LossDocument:
    """What deleting it would do. Refused as the deletion would be."""
    loss = acts.context_loss(house.contexts, acts.context_of_id(house.contexts, context_id))
    return LossDocument(name=loss.context.name, what=loss.what, words=loss.words, last=loss.last)


@router.delete("/contexts/{context_id}")
def delete_context(context_id: ContextId, house: InHouse) -> DeletedDocument:
    """Remove it with its keys and records. It must not be active while there are others, nor be served."""
    gone = acts.delete_context(house.contexts, acts.context_of_id(house.contexts, context_id))
    house.supervisor.changes.mark_from_thread(Topic.CONTEXTS)
    return DeletedDocument(name=gone.context.name, slot=gone.slot, last=gone.last)


@router.post("/contexts/{context_id}/export", response_class=Response, responses=_FILE)
def export_context(context_id: ContextId, wish: ExportWish, house: InHouse) -> Response:
    """All of it as one file: a backup, or for another machine. It holds private keys."""
    context = acts.context_of_id(house.contexts, context_id)
    passphrase = None if wish.passphrase is None else Secret(wish.passphrase.get_secret_value())
    data = export_file(context, passphrase=passphrase)
    name = backup_file_name(context)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(data, media_type="application/octet-stream", headers=headers)


# -- what others need, too -----------------------------------------------------------------------------


def need_free_choice(house: House) -> None:
    """Refuse to serve another identity where this process is for one, or changes the machine of the one
    that it serves: its lock, which keeps others from changing the same, would be let go.

    Raises:
        Misuse: ``bad-argument``, ``already-running``.
    """
    supervisor = house.supervisor
    if supervisor.pinned:
        raise Misuse(
            "bad-argument",
            f"this {supervisor.command} serves {supervisor.profile.directory} and no other",
            hint="end it, and start tw dashboard without --context",
        )
    need_idle_machine(house)


async def choose_context(house: House, context: Context) -> tuple[bool, acts.Switch]:
    """Serve it from now on, and have commands work on it: both, or none. Returns whether a role was ended
    for it.

    Raises:
        Misuse: ``already-running`` when another process serves it; ``bad-argument``, ``no-such-name``,
            ``state-not-written``.
    """
    before = house.profile
    ended = await serve_context(house, context)
    try:
        return ended, await asyncio.to_thread(acts.use_context, house.contexts, context)
    except TwError:
        with contextlib.suppress(TwError):  # what is served and what is active stay the same
            await _switch(house, before)
        raise


async def serve_context(house: House, context: Context) -> bool:
    """Serve it from now on; returns whether a role was ended for it.

    Raises:
        Misuse: ``already-running`` when another process serves it; ``bad-argument``.
    """
    if context.profile == house.profile:
        return False
    ended = house.supervisor.status.state in _AT_WORK
    await _switch(house, context.profile)
    return ended


async def _switch(house: House, profile: Profile) -> None:
    await house.supervisor.switch(profile)
    if house.doors is not None:
        house.doors.follow_identity()


def context_document(house: House, context: Context) -> ContextDocument:
    """One of them, as it is now."""
    chosen = house.contexts.chosen()
    active = chosen is not None and chosen.id == context.id
    return _of_row(house, ContextRow(context, about(context), active, who_runs(context.profile)))


def running_value(value: object) -> RunningValue | None:
    """As ``ContextRow.to_json`` has it."""
    return RunningValue(**value) if isinstance(value, dict) else None


def _of_row(house: House, row: ContextRow) -> ContextDocument:
    value = row.to_json()
    return ContextDocument(
        **{name: value[name] for name in ("id", "name", "role", "relay", "directory", "created", "active")},
        what=str(row.about),
        here=row.context.profile == house.profile,
        running=running_value(value["running"]),
        fault=None if row.about.fault is None else str(row.about.fault),
    )
