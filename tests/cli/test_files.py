"""Files that people name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.files import naming, place_for_file, read_text


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="missing"):
        read_text(tmp_path / "missing")
    with pytest.raises(Misuse, match="directory"):
        read_text(tmp_path)
    (tmp_path / "big").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(Misuse, match="too large"):
        read_text(tmp_path / "big")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(Misuse, match="not text"):
        read_text(tmp_path / "binary")


@pytest.mark.parametrize(("where", "told"), [("", "x.json"), ("kind", "x.json: kind"), ("x.json", "x.json")])
def test_a_complaint_names_the_file_once(where: str, told: str) -> None:
    with pytest.raises(Misuse) as caught, naming(Path("x.json")):
        raise Misuse("bad-join-file", "odd", where=where)
    assert caught.value.where == told


def test_text_is_text(tmp_path: Path) -> None:
    (tmp_path / "fine").write_text("Grüße", encoding="utf-8")
    assert read_text(tmp_path / "fine") == "Grüße"


def test_the_hint_names_force_only_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    for force, hint in ((None, "--out FILE"), (False, "--out FILE, or replace it with --force")):
        with pytest.raises(Misuse, match="exists already") as caught:
            place_for_file(path, force=force)
        assert caught.value.hint == hint
    assert place_for_file(path, force=True) == path


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "\u202egnp.exe", "\udcff"])
def test_a_name_that_a_terminal_obeys_is_none_for_a_new_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="not a name for a new file"):
        place_for_file(tmp_path / name)


def test_a_name_that_the_system_does_not_take_is_none_for_a_new_file(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="too long"):
        place_for_file(tmp_path / ("x" * 300))
