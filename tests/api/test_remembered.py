"""A value that is read again when what it was made of has changed, or a second is over."""

from __future__ import annotations

import threading

import pytest

from tunnel_whisperer.api.remembered import Remembered


class Files:
    """What is read."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stamp = 1
        self.reads = 0
        self.remembered: Remembered[int] = Remembered(lambda: self.now)

    def get(self) -> int:
        return self.remembered.get(lambda: self.stamp, self.read)

    def read(self) -> int:
        self.reads += 1
        return self.reads


def test_it_is_read_once_while_nothing_changes() -> None:
    files = Files()
    assert [files.get(), files.get()] == [1, 1]
    files.now += 0.9
    assert files.get() == 1


def test_another_stamp_and_a_second_have_it_read_again() -> None:
    files = Files()
    files.get()
    files.stamp = 2
    assert files.get() == 2
    files.now += 1.0
    assert files.get() == 3


def test_what_failed_is_not_remembered() -> None:
    files = Files()
    files.get()
    files.stamp = 2

    def fail() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        files.remembered.get(lambda: files.stamp, fail)
    files.stamp = 1
    assert files.get() == 2


def test_who_comes_while_it_is_read_waits_for_it() -> None:
    files, begun, go_on = Files(), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(20)
        return files.read()

    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(files.remembered.get(lambda: 1, slow)))
    first.start()
    assert begun.wait(20)
    second = threading.Thread(target=lambda: found.append(files.get()))
    second.start()
    go_on.set()
    first.join(20)
    second.join(20)
    assert (found, files.reads) == ([1, 1], 1)
