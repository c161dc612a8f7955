"""config.yaml for people: each field with what it is, what it may be, and why it is not changed here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, is_dataclass
from typing import Any

from ..base.redact import redact
from ..profile import Config, FieldForm, field_form, settable_fields

__all__ = ["Setting", "plain_config", "settings_of"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One field, as a form shows it."""

    name: str
    """Dotted, as ``change_fields`` takes it."""
    meaning: str
    form: FieldForm
    value: Any
    """Of JSON; passwords are left out."""
    default: Any
    """The same; None: not set, or it must be given."""
    modes: tuple[str, ...]
    """Roles that use it."""
    applies: bool
    """Whether the role of this identity is one of them."""
    missing: bool
    """Whether the role cannot work before it is set."""
    has_secret: bool
    """Whether something is left out of ``value``, which is then nothing to send back."""
    reserved_for: str
    """What will use it; until then a value has no effect, and is refused."""
    fixed: tuple[str, str] | None
    """Why it is not changed here, and what does change it."""

    @property
    def settable(self) -> bool:
        """Whether a value that differs from the default is taken."""
        return self.applies and not self.reserved_for and self.fixed is None

    @property
    def words(self) -> str:
        """Why it is not settable, and what to do; empty where it is."""
        if self.fixed is not None:
            return f"not changed here: {self.fixed[0]} ({self.fixed[1]})"
        if not self.applies:
            return f"for a {' or a '.join(self.modes)}"
        if self.reserved_for:
            return f"reserved for {self.reserved_for}: it has no effect yet"
        return ""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "meaning": self.meaning,
            **asdict(self.form),
            "choices": list(self.form.choices),
            "value": self.value,
            "default": self.default,
            "modes": list(self.modes),
            "applies": self.applies,
            "missing": self.missing,
            "has_secret": self.has_secret,
            "settable": self.settable,
            "words": self.words,
        }


def settings_of(config: Config) -> list[Setting]:
    """Every field of the file, in its order; those of other roles included."""
    missing = config.missing()
    known = settable_fields()
    return [
        Setting(
            name,
            row.meaning,
            field_form(known[name]),
            shown := _plain(value),
            None if row.default is MISSING else _plain(row.default),
            modes,
            config.mode in modes,
            name in missing,
            shown != _plain(value, hide=False),
            row.reserved_for,
            row.fixed,
        )
        for name, row, modes, value in config.fields()
    ]


def plain_config(config: Config) -> dict[str, Any]:
    """The whole file as values of JSON, without what is secret; as ``tw config view --json`` gives it."""
    plain: dict[str, Any] = _plain(asdict(config))
    return plain


def _plain(value: Any, *, hide: bool = True) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(item, hide=hide) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, hide=hide) for item in value]
    if isinstance(value, str | uuid.UUID):
        return redact(str(value)) if hide else str(value)
    return value
