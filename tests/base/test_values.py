from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant, HostPort, Secret, parse_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:22", "127.0.0.1", 22),
        ("Relay.Example.com:443", "relay.example.com", 443),
        ("relay.example.com.:443", "relay.example.com", 443),
        ("[::1]:5432", "::1", 5432),
        ("[2001:DB8:0:0::1]:1", "2001:db8::1", 1),
        ("plc-7.plant.lan:502", "plc-7.plant.lan", 502),
    ],
)
def test_host_port(text: str, host: str, port: int) -> None:
    assert HostPort.parse(text) == HostPort(host, port)
    assert HostPort.parse(str(HostPort.parse(text))) == HostPort(host, port)


@pytest.mark.parametrize(
    ("text", "host"), [("relay.lab", "relay.lab"), ("::1", "::1"), ("[fe80::1]", "fe80::1")]
)
def test_default_port(text: str, host: str) -> None:
    assert HostPort.parse(text, 443) == HostPort(host, 443)


@pytest.mark.parametrize(
    "text",
    ["", "host", ":22", "host:", "host:0", "host:65536", "host:-1", "host:2 2", "ho st:22", "[::1:22", "a/b:1",
     "host:٣", "-x:1", "x" * 254 + ":1", "a..b:1", "host:22:22", "user@host:22"],
)  # fmt: skip
def test_host_port_refused(text: str) -> None:
    with pytest.raises(Misuse) as caught:
        HostPort.parse(text)
    assert caught.value.code == "bad-argument"


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("5432", Grant(5432, HostPort("127.0.0.1", 5432))),
        ("15432:5432", Grant(15432, HostPort("127.0.0.1", 5432))),
        ("10502:plc-7.plant.lan:502", Grant(10502, HostPort("plc-7.plant.lan", 502))),
        ("1104:10.0.0.4:104", Grant(1104, HostPort("10.0.0.4", 104))),
        ("5432:[fd00::5]:5432", Grant(5432, HostPort("fd00::5", 5432))),
    ],
)
def test_grant(text: str, grant: Grant) -> None:
    assert Grant.parse(text) == grant


@pytest.mark.parametrize(
    "text", ["", "0", "70000", "a", "5432:", ":5432", "1:2:3:4", "5000-5010", "1:5000-5010"]
)
def test_grant_refused(text: str) -> None:
    with pytest.raises(Misuse):
        Grant.parse(text)


def test_range_is_refused_by_name() -> None:
    with pytest.raises(Misuse, match="range") as caught:
        Grant.parse("5432-5440")
    assert "-m 5432" in caught.value.hint


@pytest.mark.parametrize("text", ["5432-5440:1", "1:5000-5010", "1:plc-7.lan:500-510", "1:[fd00::1]:1-2"])
def test_a_range_is_refused_with_the_reason_wherever_it_stands(text: str) -> None:
    with pytest.raises(Misuse, match="a grant opens one port"):
        Grant.parse(text)


@pytest.mark.parametrize("text", ["5-7:5-7:502", "plc-7:502", "[::1]:80", "10.0.0.1:80"])
def test_a_target_without_a_local_port_is_told_the_grammar(text: str) -> None:
    with pytest.raises(Misuse) as caught:
        Grant.parse(text)
    assert "LOCAL:HOST:PORT" in caught.value.hint or "range" in caught.value.why


def test_a_host_with_digits_and_a_dash_is_not_a_range() -> None:
    assert Grant.parse("502:10-20-30-4.lan:502").target.host == "10-20-30-4.lan"
    assert Grant.parse("502:5-7:502").target.host == "5-7"


@pytest.mark.parametrize(
    ("target", "leaves"),
    [("127.0.0.1:1", False), ("127.9.9.9:1", False), ("[::1]:1", False), ("localhost:1", False),
     ("10.0.0.1:1", True), ("plc:1", True)],
)  # fmt: skip
def test_leaves_server(target: str, leaves: bool) -> None:
    assert Grant(1, HostPort.parse(target)).leaves_server is leaves


@given(st.text(max_size=40))
def test_nothing_but_misuse_comes_out(text: str) -> None:
    for parse in (HostPort.parse, Grant.parse, parse_port):
        try:
            parse(text)
        except Misuse:
            pass


def test_a_secret_is_not_shown() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")


@pytest.mark.parametrize(
    "text", ["9" * 3000, "x" * 3000, "1:" + "x" * 3000 + ":1", "1:" + "y" * 3000, "1-" + "9" * 3000]
)
def test_a_refusal_is_short_however_long_the_text_is(text: str) -> None:
    with pytest.raises(Misuse) as caught:
        Grant.parse(text)
    assert len(str(caught.value)) < 200
