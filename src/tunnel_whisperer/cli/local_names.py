"""Names of what is on this machine, read in a millisecond, for a shell that waits for them.

Files are looked at, not understood: nothing is checked, locked or mended, and what cannot be read
has no names. Only names that mean nothing to any shell are told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["local_names"]

_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}\Z", re.ASCII)
_MOST = 1000
"""Names that are told: nobody chooses from more."""
_MAX_BYTES = 256 * 1024
"""Read of one file."""


def local_names(kind: str, base: Path) -> list[str]:
    """Names of one kind in alphabetical order.

    Args:
        kind: ``user``, ``server``, ``app`` or ``context``; of anything else there are none.
        base: where the identities of this machine are.
    """
    try:
        if kind == "context":
            names = _contexts(base)
        elif kind == "user":
            names = [path.name for path in (_active(base) / "users").iterdir()]
        elif kind == "server":
            names = [path.stem for path in (_active(base) / "servers").iterdir() if path.suffix == ".json"]
        elif kind == "app":
            names = _apps(_text(_active(base) / "apps.yaml"))
        else:
            names = []
    except (OSError, ValueError):
        return []
    return sorted({name for name in names if _HARMLESS.match(name)})[:_MOST]


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES).decode("utf-8", "replace")


def _active(base: Path) -> Path:
    """The directory of the active context."""
    try:
        chosen = _text(base / "contexts" / "current").strip()
    except OSError:
        return base
    return base / "contexts" / chosen if re.fullmatch(r"[0-9a-f]{6}", chosen) else base


def _contexts(base: Path) -> list[str]:
    names = ["base"] if (base / "config.yaml").exists() else []
    for directory in (base, *_inside(base / "contexts")):
        try:
            name = json.loads(_text(directory / "context.json"))["name"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            if directory != base and directory.is_dir():
                names.append(directory.name)
        else:
            names.append(str(name))
    return names


def _inside(folder: Path) -> Iterable[Path]:
    try:
        return [path for path in folder.iterdir() if re.fullmatch(r"[0-9a-f]{6}", path.name)]
    except OSError:
        return []


def _apps(text: str) -> list[str]:
    """The keys below ``apps:``: all that are indented as the first of them is."""
    names: list[str] = []
    indent = ""
    below = False
    for line in text.splitlines():
        if re.match(r"apps\s*:", line):
            below = True
        elif below and re.match(r"\S", line) and not line.startswith("#"):
            below = False
        elif below and (found := re.match(r"( +)([^\s:#'\"-][^\s:]*)\s*:\s*(#.*)?$", line)):
            indent = indent or found[1]
            if found[1] == indent:
                names.append(found[2])
    return names
