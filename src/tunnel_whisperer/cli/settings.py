"""What the commands that change config.yaml share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from ..audit import note
from ..daemon.relay_root import check_relay
from ..daemon.roles import need_role
from ..profile import Config, Profile, load_config, locked, save_config, who_runs
from .place import configured

__all__ = ["change_settings"]


def change_settings(
    args: argparse.Namespace, change: Callable[[Config], Config], *, role: str = ""
) -> tuple[Config, Config]:
    """Change config.yaml as a whole or not at all; a process that runs is named, for it goes on as before.

    Args:
        change: makes the new configuration; may raise.
        role: that the identity must have; empty: any.

    Returns:
        The configuration of before and the one of now; they are equal where nothing changed.

    Raises:
        TwError: the change is refused, or cannot be written: then the old file stands.
    """
    profile, config = configured(args)
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
    if changed and after.mode != "client":
        note(profile, "identity-changed", fields=changed)
    if changed:
        _tell_running(profile)
    return before, after


def _tell_running(profile: Profile) -> None:
    if (who := who_runs(profile)) is not None:
        print(f"tw: {who} goes on as before: start it again to apply this", file=sys.stderr)
