from __future__ import annotations

import stat
from pathlib import Path

from tests.kit.command import Tw
from tunnel_whisperer.bundle import decrypt, is_encrypted, open_any


def test_the_active_one_is_written_with_a_warning(server: Tw, tmp_path: Path) -> None:
    result = server("export", "context")
    assert result.status == 0
    assert result.out.startswith("plant-tw-context.zip\n")
    assert "tw import plant-tw-context.zip" in result.out
    assert "not encrypted; --passphrase encrypts them" in result.err
    path = tmp_path / "plant-tw-context.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    contents = open_any(path.read_bytes())
    for name, content in contents.files.items():
        assert (tmp_path / "server" / name).read_bytes() == content


def test_a_passphrase_encrypts_it_without_a_warning(relay: Tw, tmp_path: Path) -> None:
    relay.ok("create", "context", "lab")
    (tmp_path / "pp").write_text("correct horse\n")
    result = relay("export", "context", "relay.test", "--passphrase-file", "pp", "--out", "b.zip")
    assert (result.status, result.err) == (0, "")
    data = (tmp_path / "b.zip").read_bytes()
    assert is_encrypted(data)
    assert open_any(decrypt(data, "correct horse")).config.mode == "relay"


def test_a_file_that_is_there_is_replaced_only_by_force(relay: Tw, tmp_path: Path) -> None:
    path = tmp_path / "relay.test-tw-context.zip"
    path.write_text("mine")
    assert "--force" in relay.refused("exists", "export", "context")
    assert path.read_text() == "mine"
    relay.ok("export", "context", "--force")
    assert open_any(path.read_bytes()).config.mode == "relay"


def test_a_place_where_no_file_can_be_is_refused(relay: Tw, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    for out in (".", "no/such/place.zip", "/dev/null", "link"):
        relay.refused("bad-argument", "export", "context", "--out", out, "--force")
    assert Path("/dev/null").is_char_device()


def test_what_is_not_there_is_refused(tw: Tw, relay: Tw) -> None:
    tw.refused("not-set-up", "export", "context")
    tw.refused("no-such-name", "export", "context", "plant")
    relay.ok("create", "context", "lab")
    relay.refused("not-set-up", "export", "context", "lab")


def test_without_a_terminal_a_passphrase_comes_from_a_file(relay: Tw, tmp_path: Path) -> None:
    told = relay.refused("bad-argument", "export", "context", "--passphrase")
    assert "--passphrase-file FILE" in told
    assert list(tmp_path.glob("*.zip")) == []
