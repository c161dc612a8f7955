from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, needs_fork
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Config, Contexts, Profile, RelayConfig, save_config, write_file
from tunnel_whisperer.profile.context_change import Change, carry_out, complete, is_unfinished

State = tuple[tuple[str, ...], str, bool]


def _fill(profile: Profile) -> None:
    profile.ensure()
    profile.servers.mkdir()
    for number in range(3):
        write_file(profile.servers / f"s{number}.json", "{}")
    save_config(profile.config, Config(mode="relay", relay=RelayConfig(domain="r.example")))


def _whole(profile: Profile) -> bool:
    return len(list(profile.servers.iterdir())) == 3 and profile.config.exists()


def _state(base: Path) -> State:
    """What a person sees: names, which is active, and whether each one is whole."""
    book = Contexts(base)
    found, faults = book.survey()
    assert not faults
    active = book.active()
    assert not is_unfinished(base)
    assert not [path for path in (base / "contexts").iterdir() if path.suffix == ".json"]
    names = tuple(context.name for context in found)
    return names, active.name if active else "", all(_whole(context.profile) for context in found)


def _with_three(base: Path) -> None:
    """In the base directory ``r.example``, beside it a and b; a is active."""
    _fill(Profile(base))
    book = Contexts(base)
    book.create("a", _fill, activate=True)
    book.create("b", _fill, activate=False)


def _only_base(base: Path) -> None:
    _fill(Profile(base))
    Contexts(base).use(Contexts(base).find("base"))


def _only_a(base: Path) -> None:
    Contexts(base).create("a", _fill, activate=True)


ALL = ("r.example", "a", "b")
Action = Callable[[Contexts], object]


@needs_fork
@pytest.mark.parametrize(
    ("prepare", "action", "before", "after"),
    [
        (_with_three, lambda book: book.create("c", _fill, activate=True), (ALL, "a"), ((*ALL, "c"), "c")),
        (_with_three, lambda book: book.create("c", _fill, activate=False), (ALL, "a"), ((*ALL, "c"), "a")),
        (_with_three, lambda book: book.use(book.find("b")), (ALL, "a"), (ALL, "b")),
        (_with_three, lambda book: book.use(book.find("base")), (ALL, "a"), (ALL, "r.example")),
        (
            _with_three,
            lambda book: book.rename(book.find("a"), "z"),
            (ALL, "a"),
            (("r.example", "b", "z"), "z"),
        ),
        (_with_three, lambda book: book.delete(book.find("b")), (ALL, "a"), (("r.example", "a"), "a")),
        (_with_three, lambda book: book.delete(book.find("base")), (ALL, "a"), (("a", "b"), "a")),
        (
            _with_three,
            lambda book: book.create("c", _fill, activate=False, replaces=book.find("a")),
            (ALL, "a"),
            (("r.example", "b", "c"), "c"),
        ),
        (
            _with_three,
            lambda book: book.create("c", _fill, activate=False, replaces=book.find("base")),
            (ALL, "a"),
            (("a", "b", "c"), "a"),
        ),
        (_only_base, lambda book: book.delete(book.find("base")), (("r.example",), "r.example"), ((), "")),
        (_only_a, lambda book: book.delete(book.find("a")), (("a",), "a"), ((), "")),
    ],
    ids=[
        "create and use",
        "create",
        "use",
        "use base",
        "rename",
        "delete",
        "delete base",
        "replace",
        "replace base",
        "reset base",
        "reset",
    ],
)
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state(
    tmp_path: Path,
    prepare: Callable[[Path], None],
    action: Action,
    before: tuple[tuple[str, ...], str],
    after: tuple[tuple[str, ...], str],
) -> None:
    base = tmp_path / "tw"

    def fresh() -> None:
        shutil.rmtree(base, ignore_errors=True)
        prepare(base)

    seen = []
    for _ in every_kill(lambda: action(Contexts(base)), fresh):
        names, active, whole = _state(base)
        assert whole
        assert (names, active) in (before, after)
        seen.append((names, active) == after)
    assert seen == sorted(seen), "once new, always new"
    assert not seen[0]
    assert _state(base) == (*after, True)


@needs_fork
def test_a_kill_while_a_kill_is_mended_is_mended_as_well(tmp_path: Path) -> None:
    base = tmp_path / "tw"

    def decided() -> None:
        shutil.rmtree(base, ignore_errors=True)
        _with_three(base)
        old = Contexts(base).find("a")
        place = base / "contexts" / ".new-123456"
        _fill(Profile(place))
        write_file(place / "context.json", '{"format": 1, "id": "123456", "name": "c", "created": null}')
        text = f'{{"format": 1, "add": "123456", "remove": "{old.id}", "current": "123456"}}'
        write_file(base / "contexts" / "pending.json", text)

    for _ in every_kill(lambda: Contexts(base).survey(), decided):
        assert _state(base) == (("r.example", "b", "c"), "c", True)


def test_what_was_only_begun_is_removed(tmp_path: Path) -> None:
    _only_a(tmp_path)
    _fill(Profile(tmp_path / "contexts" / ".new-000000"))
    _fill(Profile(tmp_path / "contexts" / ".old-000001"))
    assert is_unfinished(tmp_path)
    assert _state(tmp_path) == (("a",), "a", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2}',
        '{"format": 1, "add": "../x"}',
        '{"format": 1, "remove": 7}',
        '{"format": 1, "current": "zzzzzz"}',
        '{"format": 1, "what": ""}',
        '{"format": 1, "add": []}',
    ],
)
def test_a_note_that_cannot_be_read_stops_everything_and_is_named(tmp_path: Path, text: str) -> None:
    _only_a(tmp_path)
    path = tmp_path / "contexts" / "pending.json"
    path.write_text(text)
    with pytest.raises(Misuse) as caught:
        Contexts(tmp_path).active_profile()
    assert (caught.value.code, caught.value.where) == ("bad-record", str(path))
    path.unlink()
    assert _state(tmp_path) == (("a",), "a", True)


def test_a_disk_that_fails_in_the_middle_is_carried_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_three(tmp_path)
    old = Contexts(tmp_path).find("b").id
    with monkeypatch.context() as patch:

        def fail(*args: object, **kwargs: object) -> None:
            raise OSError(5, "Input/output error", "here")

        patch.setattr("os.rename", fail)
        with pytest.raises(Misuse) as caught:
            carry_out(tmp_path, Change(remove=old))
        assert "the next command carries on" in str(caught.value)
    assert is_unfinished(tmp_path)
    complete(tmp_path)
    assert _state(tmp_path) == (("r.example", "a"), "a", True)
