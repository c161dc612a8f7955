"""The identities of a machine: which there are, which one is active, and how that changes.

The base directory may hold one identity itself, which is all that most machines ever have. Further
ones, contexts, are in ``<base>/contexts/<id>/``; ``<base>/contexts/current`` names the active one,
and without it that is the base directory's own.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import Misuse
from .context_change import BASE_ID, ID, Change, carry_out, complete, contexts_of, is_unfinished, staged
from .files import ensure_directory, hold_lock, write_file
from .load import load_config
from .places import Profile, locked
from .running import running, who_runs
from .schema import Config

__all__ = ["Context", "Contexts", "check_context_name", "suggested_name"]

_FORMAT = 1
_MAX_NOTE_BYTES = 4096

_LEFT = (".lock", "run")
"""What every command makes that looks for an identity in vain."""


@dataclass(frozen=True, slots=True)
class Context:
    """One identity of this machine."""

    id: str
    """Six hexadecimal digits, or ``base``."""
    name: str
    profile: Profile
    created: float | None = None
    """Seconds since 1970; None when it was not made as a context."""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


def check_context_name(text: str) -> str:
    """``[a-z0-9][a-z0-9._-]{0,62}``, and not ``base``.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", text, re.ASCII):
        raise Misuse(
            "bad-argument",
            f"{text[:70]!r} is not the name of a context",
            hint="up to 63 lower-case letters, digits, dots, dashes and underscores, such as plant-7",
        )
    if text == BASE_ID:
        raise Misuse(
            "bad-argument", "base is how the first context of a machine is called anyway", hint="another name"
        )
    return text


def suggested_name(config: Config, public_line: str = "") -> str:
    """What an identity is called unless somebody chose a name: server id, user or relay domain.

    Args:
        public_line: of a client's key; its comment is the user.
    """
    name = config.server_id if config.mode == "server" else config.relay.domain
    if config.mode == "client":
        name = next(iter(public_line.split()[2:]), "").removesuffix("@tw")
    name = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")[:63]
    return config.mode if name in ("", BASE_ID) else name


def _name_of(profile: Profile) -> str:
    try:
        config = load_config(profile.config)
        public = profile.read(profile.public_key) if config.mode == "client" else b""
    except Misuse:
        return "unnamed"
    return suggested_name(config, public.decode("utf-8", "replace"))


