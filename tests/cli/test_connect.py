"""tw connect, up to the point where it dials."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.kit.command import Tw


@pytest.fixture
def bundle(server: Tw, tmp_path: Path) -> Path:
    server.ok("create", "user", "alice", "-m", "15432:5432", "-m", "10502:10.0.5.7:502")
    return tmp_path / "alice-tw-config.zip"


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"not a zip"])
def test_a_file_that_is_no_bundle_is_refused(content: bytes, tw: Tw, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert "x.zip" in tw.refused("bad-bundle", "connect", "x.zip")
    assert not (tmp_path / "new" / "config.yaml").exists()


def test_a_path_that_leaves_the_directory_is_refused(tw: Tw, bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr("../evil", "x")
    tw.refused("bad-bundle", "connect", str(bundle))
    assert not (tmp_path / "evil").exists()


def test_a_missing_file_is_named(tw: Tw) -> None:
    assert "gone.zip" in tw.refused("file-unreadable", "connect", "gone.zip")


def test_only_granted_targets_can_be_mapped(tw: Tw, bundle: Path) -> None:
    told = tw.refused("bad-argument", "connect", str(bundle), "--map", "9999:3306")
    assert "127.0.0.1:5432, 10.0.5.7:502" in told


def test_without_an_identity_it_says_what_to_do(tw: Tw) -> None:
    tw.refused("not-set-up", "connect")


def test_a_servers_directory_is_not_taken_over(server: Tw, bundle: Path, tmp_path: Path) -> None:
    before = (tmp_path / "server" / "config.yaml").read_text()
    result = server("connect", str(bundle))
    assert result.status == 2
    assert (tmp_path / "server" / "config.yaml").read_text() == before


def test_a_damaged_key_is_named_before_any_port_is_opened(tw: Tw, bundle: Path, tmp_path: Path) -> None:
    tw("connect", str(bundle), "--map", "9999:3306")  # imports it, and then fails
    (tmp_path / "new" / "id_ed25519").write_text("rubbish")
    assert "id_ed25519" in tw.refused("bad-key", "connect")


def test_a_taken_port_is_named(tw: Tw, bundle: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = tw.refused("port-in-use", "connect", str(bundle), "--map", f"{port}:5432")
        assert f"127.0.0.1:{port}" in told and "tw set-port 15432 OTHER" in told
