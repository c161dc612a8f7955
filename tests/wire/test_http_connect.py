"""CONNECT as the RFCs have it; the credentials are RFC 7617's own example."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Refused, Retry
from tunnel_whisperer.base.limits import MAX_HEADER_BYTES
from tunnel_whisperer.base.values import HostPort, Secret
from tunnel_whisperer.wire.http_connect import HttpConnect

RELAY = HostPort("relay.example", 443)
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


def feed(machine: HttpConnect, data: bytes) -> bytes:
    """Feed what the machine asks for; returns what it left."""
    while machine.wanted and data:
        size = machine.wanted
        machine.receive_data(data[:size])
        data = data[size:]
    return data


def refusal(answer: bytes, user: str = "") -> Refused:
    machine = HttpConnect(RELAY, user, Secret("pw"))
    with pytest.raises(Refused) as caught:
        feed(machine, answer)
    assert caught.value.code == "proxy-refused"
    assert caught.value.retry is Retry.BACKOFF
    assert "pw" not in str(caught.value)
    return caught.value


def test_the_request_names_the_destination_twice() -> None:
    machine = HttpConnect(RELAY, "", Secret(""))
    assert machine.data_to_send() == b"CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n\r\n"
    assert machine.data_to_send() == b""


def test_an_ipv6_address_is_bracketed() -> None:
    machine = HttpConnect(HostPort("2001:db8::1", 443), "", Secret(""))
    assert machine.data_to_send().startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")


def test_credentials_are_those_of_rfc_7617() -> None:
    machine = HttpConnect(RELAY, "Aladdin", Secret("open sesame"))
    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" in machine.data_to_send()


def test_credentials_beyond_ascii_are_utf8() -> None:  # RFC 7617 section 2.1: test:123£
    machine = HttpConnect(RELAY, "test", Secret("123\N{POUND SIGN}"))
    assert b"Basic dGVzdDoxMjPCow==\r\n" in machine.data_to_send()


@pytest.mark.parametrize(
    "answer",
    [
        OPEN,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nVia: 1.1 proxy\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",  # RFC 9110 9.3.6
        b"HTTP/1.1 200 OK\nVia: 1.1 proxy\n\n",  # RFC 9112 2.2: a bare LF may be taken
        b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OPEN,
    ],
)
def test_the_tunnel_begins_right_behind_the_empty_line(answer: bytes) -> None:
    machine = HttpConnect(RELAY, "", Secret(""))
    assert feed(machine, answer + b"first bytes") == b"first bytes"
    assert machine.wanted == 0


def test_byte_at_a_time_is_all_at_once() -> None:
    machine = HttpConnect(RELAY, "", Secret(""))
    for i in range(len(OPEN)):
        assert machine.wanted
        machine.receive_data(OPEN[i : i + 1])
    assert machine.wanted == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "does not allow connections to relay.example:443"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "cannot reach relay.example:443: 502 Bad Gateway"),
        (b"HTTP/1.1 503 X\r\n\r\n", "cannot reach relay.example:443: 503 Service Unavailable"),
        (b"HTTP/1.1 504 X\r\n\r\n", "cannot reach relay.example:443: 504 Gateway Timeout"),
        (b"HTTP/1.1 405 X\r\n\r\n", "does not connect us to relay.example:443: 405 Method Not Allowed"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", "302 Found"),
        (b"HTTP/1.1 599 X\r\n\r\n", "relay.example:443: 599"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as an HTTP proxy"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "does not answer as an HTTP proxy"),
        (b"HTTP/2 200\r\n\r\n", "does not answer as an HTTP proxy"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEADER_BYTES, "is longer than"),
    ],
)
def test_a_refusal_says_why(answer: bytes, words: str) -> None:
    assert words in refusal(answer).why


def test_a_socks_proxy_is_noticed_at_its_first_byte() -> None:
    error = refusal(b"\x05\xff")
    assert "socks5://" in error.hint


CHALLENGE = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: %s\r\n\r\n"


@pytest.mark.parametrize(
    ("scheme", "user", "words"),
    [
        (b'Basic realm="corp"', "", "wants a user name and a password"),
        (b'Basic realm="corp"', "ann", "does not accept this user name and password"),
        (b'Negotiate, NTLM, Basic realm="a, b"', "ann", "does not accept this user name and password"),
        (b"Negotiate\r\nProxy-Authenticate: NTLM", "", "wants negotiate or ntlm authentication"),
        (b'Digest realm="a", nonce="b", qop=auth', "ann", "wants digest authentication"),
        (b"", "", "wants a user name and a password"),
    ],
)
def test_407_says_what_is_missing(scheme: bytes, user: str, words: str) -> None:
    assert words in refusal(CHALLENGE % scheme, user).why


@given(
    st.lists(
        st.sampled_from([b"HTTP/1.1 ", b"200", b"407", b"100", b" ", b"\r\n", b"\n", b"Proxy-Authenticate:"])
        | st.binary(max_size=9)
    )
)
def test_nonsense_is_refused_or_waited_for(pieces: list[bytes]) -> None:
    machine = HttpConnect(RELAY, "ann", Secret("pw"))
    with contextlib.suppress(Refused):  # and nothing else
        feed(machine, b"".join(pieces))
