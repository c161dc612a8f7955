"""A file that somebody sent or kept: opened, checked, and made an identity of this machine.

The same for a user's file and for the backup of a context; each says itself which it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from ..audit import note
from ..base.errors import Misuse
from ..base.limits import MAX_BACKUP_BYTES
from ..base.values import Secret
from ..bundle import BundleContents, decrypt, install_backup, install_bundle, is_encrypted, open_any
from ..profile import Config, Context, Contexts, Profile, Running, check_context_name, suggested_name
from ..tenancy import check_signed_role
from .context_about import still_served

__all__ = [
    "MAX_FILE_BYTES",
    "Connected",
    "Imported",
    "Outcome",
    "check_client_file",
    "connect_file",
    "import_contents",
    "open_contents",
]

MAX_FILE_BYTES = 2 * MAX_BACKUP_BYTES
"""No file of ours is larger, encrypted or not."""

_OWN_KEY = {"relay": "ssh_host_ed25519_key", "server": "id_ed25519", "client": "id_ed25519"}
"""The key that makes an identity the one that it is."""


class Outcome(Enum):
    """What became of the file."""

    IMPORTED = "imported"
    UPDATED = "brought up to date"
    NEWER_HERE = "left as it was, which is newer than the file"


@dataclass(frozen=True, slots=True)
class Imported:
    """A context that a file made or changed."""

    context: Context
    outcome: Outcome
    active: bool
    """Whether commands work on it now."""
    still_served: Running | None
    """The process that goes on with the context of before, until it is stopped."""
    before: Context | None
    """The active one before."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A client, as a file made or changed it."""

    config: Config
    newer_here: bool
    """The file is older than what is here, which is used."""


