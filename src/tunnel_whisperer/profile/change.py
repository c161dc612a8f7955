"""Changing one field of a configuration by its name, as a person asks for it."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, replace
from typing import Any

from ..base.errors import Misuse
from .kinds import FieldFault, Scalar
from .schema import Config, Declared, Many, Pairs, Section, declared

__all__ = ["change_field", "settable_fields"]


def settable_fields() -> dict[str, Declared]:
    """Dotted names of the fields that ``change_field`` knows, those that it refuses included."""
    found: dict[str, Declared] = {}
    for row in declared(Config):
        if isinstance(row.shape, Section):
            found |= {f"{row.name}.{x.name}": x for x in declared(row.shape.cls)}
        else:
            found[row.name] = row
    return found


def change_field(config: Config, name: str, text: str) -> Config:
    """The configuration with one field changed; nothing stands for its default.

    Args:
        name: dotted, such as ``xray.transport``.
        text: as typed.

    Raises:
        Misuse: ``bad-argument``: there is no such field, it is not changed in this way, it would have
            no effect, or the value is none that it can have.
    """
    row = _find(name)
    if row.fixed is not None:
        why, way = row.fixed
        raise Misuse("bad-argument", f"{name} is not changed here: {why}", hint=way)
    value = row.default if not text else _parse(name, row, text)
    modes = {known: modes for known, _, modes, _ in config.fields()}[name]
    if value != row.default and config.mode not in modes:
        raise Misuse(
            "bad-argument",
            f"{name} is for a {' or a '.join(modes)}, and this is a {config.mode}: it would have no effect",
            hint="tw config view shows what this one uses",
        )
    if value != row.default and row.reserved_for:
        raise Misuse(
            "bad-argument",
            f"{name} is reserved for {row.reserved_for}: it would have no effect yet",
            hint="leave it as it is",
        )
    group, _, field = name.rpartition(".")
    if not group:
        return replace(config, **{field: value})
    return replace(config, **{group: replace(getattr(config, group), **{field: value})})


def _find(name: str) -> Declared:
    known = settable_fields()
    if name in known:
        return known[name]
    below = [full for full in known if full.startswith(f"{name}.")]
    if below:
        raise Misuse("bad-argument", f"{name} is a group of fields", hint=", ".join(below))
    listed = [group for group in ("client.tunnels", "client.port_overrides") if name.startswith(group)]
    if listed:
        return known[listed[0]]
    alone = [full for full in known if full.rpartition(".")[2] == name.rpartition(".")[2]]
    close = alone or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = close[0] if close else "tw config view --json lists all fields"
    raise Misuse("bad-argument", f"{name[:70]!r} is not a field of config.yaml", hint=hint)


def _parse(name: str, row: Declared, text: str) -> Any:
    assert not isinstance(row.shape, Section | Many | Pairs), "those are fixed"
    assert row.default is not MISSING, "so are those that must be given"
    try:
        return row.shape.parse(Scalar.typed(text, row.shape))
    except FieldFault as exc:
        raise Misuse("bad-argument", exc.why, where=name, hint=exc.hint or row.shape.says) from None
