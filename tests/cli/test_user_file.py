"""The file that a user gets."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.cli.user_file import add_file_flags, place_of_file, print_hand_over


def _args(*words: str, force: bool | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_file_flags(parser)
    args = parser.parse_args(words)
    if force is not None:
        args.force = force
    return args


def test_it_is_named_after_the_user_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of_file(_args(), "alice") == Path("alice-tw-config.zip")
    assert place_of_file(_args("--out", "x.zip"), "alice") == Path("x.zip")


def test_nothing_that_is_there_is_replaced_unasked(tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    out.symlink_to(tmp_path / "dangling")
    for force, hint in ((None, "--out FILE"), (False, "--out FILE, or replace it with --force")):
        with pytest.raises(Misuse) as caught:
            place_of_file(_args("--out", str(out), force=force), "alice")
        assert caught.value.code == "exists"
        assert caught.value.hint == hint
    (tmp_path / "dangling").write_text("")
    assert place_of_file(_args("--out", str(out), force=True), "alice") == out


@pytest.mark.parametrize("place", [".", "nowhere/a.zip", "file/a.zip"])
def test_a_place_where_no_file_can_be_is_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Misuse) as caught:
        place_of_file(_args("--out", place, force=True), "alice")
    assert caught.value.code == "bad-argument"


def test_what_to_do_with_it_is_told_and_a_plain_one_warns(capsys: pytest.CaptureFixture[str]) -> None:
    print_hand_over("alice", Path("dir/alice.zip"), None)
    printed = capsys.readouterr()
    assert "not encrypted: who has it gets in as alice (try: --passphrase)" in printed.err
    assert printed.out == "Hand the file to alice and nobody else. There: tw connect alice.zip\n"
    print_hand_over("alice", Path("alice.zip"), Secret("x"))
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.endswith("Tell them the passphrase by another way than the file.\n")