def open_contents(
    data: bytes, name: str, passphrase: Secret | None = None, *, leave_out: str = "the passphrase"
) -> BundleContents:
    """A client's file, or that of a context: checked as a whole. Nothing is written.

    Args:
        name: of the file, for messages.
        leave_out: how whoever calls takes a passphrase, for a hint.

    Raises:
        Misuse: ``bad-bundle``; ``wrong-passphrase``, also for an encrypted file without any;
            ``bad-argument`` when one was given for a file that is not encrypted.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Misuse("bad-bundle", "it is larger than any file of ours", where=name)
    if is_encrypted(data):
        if passphrase is None:
            raise Misuse(
                "wrong-passphrase",
                "this file is encrypted, and there is no passphrase to open it with",
                where=name,
                hint="ask for it whoever made the file",
            )
        with _naming(name):
            data = decrypt(data, passphrase.reveal())
    elif passphrase is not None:
        raise Misuse(
            "bad-argument",
            "this file is not encrypted, so it is not what the passphrase was made for",
            where=name,
            hint=f"ask who sent it, or leave {leave_out} out",
        )
    with _naming(name):
        return open_any(data)


def import_contents(
    contexts: Contexts,
    contents: BundleContents,
    source: str,
    *,
    name: str | None = None,
    activate: bool = False,
    force: bool = False,
) -> Imported:
    """Make a context out of a file; a newer file of the same user brings its context up to date.

    Args:
        contents: of ``open_contents``.
        source: name of the file, for messages.
        name: of the context; None: the user, the server's id or the relay.
        activate: switch to it; the first context of a machine is the active one anyway.
        force: replace the context that is this identity, or has this name.

    Raises:
        Misuse: ``exists``, ``bad-argument``, ``already-running`` for what is replaced, ``wrong-role``,
            ``state-not-written``; then nothing was changed.
    """
    if name is not None:
        check_context_name(name)
    before = contexts.chosen()
    activate = activate or before is None
    twin = _twin(contexts, contents)
    if twin is not None and contents.config.mode == "client" and not force:
        context, outcome = twin, _update(twin, contents, name)
    else:
        adding = _Adding(contexts, contents, source, twin, name, activate=activate, force=force)
        context, outcome = adding.add(), Outcome.IMPORTED
    if activate:
        contexts.use(context)
    now = contexts.chosen()
    active = now is not None and now.id == context.id
    return Imported(context, outcome, active, still_served(before, now or context), before)


def check_client_file(contents: BundleContents, name: str) -> None:
    """That a file makes a client.

    Raises:
        Misuse: ``wrong-role``.
    """
    if (mode := contents.config.mode) != "client":
        raise Misuse("wrong-role", f"this is the backup of a {mode}", where=name, hint="tw import FILE.zip")


def connect_file(profile: Profile, contents: BundleContents, name: str) -> Connected:
    """Make this identity the client that the file is for, or bring it up to date.

    Args:
        contents: of ``open_contents``.
        name: of the file, for messages.

    Raises:
        Misuse: ``wrong-role``; ``exists`` when there is another identity; ``state-not-written``.
    """
    check_client_file(contents, name)
    installed = install_bundle(profile, contents)
    return Connected(installed, installed.client.revision > contents.config.client.revision)


def _twin(contexts: Contexts, contents: BundleContents) -> Context | None:
    """The context that is this very identity already."""
    name = _OWN_KEY[contents.config.mode]
    for context in contexts.survey()[0]:
        try:
            if (context.profile.directory / name).read_bytes() == contents.files[name]:
                return context
        except OSError:
            continue
    return None


def _update(twin: Context, contents: BundleContents, name: str | None) -> Outcome:
    if name not in (None, twin.name):
        raise Misuse(
            "exists",
            f"{twin} is this identity",
            hint=f"tw rename context {twin.name} {name}, then again",
        )
    installed = install_bundle(twin.profile, contents)
    newer = installed.client.revision > contents.config.client.revision
    return Outcome.NEWER_HERE if newer else Outcome.UPDATED


@dataclass(frozen=True, slots=True)
class _Adding:
    """A context in the making."""

    contexts: Contexts
    contents: BundleContents
    source: str
    twin: Context | None
    name: str | None
    activate: bool
    force: bool

    def add(self) -> Context:
        name = self.name or self._usual_name()
        there = next((context for context in self.contexts.survey()[0] if context.name == name), None)
        if not self.force:
            _must_be_new(self.twin, there)
        context = self.contexts.create(name, self._fill, activate=self.activate, replaces=self.twin or there)
        if self.contents.config.mode != "client":  # a client keeps no record
            note(context.profile, "identity-changed", fields=["all, by tw import"])
        return context

    def _usual_name(self) -> str:
        if self.twin is not None:
            return self.twin.name
        public = self.contents.files.get("id_ed25519.pub", b"").decode("utf-8", "replace")
        return suggested_name(self.contents.config, public)

    def _fill(self, profile: Profile) -> None:
        if self.contents.config.mode == "client":
            install_bundle(profile, self.contents)
        else:
            install_backup(profile, self.contents)
        try:
            check_signed_role(self.contents.config, profile)
        except Misuse as exc:  # it is told of a directory that nobody will see
            exc.where = self.source
            raise
        if self.twin is not None:  # the same identity goes on with its record of what was done
            _keep_audit(self.twin.profile, profile)


def _must_be_new(twin: Context | None, there: Context | None) -> None:
    if twin is not None:
        raise Misuse(
            "exists",
            f"{twin} is this identity already, perhaps with newer records than the file's",
            hint=f"tw export context {twin.name}, then again with --force, which replaces it",
        )
    if there is not None:
        raise Misuse(
            "exists",
            f"there is a context {there} already, and it is another identity",
            hint="--name NAME keeps both, --force replaces that one",
        )


def _keep_audit(before: Profile, now: Profile) -> None:
    """The same files under both directories, until the old one goes."""
    if not before.audit.is_dir():
        return
    now.audit.mkdir(mode=0o700)
    for path in before.audit.iterdir():
        if path.is_file() and path.name != ".lock":
            try:
                os.link(path, now.audit / path.name)
            except OSError:  # a file system without links
                shutil.copy2(path, now.audit / path.name)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Complaints about what is in the file name it."""
    try:
        yield
    except Misuse as exc:
        if exc.where != name:
            exc.where = f"{name}: {exc.where}" if exc.where else name
        raise
