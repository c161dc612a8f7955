"""What forms about access have in common: ports as rows of fields, an end, and what was changed of them.

A form carries what it showed at first beside what is typed, in fields that begin with ``was_``. So only
the difference is asked for, as on the command line, and what somebody else changed meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..api.models.users import GrantDocument, GrantWish
from ..base.errors import Misuse
from .page import Form

__all__ = [
    "Row",
    "TypedEnd",
    "checked",
    "filled",
    "grant_wishes",
    "hidden_fields",
    "lost_and_new",
    "rows_of",
    "spaced",
    "spelled",
]

SPARE = 3
"""Empty rows below the ones that are filled."""
_MOST = 256
"""Rows of a form; a user has no more ports."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Row:
    """One port, as it is typed."""

    local: str = ""
    host: str = ""
    port: str = ""

    def __bool__(self) -> bool:
        return bool(self.local or self.host or self.port)


@dataclass(frozen=True, slots=True)
class TypedEnd:
    """Until when somebody is let in, as it is typed."""

    kind: str = "never"
    """``never``, ``until`` or ``for``."""
    until: str = ""
    """As a browser's field for a moment has it."""
    length: str = "7d"

    @classmethod
    def of(cls, form: Form) -> TypedEnd:
        """In a form."""
        return cls(form.text("ends", "never"), form.text("until"), form.text("length"))

    @property
    def text(self) -> str:
        """As ``--expires`` takes it.

        Raises:
            Misuse: ``bad-argument`` where there is none.
        """
        text = {"until": self.until, "for": self.length}.get(self.kind, "never")
        if not text:
            raise Misuse("bad-argument", "no end is set", hint="fill it in, or choose: no end")
        return text


def rows_of(form: Form, spare: int = SPARE) -> list[Row]:
    """The rows of a form that are filled, and some that are not."""
    columns = [form.columns(name) for name in ("local", "host", "port")]
    typed = [row for row in map(Row, *columns) if row]
    return spaced(typed, spare)


def spaced(rows: Sequence[Row], spare: int = SPARE) -> list[Row]:
    """With empty ones below."""
    return [*rows, *[Row()] * spare][:_MOST]


def filled(grants: Iterable[GrantDocument]) -> list[Row]:
    """Ports that are there, as rows."""
    return [Row(str(x.local_port), "" if x.host == "127.0.0.1" else x.host, str(x.port)) for x in grants]


def grant_wishes(rows: Iterable[Row]) -> list[GrantWish]:
    """The ports in rows; one number is enough for a port of the server itself.

    Raises:
        Misuse: ``bad-argument``, with the number of the row.
    """
    wishes = []
    for number, row in enumerate(rows, 1):
        if row:
            local, port = row.local or row.port, row.port or row.local
            if not local:
                raise Misuse(
                    "bad-argument", f"row {number} has no port", hint="write its number, such as 5432"
                )
            wishes.append(
                GrantWish(
                    local_port=_port(local, number),
                    host=row.host[:253] or "127.0.0.1",
                    port=_port(port, number),
                )
            )
    return wishes


def spelled(wish: GrantWish | GrantDocument) -> str:
    """``LOCAL:HOST:PORT``."""
    host = f"[{wish.host}]" if ":" in wish.host else wish.host
    return f"{wish.local_port}:{host}:{wish.port}"


def lost_and_new(was: Iterable[str], rows: Iterable[Row]) -> tuple[list[str], list[GrantWish]]:
    """What is to be taken back, and what to be given.

    Args:
        was: ports as they were shown, as ``spelled`` has them.

    Raises:
        Misuse: as ``grant_wishes``.
    """
    before = list(was)
    wishes = {spelled(wish): wish for wish in grant_wishes(rows)}
    return [text for text in before if text not in wishes], [
        wish for text, wish in wishes.items() if text not in before
    ]


def hidden_fields(form: Form) -> list[tuple[str, str]]:
    """All that was typed, for a form that asks once more."""
    return [
        (name, value)
        for name, value in form.data.multi_items()
        if isinstance(value, str) and name not in ("csrf", "sure", "back", "more")
    ]


def checked(model: type[M], **values: Any) -> M:
    """What is asked for, as the API takes it.

    Raises:
        Misuse: ``bad-argument``.
    """
    try:
        return model(**values)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Misuse("bad-argument", first["msg"], where=where) from None


def _port(text: str, number: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise Misuse("bad-argument", f"row {number}: {text[:20]!r} is not a port number from 1 to 65535")
    return int(text)
