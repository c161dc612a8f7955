"""What is taken down is also logged; the rest is seen with policy and rendezvous."""

from __future__ import annotations

import uuid

import pytest

from tests.server.test_policy import Book
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.splice import SpliceResult
from tunnel_whisperer.relay.journal import Arrival, Journal

ADDRESS = HostPort("192.0.2.1", 4711)


def test_a_server_and_its_users_in_the_words_of_the_log_and_of_the_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book, now = Book(), [1000.0]
    journal = Journal(book, lambda: now[0])
    arrival = Arrival("plant", uuid.UUID(int=5), ADDRESS)
    with caplog.at_level("INFO", "tw.relay"):
        online = journal.login("plant", None)
        journal.listening("plant", HostPort("127.0.0.1", 20000))
        stream = journal.stream_opened(arrival)
        now[0] += 7
        journal.stream_closed(stream, SpliceResult(3, 4, None))
        journal.stream_refused(arrival, Refused("user-not-active", "unknown UUID"))
        journal.session_ended(online, None)
    assert caplog.messages == [
        "plant: server connected, listens on 127.0.0.1:20000",
        "plant: stream refused: unknown UUID",
        "plant: server disconnected: closed by the server",
    ]
    assert dict(journal.traffic.items()) == {"plant": (3, 4, 0, 1)}
    assert dict(journal.sessions.items()) == {"plant": (0, 1)}
    assert journal.refused == {("stream", "user-not-active"): 1}
    closed = book.fields("stream-closed")
    assert (closed["seconds"], closed["bytes_up"], closed["bytes_down"]) == (7, 3, 4)
    assert closed["why"] == "closed in order"
    assert book.fields("stream-refused")["code"] == "user-not-active"


def test_what_the_log_has_been_told_already_is_recorded_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = Book()
    arrival = Arrival("plant", None, ADDRESS)
    with caplog.at_level("INFO", "tw.relay"):
        Journal(book).stream_refused(arrival, Refused("too-many", "too fast"), quiet=True)
    assert not caplog.messages
    assert book.fields("stream-refused")["uuid"] == ""


def test_strangers_and_guests_are_counted_under_no_name_of_theirs() -> None:
    journal = Journal(Book())
    for number in range(100):
        journal.login_refused(f"guess-{number}", known=False)
    journal.login_refused("plant", known=True)
    journal.login("_a-guest", ADDRESS)
    journal.listen_refused("plant", ADDRESS)
    assert journal.refused == {
        ("login", "unknown-name"): 100,
        ("login", "wrong-key"): 1,
        ("listener", "not-authorised"): 1,
    }
    assert not dict(journal.sessions.items())
