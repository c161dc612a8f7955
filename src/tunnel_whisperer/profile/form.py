"""What a field of config.yaml accepts, as a form for people asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import FLAG, Choice, Whole
from .schema import Declared, Many, Pairs, Section

__all__ = ["FieldForm", "field_form"]


@dataclass(frozen=True, slots=True)
class FieldForm:
    """One field."""

    kind: str
    """``flag choice number text list``."""
    says: str
    """What it accepts, in words."""
    choices: tuple[str, ...] = ()
    lowest: int | None = None
    highest: int | None = None


def field_form(row: Declared) -> FieldForm:
    """How a form asks for this field."""
    match row.shape:
        case Section() | Many():
            return FieldForm("list", "a list of fields")
        case Pairs(key=key, value=value):
            return FieldForm("list", f"{key.says}: {value.says}")
        case Choice(words=words):
            return FieldForm("choice", row.shape.says, words)
        case Whole(low=low, high=high):
            return FieldForm("number", row.shape.says, lowest=low, highest=high)
        case kind:
            return FieldForm("flag" if kind == FLAG else "text", kind.says)
