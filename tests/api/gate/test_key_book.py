from __future__ import annotations

import json
import logging
import stat
import threading
from pathlib import Path

import pytest

from tests.profile.crash import fill_disk
from tunnel_whisperer.api.gate import Issued, KeyBook, Kind, Scope
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import BROWSER_IDLE_S, KEY_SEEN_S, MAX_API_TOKENS, MAX_BROWSERS


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "base" / "dashboard"


@pytest.fixture
def book(directory: Path, clock: Clock) -> KeyBook:
    return KeyBook(directory, clock)


def _is_in(book: KeyBook, issued: Issued) -> bool:
    return book.find(issued.secret, issued.key.kind, "192.0.2.1") is not None


def test_nothing_is_written_before_there_is_a_key(book: KeyBook, directory: Path) -> None:
    assert book.listed() == []
    assert book.find("x", Kind.TOKEN, "") is None
    assert not book.is_behind()
    assert not directory.exists()


def test_the_file_is_private_and_has_no_secret(book: KeyBook, directory: Path) -> None:
    issued = [book.add_browser("Firefox", "::1"), book.add_token("backup", Scope.READ)]
    path = directory / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    text = path.read_text()
    assert json.loads(text)["format"] == 1
    for one in issued:
        assert one.key.digest in text
        assert one.secret.split("-", 2)[2] not in text


def test_a_key_is_good_in_the_next_process_and_in_another_one(
    book: KeyBook, directory: Path, clock: Clock
) -> None:
    other = KeyBook(directory, clock)
    assert other.listed() == []
    issued = book.add_browser("Firefox", "::1")
    assert _is_in(other, issued)
    assert _is_in(KeyBook(directory, clock), issued)


def test_two_processes_lose_none_of_each_other_s_keys(book: KeyBook, directory: Path, clock: Clock) -> None:
    other = KeyBook(directory, clock)
    issued = [x.add_browser(str(n), "") for n in range(5) for x in (book, other)]
    assert len(KeyBook(directory, clock).listed()) == 10
    assert all(_is_in(book, one) and _is_in(other, one) for one in issued)


