"""A file that somebody sent or kept becomes an identity of this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from fastapi import APIRouter, File, Form, UploadFile

from ...base.values import Secret
from ...bundle import BundleContents
from ...daemon.changes import Topic
from ...operations.importing import Outcome, connect_file, import_contents, open_contents
from ...profile import Context
from ..house import House, InHouse
from ..models.contexts import ImportedDocument
from .contexts import choose_context, context_document, need_free_choice
from .role import Mode

__all__ = ["FileWish", "router", "take_file"]

router = APIRouter(tags=["contexts"])

_WORDS: dict[Outcome, Literal["imported", "updated", "newer-here"]] = {
    Outcome.IMPORTED: "imported",
    Outcome.UPDATED: "updated",
    Outcome.NEWER_HERE: "newer-here",
}


@dataclass(frozen=True, slots=True)
class FileWish:
    """What is to become of a file."""

    file_name: str
    """For messages."""
    passphrase: Secret | None = None
    here: bool = False
    """Make the identity that is served out of it, or bring it up to date: a client's file."""
    name: str | None = None
    """Of the context; None: the user, the server's id or the relay."""
    activate: bool = False
    force: bool = False


@router.post("/imports", status_code=201)
async def import_file(
    house: InHouse,
    file: Annotated[UploadFile, File(description="A client's file, or the backup of a context.")],
    passphrase: Annotated[str, Form(max_length=1024, description="Of a file that is encrypted.")] = "",
    here: Annotated[
        bool,
        Form(description="Make the identity that is served out of it, or bring it up to date: a client's."),
    ] = False,
    name: Annotated[str, Form(max_length=63, description="Of the context; its own, if left out.")] = "",
    activate: Annotated[
        bool, Form(description="Serve it; the first one of a machine is served anyway.")
    ] = False,
    force: Annotated[
        bool, Form(description="Replace the context that is this identity, or has this name.")
    ] = False,
) -> ImportedDocument:
    """Make a context out of a file; a newer file of the same client brings its context up to date."""
    wish = FileWish(
        (file.filename or "the file")[:100],
        Secret(passphrase) if passphrase else None,
        here=here,
        name=name or None,
        activate=activate,
        force=force,
    )
    return await take_file(house, await file.read(), wish)


async def take_file(house: House, data: bytes, wish: FileWish) -> ImportedDocument:
    """Open it, check it, and make an identity of it.

    Args:
        data: of the file.

    Raises:
        TwError: then nothing was changed; but for ``already-running`` of a context that was to be served
            then: that one has what is new, and another process serves it.
    """
    contents = await asyncio.to_thread(open_contents, data, wish.file_name, wish.passphrase)
    if wish.here:
        return await _install(house, contents, wish)
    first = await asyncio.to_thread(house.contexts.chosen) is None
    if first or wish.activate:
        need_free_choice(house)
    done = await asyncio.to_thread(
        import_contents,
        house.contexts,
        contents,
        wish.file_name,
        name=wish.name,
        force=wish.force,
    )
    if done.active or wish.activate:
        await choose_context(house, done.context)
    if done.outcome is not Outcome.NEWER_HERE:
        _apply(house, done.context)
    house.supervisor.changes.mark(Topic.CONTEXTS, Topic.STATUS, Topic.CONFIG)
    return ImportedDocument(
        outcome=_WORDS[done.outcome],
        words=done.outcome.value,
        role=cast(Mode, contents.config.mode),
        context=await asyncio.to_thread(context_document, house, done.context),
    )


async def _install(house: House, contents: BundleContents, wish: FileWish) -> ImportedDocument:
    """The identity that is served becomes the file's, or newer."""
    known = house.profile.config.exists()
    done = await asyncio.to_thread(connect_file, house.profile, contents, wish.file_name)
    outcome = Outcome.NEWER_HERE if done.newer_here else Outcome.UPDATED if known else Outcome.IMPORTED
    context = await asyncio.to_thread(_served, house)
    if outcome is not Outcome.NEWER_HERE:
        _apply(house, context)
    house.supervisor.changes.mark(Topic.CONTEXTS, Topic.STATUS, Topic.CONFIG)
    return ImportedDocument(
        outcome=_WORDS[outcome],
        words=outcome.value,
        role="client",
        context=await asyncio.to_thread(context_document, house, context),
    )


def _apply(house: House, context: Context) -> None:
    """Its role runs with what is new; whoever hands a client its file wants it to connect."""
    if context.profile == house.profile:
        house.supervisor.restart()


def _served(house: House) -> Context:
    found = house.contexts.survey()[0]
    return next(context for context in found if context.profile == house.profile)
