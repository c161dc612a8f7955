"""tw config view, and what a broken config.yaml says in every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_secrets_are_not_shown(server: Tw, tmp_path: Path) -> None:
    path = tmp_path / "server" / "config.yaml"
    path.write_text("proxy: http://user:hunter2@proxy.test:3128\n" + path.read_text())
    for words in (("config", "view"), ("config", "view", "--json")):
        out = server.ok(*words)
        assert "hunter2" not in out
        assert "proxy.test" in out
    uuid = next(x.split()[-1] for x in path.read_text().splitlines() if "uuid:" in x)
    assert uuid not in server.ok("config", "view")


def test_programs_get_every_field(server: Tw) -> None:
    shown = json.loads(server.ok("config", "view", "--json"))
    assert shown["mode"] == "server"
    assert shown["xray"]["transport"] == "auto"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mode: server", "mode: sever", "mode"),
        ("relay_port: 443", "relay_prot: 443", "xray.relay_prot"),
        ("relay_port: 443", "relay_port: 443443", "xray.relay_port"),
        ("relay_port: 443", "relay_port: four", "xray.relay_port"),
        ("version: 1", "version: 2", "newer"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(
    old: str, new: str, says: str, server: Tw, tmp_path: Path
) -> None:
    path = tmp_path / "server" / "config.yaml"
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))
    line = 1 + text[: text.index(old)].count("\n")
    told = server.refused("bad-config", "config", "view")
    assert f"config.yaml:{line}" in told
    assert says in told


def test_a_missing_identity_says_what_to_do(tw: Tw) -> None:
    assert "try: " in tw.refused("not-set-up", "config", "view")


def test_an_unreadable_file_is_named(server: Tw, tmp_path: Path) -> None:
    path = tmp_path / "server" / "config.yaml"
    path.unlink()
    path.mkdir()
    assert "config.yaml" in server.refused("file-unreadable", "config", "view")
