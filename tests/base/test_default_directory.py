from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.default_directory import default_directory

HOME = {"HOME": "/home/me"}


@pytest.mark.parametrize(
    ("env", "platform", "root", "expected"),
    [
        (HOME | {"TW_CONFIG_DIR": "/x/y"}, "linux", True, "/x/y"),
        (HOME | {"TW_CONFIG_DIR": ""}, "linux", True, "/etc/tw/config"),
        (HOME, "linux", False, "/home/me/.config/tw"),
        (HOME | {"XDG_CONFIG_HOME": "/cfg"}, "linux", False, "/cfg/tw"),
        (HOME | {"XDG_CONFIG_HOME": "relative"}, "linux", False, "/home/me/.config/tw"),
        (HOME, "darwin", False, "/home/me/Library/Application Support/tw"),
        (HOME, "darwin", True, "/etc/tw/config"),
        (HOME | {"APPDATA": "/roaming"}, "win32", False, "/roaming/tw"),
        (HOME, "win32", False, "/home/me/AppData/Roaming/tw"),
    ],
)
def test_where_an_identity_lives(env: dict[str, str], platform: str, root: bool, expected: str) -> None:
    assert default_directory(env, platform, root=root) == Path(expected)


def test_this_machine_has_a_place() -> None:
    assert default_directory().is_absolute()