class Contexts:
    """All identities of one machine.

    Args:
        base: its directory.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._folder = contexts_of(base)

    @classmethod
    def around(cls, profile: Profile) -> Contexts:
        """Those of the machine that this identity is one of."""
        directory = profile.directory
        base = directory.parent.parent
        return cls(
            base if ID.fullmatch(directory.name) and directory.parent == contexts_of(base) else directory
        )

    def survey(self, *, tidy: bool = True) -> tuple[list[Context], list[Misuse]]:
        """All of them, by name, the base directory's own first; and what is damaged, which is listed
        under its id.

        Args:
            tidy: complete a change that was interrupted, or wait for one that is under way; not for
                who holds the lock of a profile, which such a change may be waiting for.

        Raises:
            Misuse: ``state-not-written`` when a change that was interrupted cannot be completed.
        """
        if tidy:
            self._tidy()
        found: list[Context] = []
        faults: list[Misuse] = []
        base = Profile(self.base)
        if base.config.exists():
            found.append(self._noted(BASE_ID, base, faults))
        try:
            ids = sorted(x.name for x in self._folder.iterdir() if ID.fullmatch(x.name) and _is_one(x))
        except OSError:
            ids = []
        further = [self._noted(name, Profile(self._folder / name), faults) for name in ids]
        return found + sorted(further, key=lambda context: (context.name, context.id)), faults

    def _noted(self, context_id: str, profile: Profile, faults: list[Misuse]) -> Context:
        """A context as its context.json describes it."""
        path = profile.directory / "context.json"
        try:
            name, created = _read_note(path)
        except FileNotFoundError:
            if context_id == BASE_ID:
                return Context(BASE_ID, _name_of(profile), profile)
            why = "this file is missing"
        except OSError as exc:
            why = exc.strerror or "cannot be read"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, Misuse) as exc:
            why = exc.why if isinstance(exc, Misuse) else "this is no description of a context"
        else:
            return Context(context_id, name, profile, created)
        faults.append(Misuse("bad-record", why, where=str(path), hint=f"tw rename context {context_id} NAME"))
        return Context(context_id, context_id, profile)

    def active(self) -> Context | None:
        """The one that commands work on; None on a machine without any.

        Raises:
            Misuse: ``not-set-up`` when the chosen one is gone.
        """
        found = self.chosen()
        if found is None and (chosen := self._chosen()) != BASE_ID:
            raise Misuse(
                "not-set-up",
                f"the active context {chosen!r} is not there any more",
                where=str(self._folder),
                hint="tw list contexts, then tw use NAME",
            )
        return found

    def chosen(self) -> Context | None:
        """The active one; None on a machine without any, and when the chosen one is gone."""
        chosen = self._chosen()
        return next((context for context in self.survey()[0] if context.id == chosen), None)

    def active_profile(self) -> Profile:
        """The directory that commands work on; it may be empty.

        Raises:
            Misuse: ``not-set-up`` when the chosen one is gone.
        """
        if not (self._folder / "current").exists() and not is_unfinished(self.base):
            return Profile(self.base)
        active = self.active()
        return active.profile if active is not None else Profile(self.base)

    def _chosen(self) -> str:
        self._tidy()
        try:
            with (self._folder / "current").open("rb") as file:
                return file.read(64).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return BASE_ID
        except OSError as exc:
            raise Misuse(
                "file-unreadable", exc.strerror or "cannot be read", where=str(self._folder / "current")
            ) from exc

    def find(self, word: str) -> Context:
        """The one with this name, this id, or the only one whose id begins so.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument`` when it may be several.
        """
        every = self.survey()[0]
        found = [context for context in every if context.name == word]
        found = found or [context for context in every if context.id == word]
        found = found or [context for context in every if word and context.id.startswith(word)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Misuse(
                "bad-argument",
                f"{word[:70]!r} may be " + " or ".join(str(context) for context in found),
                hint="say which by its id, in brackets",
            )
        close = difflib.get_close_matches(word, [context.name for context in every], n=1)
        raise Misuse(
            "no-such-name",
            f"there is no context {word[:70]!r}",
            where=str(self.base),
            hint=f"{close[0]}" if close else "tw list contexts",
        )

    def create(
        self,
        name: str,
        fill: Callable[[Profile], object] | None = None,
        *,
        activate: bool,
        replaces: Context | None = None,
    ) -> Context:
        """A further identity, there as a whole or not at all.

        Args:
            fill: writes what is to be in it; may raise.
            activate: from now on commands work on it.
            replaces: is removed in the same moment; the new one is active if this was.

        Raises:
            Misuse: ``bad-argument``, ``exists``, ``already-running`` for what is replaced,
                ``state-not-written``.
        """
        check_context_name(name)
        with self._changing():
            every = self.survey()[0]
            self._must_be_free(name, every, replaces)
            ids = {context.id for context in every}
            context_id = next(x for x in iter(lambda: secrets.token_hex(3), "") if x not in ids)
            was_active = replaces is not None and self._chosen() == replaces.id
            current = context_id if activate or was_active else None
            with _nobody_uses(replaces):
                with self._staged(context_id) as profile:
                    if fill is not None:
                        fill(profile)
                    _write_note(profile.directory, context_id, name, time.time())
                # No look at the contexts in between: it would sweep away what is only staged.
                carry_out(self.base, Change(context_id, replaces.id if replaces else "", current))
            return self._again(context_id)

    @contextlib.contextmanager
    def _staged(self, context_id: str) -> Iterator[Profile]:
        place = staged(self.base, context_id)
        try:
            ensure_directory(place)
            yield Profile(place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def _again(self, context_id: str) -> Context:
        """As it is now: what a caller holds may have been changed by another process."""
        for context in self.survey()[0]:
            if context.id == context_id:
                return context
        raise Misuse(
            "no-such-name",
            f"the context {context_id} is not there any more",
            where=str(self.base),
            hint="tw list contexts",
        )

    def use(self, context: Context) -> None:
        """From now on commands work on this one; what runs goes on as it is.

        Raises:
            Misuse: ``no-such-name``, ``state-not-written``.
        """
        with self._changing():
            self._again(context.id)
            write_file(self._folder / "current", f"{context.id}\n")

    def rename(self, context: Context, name: str) -> Context:
        """Give it another name; its id stays.

        Raises:
            Misuse: ``bad-argument``, ``exists``, ``no-such-name``, ``state-not-written``.
        """
        check_context_name(name)
        with self._changing():
            context = self._again(context.id)
            self._must_be_free(name, self.survey()[0], context)
            _write_note(context.profile.directory, context.id, name, context.created)
            return self._again(context.id)

    def delete(self, context: Context) -> None:
        """Remove an identity with all that belongs to it.

        Raises:
            Misuse: ``bad-argument`` for the active one while there are others, ``already-running``,
                ``no-such-name``, ``state-not-written``.
        """
        with self._changing():
            context = self._again(context.id)
            self.check_deletable(context)
            current = "" if self._chosen() == context.id else None
            with _nobody_uses(context):
                carry_out(self.base, Change(remove=context.id, current=current))

    def check_deletable(self, context: Context) -> None:
        """Whether ``delete`` would do it, as things stand.

        Raises:
            Misuse: ``bad-argument``, ``already-running``.
        """
        others = [x for x in self.survey()[0] if x.id != context.id]
        if others and self._chosen() == context.id:
            raise Misuse(
                "bad-argument",
                f"{context} is the active context",
                where=str(self.base),
                hint="first " + " or ".join(f"tw use {x.name}" for x in others[:3]),
            )
        if (who := who_runs(context.profile)) is not None:
            raise Misuse(
                "already-running", f"{who} serves {context}", where=str(self.base), hint="stop it first"
            )

    @staticmethod
    def _must_be_free(name: str, every: list[Context], besides: Context | None) -> None:
        for context in every:
            if context.name == name and (besides is None or context.id != besides.id):
                raise Misuse("exists", f"there is a context {context} already", hint="choose another name")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        ensure_directory(self.base)
        ensure_directory(self._folder)
        with hold_lock(self._folder / ".lock"):
            complete(self.base)
            yield

    def _tidy(self) -> None:
        """Carry on where a killed process stopped, or wait for one that is at it."""
        if is_unfinished(self.base):
            with self._changing():
                pass


@contextlib.contextmanager
def _nobody_uses(context: Context | None) -> Iterator[None]:
    """No role runs with this identity, nor begins to, and nobody changes it."""
    if context is None:
        yield
    elif sys.platform == "win32":  # a directory with an open file in it cannot be moved there
        with running(context.profile, "tw"):
            pass
        yield
    else:
        with running(context.profile, "tw"), locked(context.profile):
            yield


def _is_one(directory: Path) -> bool:
    """Not what a command left that waited for its turn while the context was deleted."""
    try:
        return any(path.name not in _LEFT for path in directory.iterdir())
    except NotADirectoryError:
        return False
    except OSError:  # what cannot be looked into is listed with that as its fault
        return True


def _write_note(directory: Path, context_id: str, name: str, created: float | None) -> None:
    note = {"format": _FORMAT, "id": context_id, "name": name, "created": created}
    write_file(directory / "context.json", json.dumps(note, indent=2) + "\n")


def _read_note(path: Path) -> tuple[str, float | None]:
    with path.open("rb") as file:
        note: Any = json.loads(file.read(_MAX_NOTE_BYTES))
    version = note["format"]
    if type(version) is not int or version < 1:
        raise ValueError
    if version > _FORMAT:
        raise Misuse("bad-record", f"written by a newer tw (format {version}, this one reads {_FORMAT})")
    created = note["created"]
    if created is not None and (type(created) not in (int, float) or not 0 <= created < 253402300800):
        raise ValueError
    return check_context_name(note["name"]), created