def test_threads_lose_none_of_each_other_s_keys(book: KeyBook, directory: Path, clock: Clock) -> None:
    threads = [threading.Thread(target=book.add_browser, args=(str(n), "")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeyBook(directory, clock).listed()) == 8


def test_keys_are_listed_the_last_used_first(book: KeyBook, clock: Clock) -> None:
    first = book.add_browser("a", "192.0.2.1")
    clock.now += 1
    second = book.add_token("b", Scope.READ, 3600)
    assert [key.id for key in book.listed()] == [second.key.id, first.key.id]
    clock.now += 1
    book.find(first.secret, Kind.BROWSER, "192.0.2.9")
    assert [(key.id, key.last_seen, key.address) for key in book.listed()] == [
        (first.key.id, clock.now, "192.0.2.9"),
        (second.key.id, clock.now - 1, ""),
    ]
    assert book.listed()[1].expires == second.key.created + 3600


def test_a_key_of_one_kind_is_not_found_as_the_other(book: KeyBook) -> None:
    issued = book.add_browser("", "")
    assert book.find(issued.secret, Kind.TOKEN, "") is None
    assert book.find(issued.secret, Kind.BROWSER, "") is not None


def test_one_all_others_or_all_are_revoked(book: KeyBook, directory: Path, clock: Clock) -> None:
    mine, theirs, third = (book.add_browser(name, "") for name in "abc")
    token = book.add_token("backup", Scope.ALL)
    assert book.revoke(third.key.id)
    assert not book.revoke(third.key.id)
    assert not book.revoke("nonsense")
    assert book.revoke_others(mine.key.id) == 1
    assert [_is_in(book, key) for key in (mine, theirs, third, token)] == [True, False, False, True]
    assert book.is_good(mine.key.id)
    assert book.revoke_all() == 2
    assert [_is_in(book, key) for key in (mine, token)] == [False, False]
    assert not book.is_good(mine.key.id)
    assert KeyBook(directory, clock).listed() == []


def test_what_is_over_is_neither_good_nor_listed_nor_kept(
    book: KeyBook, directory: Path, clock: Clock
) -> None:
    browser, token = book.add_browser("", ""), book.add_token("x", Scope.ALL, 60)
    clock.now += 60
    assert not _is_in(book, token)
    assert _is_in(book, browser)
    clock.now += BROWSER_IDLE_S
    assert not _is_in(book, browser)
    assert book.listed() == []
    book.add_browser("", "")
    assert len(json.loads((directory / "keys.json").read_text())["keys"]) == 1


def test_of_too_many_browsers_the_one_not_seen_for_longest_goes(book: KeyBook, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("tunnel_whisperer.api.gate.key_book.MAX_BROWSERS", 4)
    assert MAX_BROWSERS == 256
    issued = []
    for number in range(4):
        issued.append(book.add_browser(str(number), ""))
        clock.now += 1
    assert _is_in(book, issued[0])
    token = book.add_token("x", Scope.ALL)
    issued.append(book.add_browser("new", ""))
    assert [_is_in(book, one) for one in issued] == [True, False, True, True, True]
    assert _is_in(book, token)


def test_too_many_tokens_are_refused(book: KeyBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.api.gate.key_book.MAX_API_TOKENS", 2)
    assert MAX_API_TOKENS == 64
    for name in "ab":
        book.add_token(name, Scope.READ)
    with pytest.raises(Misuse) as caught:
        book.add_token("c", Scope.READ)
    assert caught.value.code == "too-many"


@pytest.mark.parametrize(("name", "life_s"), [("", None), ("x" * 65, None), ("a\nb", None), ("x", 0), ("x", -1), ("x", 1e30), ("x", float("nan"))])  # fmt: skip
def test_a_token_has_a_name_and_an_end_that_can_be_told(
    book: KeyBook, name: str, life_s: float | None
) -> None:
    with pytest.raises(Misuse) as caught:
        book.add_token(name, Scope.ALL, life_s)
    assert caught.value.code == "bad-argument"
    assert book.listed() == []


def test_what_was_used_when_is_due_once_a_minute(book: KeyBook, clock: Clock) -> None:
    issued = book.add_browser("", "")
    clock.now += KEY_SEEN_S
    assert not book.is_behind()
    assert _is_in(book, issued)
    assert book.is_behind()
    assert not book.is_behind()
    book.flush()
    assert _is_in(book, issued)
    clock.now += KEY_SEEN_S - 1
    assert not book.is_behind()
    clock.now += 1
    assert book.is_behind()


def test_a_clock_that_is_set_back_does_not_stop_that(book: KeyBook, clock: Clock) -> None:
    issued = book.add_browser("", "")
    clock.now -= 100_000
    assert _is_in(book, issued)
    assert book.is_behind()


# -- a disk that takes nothing ------------------------------------------------------------------------


def test_a_full_disk_locks_nobody_out(
    book: KeyBook, directory: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING, "tw.api"):
        fill_disk(patch, 1, "fsync", lasting=True)
        issued = book.add_browser("Firefox", "::1")
        assert _is_in(book, issued)
        assert "kept in memory only" in caplog.text
        assert KeyBook(directory, clock).listed() == []
    clock.now += KEY_SEEN_S
    assert book.is_behind()
    book.flush()
    assert _is_in(KeyBook(directory, clock), issued)


def test_a_key_that_is_revoked_on_a_full_disk_does_not_come_back(
    book: KeyBook, directory: Path, clock: Clock
) -> None:
    gone, stays = book.add_browser("a", ""), book.add_browser("b", "")
    with pytest.MonkeyPatch.context() as patch:
        fill_disk(patch, 1, "fsync", lasting=True)
        assert book.revoke(gone.key.id)
        assert (_is_in(book, gone), _is_in(book, stays)) == (False, True)
        assert KeyBook(directory, clock).listed() == []
    book.flush()
    again = KeyBook(directory, clock)
    assert (_is_in(again, gone), _is_in(again, stays)) == (False, True)


def test_where_not_even_that_works_it_is_said(
    book: KeyBook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = book.add_browser("a", "")
    fill_disk(monkeypatch, 1, "fsync", lasting=True)

    def refuse(path: Path) -> None:
        raise Misuse("state-not-written", "read-only", where=str(path))

    monkeypatch.setattr("tunnel_whisperer.api.gate.stored.remove_file", refuse)
    with caplog.at_level(logging.ERROR, "tw.api"):
        book.revoke(gone.key.id)
    assert not _is_in(book, gone)
    assert "works again after a restart" in caplog.text


@pytest.mark.parametrize(
    "content",
    ["", "nonsense", "[]", '{"format": 1}', '{"format": 1, "keys": 5}', '{"format": 1, "keys": [{}]}',
     '{"format": 2, "keys": []}', '{"format": "1"}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_cannot_be_read_lets_nobody_in_and_is_kept(
    directory: Path, clock: Clock, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory.mkdir(parents=True)
    path = directory / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    book = KeyBook(directory, clock)
    with caplog.at_level(logging.WARNING, "tw.api"):
        assert book.listed() == []
        assert book.listed() == []
    assert caplog.text.count("no login or token of before is good") == 1
    issued = book.add_browser("", "")
    assert _is_in(book, issued)
    assert path.read_text() == content


def test_a_file_that_others_may_write_lets_nobody_in(book: KeyBook, directory: Path, clock: Clock) -> None:
    issued = book.add_browser("", "")
    path = directory / "keys.json"
    path.chmod(0o620)
    assert KeyBook(directory, clock).listed() == []
    path.chmod(0o600)
    assert _is_in(KeyBook(directory, clock), issued)


def test_where_nothing_was_used_nothing_is_written(tmp_path: Path) -> None:
    KeyBook(tmp_path / "dashboard").flush()
    assert not (tmp_path / "dashboard").exists()
