"""Changes of several steps to the contexts of a machine: all of them happen, or none.

    <base>/contexts/<id>/          an identity of its own
    <base>/contexts/current        the id of the active one, or ``base``
    <base>/contexts/pending.json   a change that is decided; the next command completes it
    <base>/contexts/.new-<id>/     being made; counts for nothing until a change takes it up
    <base>/contexts/.old-<id>/     being removed

The moment at which ``pending.json`` appears is the moment of the change. Each step after it can be
done again, so whoever finds the file carries on where a killed process stopped.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..base.errors import Misuse
from .files import remove_file, write_file
from .places import IDENTITY, Profile

__all__ = ["BASE_ID", "ID", "Change", "carry_out", "complete", "contexts_of", "is_unfinished", "staged"]

BASE_ID = "base"
"""Of the identity in the base directory itself."""

ID = re.compile(r"[0-9a-f]{6}")
_LEFT = re.compile(r"\.(new|old)-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be."""

    add: str = ""
    """Id of a directory that was staged."""
    remove: str = ""
    """Id."""
    current: str | None = None
    """Id to become active; empty: none is chosen any more; None: that stays as it is."""


def contexts_of(base: Path) -> Path:
    """Where the further identities of a machine are."""
    return base / "contexts"


def staged(base: Path, context_id: str) -> Path:
    """Where a new identity is put together."""
    return contexts_of(base) / f".new-{context_id}"


def is_unfinished(base: Path) -> bool:
    """Whether ``complete`` has something to do, as far as one can see from here."""
    try:
        names = [path.name for path in contexts_of(base).iterdir()]
    except OSError:
        return False
    return any(name == "pending.json" or _LEFT.fullmatch(name) for name in names)


def carry_out(base: Path, change: Change) -> None:
    """Decide and do it. Under the lock of the contexts.

    Raises:
        Misuse: ``state-not-written``.
    """
    write_file(contexts_of(base) / "pending.json", json.dumps({"format": 1, **asdict(change)}))
    complete(base)


def complete(base: Path) -> None:
    """Finish what was decided, and remove what was only begun. Under the lock of the contexts.

    Raises:
        Misuse: ``state-not-written``, ``bad-record``.
    """
    contexts = contexts_of(base)
    pending = contexts / "pending.json"
    change = _decided(pending)
    try:
        if change is not None:
            _apply(base, change)
            remove_file(pending)
        for path in contexts.iterdir():
            if _LEFT.fullmatch(path.name):
                shutil.rmtree(path)
    except OSError as exc:
        raise Misuse(
            "state-not-written",
            f"{exc.strerror or exc}; the next command carries on from here",
            where=str(exc.filename or contexts),
            hint="check free space and permissions",
        ) from exc


def _decided(pending: Path) -> Change | None:
    try:
        found: Any = json.loads(pending.read_bytes())
        if found.pop("format") != 1:
            raise ValueError
        change = Change(**found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        change = Change(add="?")
    if not all(
        x in ("", BASE_ID) or ID.fullmatch(str(x)) for x in (change.add, change.remove, change.current or "")
    ):
        raise Misuse(
            "bad-record",
            "this note of a change that was interrupted cannot be read",
            where=str(pending),
            hint="remove it, then look at tw list contexts",
        )
    return change


def _apply(base: Path, change: Change) -> None:
    contexts = contexts_of(base)
    if change.add and staged(base, change.add).exists():
        staged(base, change.add).rename(contexts / change.add)
    if change.remove == BASE_ID:
        _empty(Profile(base))
    elif change.remove and (contexts / change.remove).exists():
        (contexts / change.remove).rename(contexts / f".old-{change.remove}")
    if change.current:
        write_file(contexts / "current", f"{change.current}\n")
    elif change.current is not None:
        remove_file(contexts / "current")


def _empty(profile: Profile) -> None:
    """Remove an identity out of a directory that stays; config.yaml first, without which it is none."""
    for name in IDENTITY:
        path = profile.directory / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
