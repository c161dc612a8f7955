from __future__ import annotations

import asyncssh
import pytest
from asyncssh.constants import (
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_CONNECT_FAILED,
    OPEN_RESOURCE_SHORTAGE,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import PeerFault, Refused, Retry, TwError, Unreachable
from tunnel_whisperer.ssh.faults import (
    farewell_text,
    open_failure,
    open_failure_code,
    peer_words,
    session_fault,
)


@pytest.mark.parametrize(
    ("number", "code", "kind", "retry"),
    [
        (OPEN_ADMINISTRATIVELY_PROHIBITED, "not-authorised", Refused, Retry.NEVER),
        (OPEN_UNKNOWN_CHANNEL_TYPE, "not-authorised", Refused, Retry.NEVER),
        (OPEN_RESOURCE_SHORTAGE, "too-many", Refused, Retry.BACKOFF),
        (OPEN_CONNECT_FAILED, "target-refused", Unreachable, Retry.BACKOFF),
        (99, "target-refused", Unreachable, Retry.BACKOFF),
    ],
)
def test_the_reason_codes_of_the_rfc(number: int, code: str, kind: type[TwError], retry: Retry) -> None:
    error = open_failure(number, "why")
    assert (type(error), error.code, error.retry) == (kind, code, retry)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (Refused("not-authorised", "x"), 1),
        (Refused("user-not-active", "x"), 1),
        (Unreachable("target-refused", "x"), 2),
        (Refused("too-many", "x"), 4),
    ],
)
def test_our_errors_as_reason_codes(error: TwError, number: int) -> None:
    assert open_failure_code(error) == number


def test_a_wrong_host_key_is_never_tried_again() -> None:
    error = session_fault(asyncssh.HostKeyNotVerifiable("Host key is not trusted"), None)
    assert isinstance(error, Refused) and error.code == "host-key-mismatch"
    assert error.retry is Retry.NEVER and error.hint


def test_a_peer_that_claims_our_host_key_check_failed_does_not_stop_us_for_good() -> None:
    """A stranger may send that disconnect code before he has proved who he is."""
    error = session_fault(asyncssh.HostKeyNotVerifiable("so there"), "so there")
    assert error.code != "host-key-mismatch" and error.retry is Retry.BACKOFF


def test_a_key_that_is_not_let_in_may_be_let_in_later() -> None:
    error = session_fault(asyncssh.PermissionDenied("Permission denied"), None)
    assert error.code == "user-not-active" and error.retry is Retry.BACKOFF


def test_an_error_of_the_stream_below_comes_through() -> None:
    error = Unreachable("link-lost", "the link is gone")
    assert session_fault(error, None) is error


@pytest.mark.parametrize("exc", [None, asyncssh.ConnectionLost("x"), OSError(104, "reset")])
def test_a_lost_stream(exc: Exception | None) -> None:
    assert session_fault(exc, None).code == "session-lost"


def test_a_farewell_is_repeated() -> None:
    error = session_fault(asyncssh.ConnectionLost("x"), "the server\nis\x1b[31m shutting down")
    assert error.code == "session-lost"
    assert str(error).endswith("the server?is?[31m shutting down")


@pytest.mark.parametrize(
    ("code", "retry"), [("session-replaced", Retry.NEVER), ("user-not-active", Retry.BACKOFF)]
)
def test_a_farewell_with_a_code_counts_once_the_peer_has_proved_who_it_is(code: str, retry: Retry) -> None:
    text = farewell_text(code, "in words")
    error = session_fault(asyncssh.ConnectionLost("x"), text, logged_in=True)
    assert isinstance(error, Refused)
    assert (error.code, error.retry) == (code, retry)
    assert error.why.endswith("in words") and error.hint
    # Before that, it may come from anybody on the way, who must not be able to stop us for good.
    before = session_fault(asyncssh.ConnectionLost("x"), text)
    assert (before.code, before.retry) == ("session-lost", Retry.BACKOFF)


def test_a_farewell_with_another_code_is_words() -> None:
    assert farewell_text("too-many", "in words") == "in words"
    error = session_fault(None, "host-key-mismatch: so there", logged_in=True)
    assert error.code == "session-lost"


@pytest.mark.parametrize("exc", [asyncssh.ProtocolError("bad"), KeyError("x"), AssertionError()])
def test_anything_else_is_a_fault_of_the_peer(exc: Exception) -> None:
    assert isinstance(session_fault(exc, None), PeerFault)


@given(st.text(max_size=1000))
def test_words_of_a_peer_are_one_short_printable_line(text: str) -> None:
    words = peer_words(text)
    assert len(words) <= 200 and (words.isprintable() or not words)
