"""SOCKS5 with the messages of RFC 1928 and RFC 1929 written out."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Refused, Retry
from tunnel_whisperer.base.values import HostPort, Secret
from tunnel_whisperer.wire.socks5 import Socks5Connect

RELAY = HostPort("relay.example", 443)
REQUEST = b"\x05\x01\x00\x03\x0drelay.example\x01\xbb"
OPEN = b"\x05\x00\x00\x01\x0a\x00\x00\x01\xc0\x00"


def machine(user: str = "", password: str = "", destination: HostPort = RELAY) -> Socks5Connect:
    return Socks5Connect(destination, user, Secret(password))


def feed(client: Socks5Connect, data: bytes) -> bytes:
    """Feed what the machine asks for; returns what it left."""
    while client.wanted and data:
        size = client.wanted
        client.receive_data(data[:size])
        data = data[size:]
    return data


def refusal(client: Socks5Connect, answer: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        feed(client, answer)
    assert caught.value.code == "proxy-refused"
    assert caught.value.retry is Retry.BACKOFF
    return caught.value


def test_without_credentials_only_method_0_is_offered() -> None:
    client = machine()
    assert client.data_to_send() == b"\x05\x01\x00"
    feed(client, b"\x05\x00")
    assert client.data_to_send() == REQUEST
    assert feed(client, OPEN + b"SSH-2.0") == b"SSH-2.0"
    assert client.wanted == 0 and client.data_to_send() == b""


def test_the_password_is_sent_only_when_the_proxy_asks_for_it() -> None:
    client = machine("ann", "secret")
    assert client.data_to_send() == b"\x05\x02\x00\x02"
    feed(client, b"\x05\x02")
    assert client.data_to_send() == b"\x01\x03ann\x06secret"
    feed(client, b"\x01\x00")
    assert client.data_to_send() == REQUEST
    assert feed(client, OPEN) == b"" and client.wanted == 0

    lenient = machine("ann", "secret")
    lenient.data_to_send()
    feed(lenient, b"\x05\x00")
    assert lenient.data_to_send() == REQUEST


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"),
        ("2001:db8::1", b"\x05\x01\x00\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x01\xbb"),
    ],
)
def test_addresses_are_sent_as_addresses(host: str, expected: bytes) -> None:
    client = machine(destination=HostPort(host, 443))
    client.data_to_send()
    feed(client, b"\x05\x00")
    assert client.data_to_send() == expected


@pytest.mark.parametrize(
    "bound",
    [
        b"\x01\x00\x00\x00\x00\x00\x00",
        b"\x04" + bytes(18),
        b"\x03\x05proxy\x00\x50",
        b"\x03\x00\x00\x50",
    ],
)
def test_the_tunnel_begins_right_behind_the_reply(bound: bytes) -> None:
    for step in (1, 100):
        client = machine()
        rest = b"\x05\x00" + b"\x05\x00\x00" + bound + b"tunnel"
        while client.wanted:
            size = min(step, client.wanted)
            client.receive_data(rest[:size])
            rest = rest[size:]
        assert rest == b"tunnel"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (1, "failed to connect us to relay.example:443"),
        (2, "does not allow connections to relay.example:443"),
        (3, "has no route to the network of relay.example:443"),
        (4, "cannot reach relay.example:443"),
        (5, "relay.example:443 refused the proxy's connection"),
        (6, "is too long"),
        (7, "does not offer connections"),
        (8, "kind of address"),
        (0x5B, "reply 91"),
    ],
)
def test_each_reply_code_has_its_words(reply: int, words: str) -> None:
    answer = b"\x05\x00" + bytes((5, reply, 0, 1)) + bytes(6)
    assert words in refusal(machine(), answer).why


@pytest.mark.parametrize(
    ("user", "answer", "words"),
    [
        ("", b"\x05\xff", "wants a user name and a password"),
        ("", b"\x05\x02", "wants a user name and a password"),
        ("ann", b"\x05\xff", "wants another authentication"),
        ("ann", b"\x05\x01", "wants another authentication"),
        ("", b"\x05\x01", "wants another authentication"),
        ("ann", b"\x05\x02\x01\x01", "does not accept this user name and password"),
        ("ann", b"\x05\x02\x01\xff", "does not accept this user name and password"),
        ("", b"HT", "does not answer as a SOCKS5 proxy"),
        ("", b"\x05\x00\x04\x5a\x00\x00", "does not answer as a SOCKS5 proxy"),
        ("", b"\x05\x00\x05\x00\x00\x02", "does not answer as a SOCKS5 proxy"),
    ],
)
def test_a_refusal_says_why(user: str, answer: bytes, words: str) -> None:
    assert words in refusal(machine(user, "pw"), answer).why


def test_an_http_proxy_is_named() -> None:
    assert "http://" in refusal(machine(), b"HTTP/1.1 400 Bad Request\r\n").hint


@given(
    st.lists(
        st.sampled_from([b"\x05\x00", b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x03"]) | st.binary(max_size=9)
    )
)
def test_nonsense_is_refused_or_waited_for(pieces: list[bytes]) -> None:
    client = machine("ann", "pw")
    with contextlib.suppress(Refused):  # and nothing else
        feed(client, b"".join(pieces))
