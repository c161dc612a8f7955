"""Strict JSON objects: bounded, each field named in its error, none unknown, none twice."""

from __future__ import annotations

import json
import uuid
from typing import Any, NoReturn

from ..base.errors import Misuse

__all__ = ["RecordReader", "format_record"]

FORMAT_VERSION = 1


def format_record(fields: dict[str, Any]) -> str:
    """The text of a record, for people, too."""
    return json.dumps({"format": FORMAT_VERSION, **fields}, indent=2, ensure_ascii=True) + "\n"


def _no_constants(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


class RecordReader:
    """One record; each ``take`` removes a field, ``end`` refuses what is left.

    Args:
        data: the file.
        limit: of its size, in bytes.
        code: of the errors.
        where: the file's name; may be empty.
        what: it is, for people.
    """

    def __init__(self, data: str | bytes, *, limit: int, code: str, where: str = "", what: str) -> None:
        self._code = code
        self._where = where
        self._what = what
        if len(data) > limit:
            self.fail("", f"more than {limit // 1024} KiB are no {what}")
        try:
            text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
            text.encode()
            self._fields = json.loads(text, object_pairs_hook=self._object, parse_constant=_no_constants)
        except Misuse:
            raise
        except (ValueError, RecursionError):
            self.fail("", f"this is no {what}")
        if not isinstance(self._fields, dict):
            self.fail("", f"this is no {what}")
        version = self.number("format", 1, 10**9)
        if version > FORMAT_VERSION:
            self.fail(
                "format",
                f"written by a newer tw (format {version}, this one reads {FORMAT_VERSION})",
                "update tw on this machine",
            )

    def fail(self, field: str, why: str, hint: str = "") -> NoReturn:
        raise Misuse(
            self._code,
            f"{field}: {why}" if field else why,
            where=self._where,
            hint=hint or f"use the {self._what} as tw wrote it",
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            self.fail("", "a field is there twice")
        return result

    def _take(self, name: str) -> Any:
        if name not in self._fields:
            self.fail(name, "is missing")
        return self._fields.pop(name)

    def has(self, name: str) -> bool:
        """Whether the field is there and not taken yet: for fields that older files do not have."""
        return name in self._fields

    def text(self, name: str, limit: int = 4096) -> str:
        """A string without surrogates."""
        value = self._take(name)
        if not isinstance(value, str):
            self.fail(name, "is not text")
        if len(value) > limit:
            self.fail(name, f"has more than {limit} characters")
        if any("\ud800" <= char <= "\udfff" for char in value):
            self.fail(name, "is not text")
        return value

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number in a range."""
        value = self._take(name)
        if type(value) is not int or not low <= value <= high:
            self.fail(name, f"is not a whole number from {low} to {high}")
        return value

    def moment(self, name: str) -> float:
        """Unix time in seconds, within the years that a date can have."""
        value = self._take(name)
        if type(value) not in (int, float) or not 0 <= value < 253402300800:
            self.fail(name, "is not a time in seconds since 1970")
        return float(value)

    def optional_moment(self, name: str) -> float | None:
        """The same, or null."""
        if name in self._fields and self._fields[name] is None:
            del self._fields[name]
            return None
        return self.moment(name)

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self._take(name)
        if type(value) is not bool:
            self.fail(name, "is not true or false")
        return value

    def uuid(self, name: str) -> uuid.UUID:
        """A UUID in its usual spelling."""
        text = self.text(name, 36)
        try:
            value = uuid.UUID(text)
        except ValueError:
            self.fail(name, "is not a UUID")
        if str(value) != text.lower():
            self.fail(name, "is not a UUID")
        return value

    def items(self, name: str, limit: int) -> list[Any]:
        """A list."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > limit:
            self.fail(name, f"is not a list of up to {limit}")
        return value

    def kind(self, expected: str) -> None:
        """What the file says that it is."""
        found = self.text("kind", 64)
        if found != expected:
            self.fail("kind", f"this is a {found!r}, not a {expected!r}")

    def end(self) -> None:
        """Nothing is left."""
        if self._fields:
            self.fail(min(self._fields)[:64], "is not a field of it")
