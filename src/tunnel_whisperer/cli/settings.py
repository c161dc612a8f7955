"""What the commands that change config.yaml share."""

from __future__ import annotations

import sys

from ..operations.settings import SettingsChange

__all__ = ["tell_running"]


def tell_running(change: SettingsChange) -> None:
    """Name the process that goes on as before, if there is one."""
    if change.restart is not None:
        print(f"tw: {change.restart} goes on as before: start it again to apply this", file=sys.stderr)
