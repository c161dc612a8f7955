"""The files of the project, as the tests of this folder look at them."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "ROOT", "SRC", "modules", "parsed", "python_files", "text_files"]

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "tunnel_whisperer"
PACKAGE = "tunnel_whisperer"
_NOT_OURS = {".git", "site", "build", "dist", "__pycache__"}


def _walk(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        # Environments and caches have a dot in front; .ci is ours.
        names[:] = [name for name in names if name not in _NOT_OURS and (name[0] != "." or name == ".ci")]
        yield from (Path(folder, file) for file in sorted(files))


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file of the project with its content."""
    for path in _walk(ROOT):
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def python_files(*folders: str) -> Iterator[Path]:
    """Python files under these folders of the project, relative to it."""
    for folder in folders:
        for path in _walk(ROOT / folder):
            if path.suffix == ".py":
                yield path.relative_to(ROOT)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file of the project."""
    text = (ROOT / path).read_text(encoding="utf-8")
    try:
        return ast.parse(text, str(path))
    except SystemError:  # CPython 3.11 miscounts when a finaliser runs in the middle (cpython#106905)
        return ast.parse(text, str(path))


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package: its dotted name and its file."""
    for path in python_files("src"):
        parts = path.with_suffix("").parts[1:]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path
