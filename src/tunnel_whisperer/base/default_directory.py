"""Where the identities of a machine are, unless somebody says otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["SYSTEM_DIRECTORY", "default_directory"]

SYSTEM_DIRECTORY = Path("/etc/tw/config")
"""Root's."""


def default_directory(
    environ: Mapping[str, str] | None = None, platform: str = sys.platform, *, root: bool | None = None
) -> Path:
    """``TW_CONFIG_DIR``, else /etc/tw/config for root, else the platform's place for a user's files.

    Args:
        environ: of this process by default.
        platform: as ``sys.platform``.
        root: whether this is root; asked of the system by default.
    """
    env = os.environ if environ is None else environ
    if env.get("TW_CONFIG_DIR"):
        return Path(env["TW_CONFIG_DIR"]).expanduser()
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    if platform == "win32":
        return Path(env["APPDATA"]) / "tw" if env.get("APPDATA") else home / "AppData" / "Roaming" / "tw"
    if root is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        return SYSTEM_DIRECTORY
    if platform == "darwin":
        return home / "Library" / "Application Support" / "tw"
    base = env.get("XDG_CONFIG_HOME", "")
    # The XDG specification says that a relative path there is to be ignored.
    return (Path(base) if base.startswith("/") else home / ".config") / "tw"
