from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.profile.places import IDENTITY


def test_file_names_are_those_of_the_bundle_and_of_openssh(tmp_path: Path) -> None:
    p = Profile(tmp_path)
    names = [p.config, p.private_key, p.public_key, p.host_key, p.authorized_keys, p.ca_cert, p.ca_key,
             p.client_cert, p.client_key, p.users, p.servers, p.relay, p.lock_file]  # fmt: skip
    assert [path.name for path in names] == [
        "config.yaml", "id_ed25519", "id_ed25519.pub", "ssh_host_ed25519_key", "authorized_keys", "ca.crt",
        "ca.key", "client.crt", "client.key", "users", "servers", "relay", ".lock",
    ]  # fmt: skip


def test_every_place_goes_with_the_identity(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    places = [getattr(profile, name) for name, x in vars(Profile).items() if isinstance(x, property)]
    assert len(places) > 20
    assert {path.relative_to(tmp_path).parts[0] for path in places} - {".lock"} <= set(IDENTITY)


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
