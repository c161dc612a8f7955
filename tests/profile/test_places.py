from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile, default_directory

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


def test_file_names_are_those_of_the_bundle_and_of_openssh(tmp_path: Path) -> None:
    p = Profile(tmp_path)
    names = [p.config, p.private_key, p.public_key, p.host_key, p.authorized_keys, p.ca_cert, p.ca_key,
             p.client_cert, p.client_key, p.users, p.servers, p.relay, p.lock_file]  # fmt: skip
    assert [path.name for path in names] == [
        "config.yaml", "id_ed25519", "id_ed25519.pub", "ssh_host_ed25519_key", "authorized_keys", "ca.crt",
        "ca.key", "client.crt", "client.key", "users", "servers", "relay", ".lock",
    ]  # fmt: skip


def test_reading_tells_a_missing_file_from_an_unreadable_one(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with pytest.raises(Misuse, match="missing") as caught:
        profile.read(profile.host_key)
    assert caught.value.code == "not-set-up"
    assert caught.value.where == str(profile.host_key)
    assert caught.value.hint
    profile.host_key.mkdir()
    with pytest.raises(Misuse, match="Is a directory") as caught:
        profile.read(profile.host_key)
    assert caught.value.code == "file-unreadable"
    profile.config.write_bytes(b"x")
    assert profile.read(profile.config) == b"x"
