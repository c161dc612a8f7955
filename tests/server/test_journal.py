"""What is taken down is also logged; the rest is seen with the policy, in test_policy."""

from __future__ import annotations

from typing import cast

import pytest

from tests.server.test_policy import Book, FakeSession
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.splice import SpliceResult
from tunnel_whisperer.server.journal import Journal
from tunnel_whisperer.ssh.authorized_keys import Access
from tunnel_whisperer.ssh.endpoint import ServerSession
from tunnel_whisperer.ssh.keys import generate_ed25519, normalise_public

TARGET = HostPort("10.0.0.7", 502)


def test_a_visit_in_the_words_of_the_log_and_of_the_record(caplog: pytest.LogCaptureFixture) -> None:
    book, now = Book(), [1000.0]
    journal = Journal(book, lambda: now[0])
    key = normalise_public(generate_ed25519()[1])
    with caplog.at_level("INFO", "tw.server"):
        online = journal.login(cast(ServerSession, FakeSession(key)), Access(key, "bob@tw"))
        journal.refused(online, TARGET, Unreachable("target-refused", "cannot be reached: timed out"))
        channel = journal.opened(online, TARGET)
        now[0] += 1.6
        journal.closed(online, channel, SpliceResult(1, 2, ConnectionResetError("reset")))
        now[0] -= 3600  # a clock that was set back must not make a negative duration
        journal.session_ended(online, Unreachable("session-lost", "no sign of life for 24 s"))
    assert caplog.messages == [
        "user bob connected",
        "bob: 10.0.0.7:502 cannot be reached: timed out",
        "bob: opened 10.0.0.7:502",
        "bob: closed 10.0.0.7:502: 1 bytes up, 2 bytes down, reset: reset",
        "user bob disconnected: no sign of life for 24 s",
    ]
    assert {who for _, who, _ in book.entries} == {"user:bob"}
    closed, ended = book.fields("channel-closed"), book.fields("session-ended")
    assert (closed["seconds"], closed["bytes_up"], closed["bytes_down"], closed["why"]) == (2, 1, 2, "reset")
    assert (ended["seconds"], ended["why"]) == (0, "no sign of life for 24 s")


def test_a_line_without_a_comment_is_spoken_of_by_the_ssh_name() -> None:
    book = Book()
    key = normalise_public(generate_ed25519()[1])
    Journal(book).login(cast(ServerSession, FakeSession(key)), Access(key))
    ((_, who, _),) = book.entries
    assert who == "user:tw"
