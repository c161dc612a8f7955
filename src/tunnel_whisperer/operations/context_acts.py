"""The identities of a machine: made, switched to, renamed, removed.

People name a context by its name, its id or the beginning of its id (``context_named``), programs by
its id (``context_of_id``): a name may look like the id of another.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import Misuse
from ..profile import Context, Contexts, Running, load_config
from .context_about import About, about, still_served

__all__ = [
    "DeletedContext",
    "Loss",
    "Switch",
    "context_loss",
    "context_named",
    "context_of_id",
    "create_context",
    "delete_context",
    "rename_context",
    "use_context",
]


@dataclass(frozen=True, slots=True)
class Switch:
    """From one context to another."""

    before: Context | None
    """None: this machine had none."""
    now: Context
    already: bool = False
    """It was the active one: nothing was done."""
    still_served: Running | None = None
    """The process that goes on with the one of before, until it is stopped."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a context."""

    context: Context
    about: About
    users: int
    """Of a server."""
    servers: int
    """Of a relay."""
    last: bool
    """It is the only one: tw begins from the start."""

    @property
    def what(self) -> str:
        """What it is, and who is in it."""
        what = [str(self.about)]
        for noun, count in (("user", self.users), ("enrolled server", self.servers)):
            if count:
                what.append(f"{count} {noun}{'s' if count > 1 else ''}")
        return ", ".join(what)

    @property
    def words(self) -> list[str]:
        """What deleting it does, a sentence each."""
        words = []
        if self.about.role or self.about.fault:
            words.append("Its keys and records are lost for good.")
        if self.about.elsewhere:
            words.append("The relay's machine goes on, and nobody can administer it any more.")
        if self.last:
            words.append("It is the only context: this resets tw on this machine.")
        return words


@dataclass(frozen=True, slots=True)
class DeletedContext:
    """What is left to do."""

    context: Context
    slot: str | None
    """The id of the server that it was, for which its relay still has a slot."""
    last: bool


def create_context(contexts: Contexts, name: str) -> Switch:
    """Make an empty context, and switch to it: its first role action gives it its role.

    Raises:
        Misuse: ``bad-argument``, ``exists``, ``state-not-written``.
    """
    before = contexts.chosen()
    now = contexts.create(name, activate=True)
    return Switch(before, now, still_served=still_served(before, now))


def use_context(contexts: Contexts, context: Context) -> Switch:
    """Switch to another context; what runs goes on with the one it was started with.

    Raises:
        Misuse: ``no-such-name`` when it is gone, ``state-not-written``.
    """
    before = contexts.chosen()
    already = before is not None and before.id == context.id
    if not already:
        contexts.use(context)
    return Switch(before, context, already, still_served(before, context))


def rename_context(contexts: Contexts, context: Context, name: str) -> Context:
    """Give a context another name; its id stays, and nobody but this machine sees either.

    Raises:
        Misuse: ``bad-argument``, ``exists``, ``no-such-name``, ``state-not-written``.
    """
    return contexts.rename(context, name)


def context_loss(contexts: Contexts, context: Context) -> Loss:
    """What ``delete_context`` would remove, if it may.

    Raises:
        Misuse: ``bad-argument`` for the active one while there are others; ``already-running``.
    """
    contexts.check_deletable(context)
    profile = context.profile
    return Loss(
        context,
        about(context),
        len(list(profile.users.glob("*/user.json"))),
        len(list(profile.servers.glob("*.json"))),
        [x.id for x in contexts.survey()[0]] == [context.id],
    )


def delete_context(contexts: Contexts, context: Context) -> DeletedContext:
    """Remove a context with its keys and records; the last one: everything, back to a fresh machine.

    Raises:
        Misuse: as ``context_loss``; ``no-such-name`` when it is gone, ``state-not-written``.
    """
    loss = context_loss(contexts, context)
    slot = _slot(loss)
    contexts.delete(context)
    return DeletedContext(context, slot, loss.last)


def context_of_id(contexts: Contexts, context_id: str) -> Context:
    """The context with exactly this id.

    Raises:
        Misuse: ``no-such-name``.
    """
    for context in contexts.survey()[0]:
        if context.id == context_id:
            return context
    raise Misuse(
        "no-such-name",
        f"there is no context with the id {context_id[:70]!r}",
        where=str(contexts.base),
        hint="tw list contexts",
    )


def context_named(contexts: Contexts, word: str | None) -> Context:
    """The context of that name or id, or the beginning of an id; None: the active one.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument`` when it may be several; ``not-set-up`` where there
            is none yet.
    """
    if word is not None:
        return contexts.find(word)
    active = contexts.active()
    if active is None:
        raise Misuse(
            "not-set-up", "there is nothing to export yet", where=str(contexts.base), hint="tw list contexts"
        )
    return active


def _slot(loss: Loss) -> str | None:
    """The id of a server that is enrolled somewhere."""
    if loss.about.role != "server" or not loss.about.relay:
        return None
    return load_config(loss.context.profile.config).server_id
