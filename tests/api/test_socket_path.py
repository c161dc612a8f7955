"""Names of Unix sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tunnel_whisperer.api.socket_path import bind_socket, has_unix_sockets, short_path, socket_of
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile


def test_a_long_name_is_made_short_for_as_long_as_it_is_needed(tmp_path: Path) -> None:
    assert has_unix_sockets()
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    path = socket_of(Profile(directory))
    path.parent.mkdir()
    with bind_socket(path) as listening, short_path(path) as name:
        listening.listen()
        assert len(name) < 100 and os.path.samefile(os.path.dirname(name), path.parent)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(name)
    assert not os.path.exists(name)
    with short_path(tmp_path / "a") as same:
        assert same == str(tmp_path / "a") or len(str(tmp_path)) > 98


def test_where_there_is_no_such_way_the_directory_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(Misuse, match="too long"), short_path(tmp_path / ("x" * 120) / "api.sock"):
        pass
