"""Changing config.yaml: as a whole or not at all, checked for the role, and noted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..daemon.relay_check import check_relay
from ..daemon.roles import need_role
from ..profile import Config, Profile, Running, change_field, load_config, locked, save_config, who_runs

__all__ = ["FILE_FIELDS", "SettingsChange", "change_fields", "change_settings"]

FILE_FIELDS = ("relay.cert", "relay.key")
"""Fields that name a file: by its whole path, for a relay is started from anywhere."""


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What became of config.yaml."""

    before: Config
    after: Config
    restart: Running | None = None
    """The process that goes on as before until it is started again; None: nobody has to."""

    @property
    def changed(self) -> tuple[str, ...]:
        """Dotted names of the fields that are different, of those that have an effect."""
        return self.after.changed_from(self.before)


def change_settings(
    profile: Profile, change: Callable[[Config], Config], *, role: str = ""
) -> SettingsChange:
    """Change config.yaml as a whole or not at all.

    Args:
        change: makes the new configuration; may raise.
        role: that the identity must have; empty: any.

    Raises:
        TwError: the change is refused, or cannot be written: then the old file stands.
    """
    config = load_config(profile.config)  # before the lock, which would make a directory
    if role:
        need_role(config, role, profile)
    with locked(profile):
        before = load_config(profile.config)
        after = change(before)
        if after.mode == "relay":
            check_relay(after.relay)
        if after != before:
            save_config(profile.config, after)
    changed = list(after.changed_from(before))
    if changed and after.mode != "client":  # a client keeps no record
        note(profile, "identity-changed", fields=changed)
    return SettingsChange(before, after, who_runs(profile) if changed else None)


def change_fields(profile: Profile, pairs: Iterable[tuple[str, str]]) -> SettingsChange:
    """Change fields by their names, all of them or none.

    Args:
        pairs: dotted name and value as typed; empty text is the field's default.

    Raises:
        Misuse: ``bad-argument`` with what is wrong, and ``change_settings``.
    """

    def change(config: Config) -> Config:
        for name, text in pairs:
            if text and name in FILE_FIELDS and not Path(text).is_absolute():
                raise Misuse(
                    "bad-argument",
                    f"{text[:70]!r} is not the whole path of a file",
                    where=name,
                    hint="write it from the root on, such as /etc/tw/relay.pem",
                )
            config = change_field(config, name, text)
        return config

    return change_settings(profile, change)
