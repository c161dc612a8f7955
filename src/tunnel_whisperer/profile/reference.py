"""The reference page of config.yaml, generated from the schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING
from typing import Any

from .schema import MODES, Config, Declared, Many, Pairs, Section, declared

__all__ = ["render_reference"]

_HEAD = """# config.yaml

Fields that are not named have their default. A field that is not listed here is refused, with its line.
Written by `tw`; a person may edit it, comments are lost when `tw` writes it again. A field that is set
although it has no effect, because it is for another mode or reserved for what is to come, is told by a
warning when the role starts.
"""


def render_reference() -> str:
    """docs/reference/config.md as a whole."""
    plain = [row for row in declared(Config) if not isinstance(row.shape, Section)]
    parts = [_HEAD, *_table(plain, "")]
    for row in declared(Config):
        if isinstance(row.shape, Section):
            used = "" if row.shape.modes == MODES else f" (mode {', '.join(row.shape.modes)})"
            parts += [f"\n## {row.name}\n", f"{row.meaning[0].upper()}{row.meaning[1:]}{used}.\n"]
            parts += _table(list(declared(row.shape.cls)), f"{row.name}.")
    return "\n".join(parts) + "\n"


def _table(rows: list[Declared], prefix: str) -> Iterator[str]:
    yield "| field | value | default | meaning |\n|---|---|---|---|"
    for row in rows:
        yield from _lines(row, prefix)


def _lines(row: Declared, prefix: str) -> Iterator[str]:
    match row.shape:
        case Many(cls=cls):
            yield f"| `{prefix}{row.name}` | a list | none | {row.meaning} |"
            for entry in declared(cls):
                yield from _lines(entry, f"{prefix}{row.name}[].")
        case Pairs(key=key, value=value):
            yield f"| `{prefix}{row.name}` | {key.says}: {value.says} | none | {row.meaning} |"
        case Section():
            raise AssertionError("sections are not nested")
        case kind:
            yield f"| `{prefix}{row.name}` | {kind.says} | {_default(row.default)} | {_meaning(row)} |"


def _meaning(row: Declared) -> str:
    used = f" (mode {', '.join(row.modes)})" if row.modes else ""
    reserved = f"; reserved for {row.reserved_for}, has no effect yet" if row.reserved_for else ""
    fixed = f"; not by `tw config set`: {row.fixed[0]}" if row.fixed is not None else ""
    return f"{row.meaning}{used}{reserved}{fixed}"


def _default(value: Any) -> str:
    if value is MISSING:
        return "must be given"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value else "none"
