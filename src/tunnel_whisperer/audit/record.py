"""One record: a line of JSON that holds the hash of the line before it, and its own.

    {"event":..,"fields":{..},"hash":..,"prev":..,"seq":..,"time":..,"who":..}

Canonical: keys sorted, no spaces, ASCII. ``hash`` is the SHA-256, in hex, of the same line without
``hash``. ``seq`` counts up by one from 1, over all files; ``prev`` of the first is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..base.audit_events import AUDIT_EVENTS, AuditValue
from ..base.limits import MAX_AUDIT_ITEMS, MAX_AUDIT_TEXT_CHARS
from ..base.redact import redact

__all__ = ["START", "Note", "Record", "clean", "stamp"]

START = "0" * 64
"""``prev`` of the first record."""

_KEYS = frozenset({"event", "fields", "hash", "prev", "seq", "time", "who"})


def stamp(at: float) -> str:
    """Unix time as it stands in a record: UTC, milliseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def clean(text: str) -> str:
    """A text as a record holds it: bounded, without secrets, and as UTF-8 can carry it."""
    return redact(text.encode("utf-8", "replace").decode()[:MAX_AUDIT_TEXT_CHARS])


def _clean_value(value: AuditValue) -> AuditValue:
    match value:
        case str():
            return clean(value)
        case list():
            return [clean(item) for item in value[:MAX_AUDIT_ITEMS]]
    return value


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be recorded."""

    event: str
    """Key of ``AUDIT_EVENTS``."""
    who: str
    """See ``base.audit_events.Audit``."""
    at: float
    """Unix time, seconds."""
    fields: Mapping[str, AuditValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.event in AUDIT_EVENTS, f"unknown audit event {self.event!r}"

    def record(self, seq: int, prev: str) -> Record:
        """The record that comes behind ``prev``."""
        fields = {name: _clean_value(value) for name, value in self.fields.items()}
        return Record(seq, stamp(self.at), self.event, clean(self.who), fields, prev)


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


@dataclass(frozen=True, slots=True)
class Record:
    """What was recorded."""

    seq: int
    time: str
    event: str
    who: str
    fields: Mapping[str, Any]
    prev: str
    """Hash of the record before it."""

    def _content(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "fields": dict(self.fields),
            "prev": self.prev,
            "seq": self.seq,
            "time": self.time,
            "who": self.who,
        }

    @property
    def hash(self) -> str:
        """SHA-256 over all of it, in hex."""
        return hashlib.sha256(_canonical(self._content())).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {**self._content(), "hash": self.hash}

    def line(self) -> bytes:
        """The line in the file, with its end."""
        return _canonical(self.to_json()) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """The record in a line, with or without its end.

        Raises:
            ValueError: in words: it is none, or its hash does not fit.
        """
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError("is not a record") from None
        if not isinstance(value, dict) or value.keys() != _KEYS or not isinstance(value["fields"], dict):
            raise ValueError("is not a record")
        if type(value["seq"]) is not int or not all(
            isinstance(value[key], str) for key in ("event", "hash", "prev", "time", "who")
        ):
            raise ValueError("is not a record")
        record = cls(
            value["seq"], value["time"], value["event"], value["who"], value["fields"], value["prev"]
        )
        if record.hash != value["hash"]:
            raise ValueError("was changed: its hash does not fit what it says")
        if record.line().rstrip(b"\n") != line.rstrip(b"\n"):
            raise ValueError("was changed: it is not written as tw writes it")
        return record
