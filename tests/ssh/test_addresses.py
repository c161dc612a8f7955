from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.addresses import peer_address


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        (b"127.0.0.1", 22, "127.0.0.1:22"),
        (b"PLC-7.Plant.LAN.", 502, "plc-7.plant.lan:502"),
        (b"::1", 65535, "[::1]:65535"),
        (b"0:0:0:0:0:0:0:1", 1, "[::1]:1"),
        (b"localhost", 5432, "localhost:5432"),
    ],
)
def test_one_spelling_for_each_address(host: bytes, port: int, expected: str) -> None:
    assert str(peer_address(host, port)) == expected


@pytest.mark.parametrize(
    "host", [b"", b"*", b"0.0.0.0/0", b"a b", b"a,b", b"a]:1[b", b"db:1", b"\xff", b"a\0", b"a\n"]
)
def test_what_is_not_one_host_is_nothing(host: bytes) -> None:
    assert peer_address(host, 80) is None


@pytest.mark.parametrize("port", [0, 65536, 0xFFFFFFFF])
def test_what_is_not_one_port_is_nothing(port: int) -> None:
    assert peer_address(b"127.0.0.1", port) is None


@pytest.mark.parametrize("host", [b"127.1", b"2130706433", b"0x7f.0.0.1", b"::ffff:127.0.0.1", b"127.0.0.1."])
def test_another_way_to_write_loopback_is_not_what_was_granted(host: bytes) -> None:
    assert peer_address(host, 80) != HostPort("127.0.0.1", 80) or host == b"127.0.0.1."


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_no_bytes_raise_and_what_is_read_is_canonical(host: bytes, port: int) -> None:
    address = peer_address(host, port)
    if address is not None:
        assert HostPort.parse(str(address)) == address
