"""VLESS headers: captured vectors, any fragmentation, and what is refused."""

from __future__ import annotations

import ipaddress
import itertools
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.vectors import load
from tunnel_whisperer.base.errors import Misuse, PeerFault, Refused, TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.wire.vless import (
    RESPONSE_HEADER,
    Command,
    RequestHeader,
    RequestReader,
    ResponseReader,
)

USER = uuid.UUID("11111111-2222-3333-4444-555555555555")
VECTORS = [v for v in load("vless_headers.json")["vectors"] if "command" in v]
DIALOGUES = {case["case"]: case for case in load("server_dialogues.json")}


def target_of(vector: dict[str, Any]) -> HostPort | None:
    if "host" not in vector:
        return None
    return HostPort.parse(f"[{vector['host']}]" if ":" in vector["host"] else vector["host"], vector["port"])


def read(data: bytes) -> tuple[RequestHeader, bytes] | None:
    return RequestReader().receive_data(data)


def read_bytewise(data: bytes) -> tuple[RequestHeader, bytes] | None:
    reader = RequestReader()
    for at in range(len(data)):
        result = reader.receive_data(data[at : at + 1])
        if result is not None:
            return result[0], result[1] + data[at + 1 :]
    return None


def outcome(read_how: Any, data: bytes) -> object:
    """What a reader makes of it, errors as values."""
    try:
        return read_how(data)
    except TwError as exc:
        return type(exc), exc.code


# -- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["case"])
def test_the_encoder_writes_the_captured_bytes(vector: dict[str, Any]) -> None:
    header = RequestHeader(USER, Command(vector["command"]), target_of(vector))
    assert header.encode().hex() == vector["header_hex"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["command"] == 1], ids=lambda v: v["case"])
def test_the_reader_understands_the_captured_bytes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["header_hex"] + vector["first_payload_hex"])
    result = read(data)
    assert result == read_bytewise(data)
    assert result is not None
    header, payload = result
    assert header == RequestHeader(USER, Command.TCP, target_of(vector))
    assert payload.hex() == vector["first_payload_hex"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["command"] != 1], ids=lambda v: v["case"])
def test_udp_mux_and_reverse_are_refused_by_name(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["header_hex"])
    with pytest.raises(Refused, match=f"command {Command(vector['command']).name} is not carried"):
        read(data)
    assert read(data[:-1]) is None


REFUSED_BY_XRAY = {
    "t_bad_version": PeerFault,
    "t_bad_command": PeerFault,
    "t_bad_command0": PeerFault,
    "t_bad_atype": PeerFault,
    "t_bad_domain": PeerFault,
    "t_domain_len0": PeerFault,
    "t_addons_vision": Refused,
    "t_addons_other_flow": Refused,
    "t_addons_garbage": PeerFault,
}


def first_body(case: str) -> bytes:
    steps = DIALOGUES[case]["steps"]
    return bytes.fromhex(next(step["hex"] for step in steps if step["do"] == "body"))


@pytest.mark.parametrize(("case", "error"), REFUSED_BY_XRAY.items())
def test_what_xray_refuses_is_refused(case: str, error: type[TwError]) -> None:
    with pytest.raises(error):
        read(first_body(case))
    assert outcome(read_bytewise, first_body(case)) == outcome(read, first_body(case))


@pytest.mark.parametrize(
    "case",
    ["t_one", "t_bad_uuid", "t_domain_ip", "t_addons_seed", "t_addons_unknown_field", "t_uuid_bytes67"],
)
def test_what_xray_parses_is_parsed(case: str) -> None:
    result = read(first_body(case))
    assert result is not None
    assert result[0].target is not None and result[0].target.host == "127.0.0.1"


def test_a_header_cut_short_is_waited_for() -> None:
    assert read(first_body("t_short_header_end")) is None


def test_every_command_byte_but_four_is_unknown() -> None:
    head = b"\x00" + USER.bytes + b"\x00"
    for byte in set(range(256)) - {1, 2, 3, 4}:
        with pytest.raises(PeerFault, match=f"unknown command {byte}"):
            read(head + bytes((byte,)))


def test_port_0_is_refused_here() -> None:
    with pytest.raises(PeerFault, match="port 0"):
        read(first_body("t_port0"))


def test_the_whole_uuid_counts() -> None:
    result = read(first_body("t_uuid_bytes67"))
    assert result is not None and result[0].uuid != USER


def test_a_name_is_lower_case_and_an_address_in_words_is_an_address() -> None:
    def host_of(name: bytes) -> str:
        body = b"\x00" + USER.bytes + b"\x00\x01\x00\x50\x02" + bytes((len(name),)) + name
        result = read(body)
        assert result is not None and result[0].target is not None
        return result[0].target.host

    assert host_of(b"Example.TEST") == "example.test"
    assert host_of(b"127.0.0.1") == "127.0.0.1"
    assert host_of(b"127.1") == "127.1"


@pytest.mark.parametrize(
    "addons",
    [
        "0000",  # field 0
        "08",  # a varint that does not come
        "0a05",  # a string that does not come
        "0affffffffffffffffff01",  # a length of 2**64 - 1
        "08ffffffffffffffffff02",  # a varint above 64 bits
        "08ffffffffffffffffffff01",  # a varint of eleven bytes
        "0b",  # a group
        "0a02fffe",  # a flow that is not UTF-8
        "09000000",  # a fixed64 cut short
        "0d0000",  # a fixed32 cut short
        "808080808001",  # field number 2**32
    ],
)
def test_addons_that_are_not_protobuf_are_a_fault(addons: str) -> None:
    data = bytes.fromhex(addons)
    head = b"\x00" + USER.bytes + bytes((len(data),)) + data + b"\x01\x00\x50\x01\x7f\x00\x00\x01"
    with pytest.raises(PeerFault, match="not protobuf"):
        read(head)


@pytest.mark.parametrize("addons", ["12026162", "0a00", "2801", "31" + "00" * 8, "3d00000000", "0801"])
def test_addons_without_a_flow_are_skipped(addons: str) -> None:
    data = bytes.fromhex(addons)
    header = RequestHeader(USER, Command.TCP, HostPort("127.0.0.1", 22), data)
    assert read(header.encode()) == (header, b"")


hosts = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,10}){0,3}", fullmatch=True).filter(
        lambda name: not name.replace(".", "").isdigit()
    ),
)


@given(st.uuids(), hosts, st.integers(1, 65535), st.binary(max_size=50), st.lists(st.integers(0, 120)))
def test_a_header_survives_any_fragmentation(
    user: uuid.UUID, host: str, port: int, payload: bytes, cuts: list[int]
) -> None:
    header = RequestHeader(user, Command.TCP, HostPort(host, port))
    data = header.encode() + payload
    reader, received, result = RequestReader(), b"", None
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        if result is None:
            result = reader.receive_data(data[start:end])
            received = result[1] if result else b""
        else:
            received += data[start:end]
    assert result is not None
    assert result[0] == header and received == payload


@given(st.binary(max_size=600))
def test_any_bytes_are_a_header_or_a_named_fault(data: bytes) -> None:
    for body in (data, b"\x00" + data, b"\x00" + USER.bytes + b"\x00" + data):
        assert outcome(read, body) == outcome(read_bytewise, body)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (RequestHeader(USER, Command.TCP, HostPort("a", 1), bytes(256)), "addons"),
        (RequestHeader(USER, Command.TCP, None), "do not go together"),
        (RequestHeader(USER, Command.MUX, HostPort("a", 1)), "do not go together"),
        (RequestHeader(USER, Command.TCP, HostPort("a b", 1)), "not a name"),
        (RequestHeader(USER, Command.TCP, HostPort("", 1)), "not a name"),
        (RequestHeader(USER, Command.TCP, HostPort("ä.test", 1)), "not a name"),
        (RequestHeader(USER, Command.TCP, HostPort("a" * 256, 1)), "not a name"),
        (RequestHeader(USER, Command.TCP, HostPort("fe80::1%eth0", 1)), "not a name"),
        (RequestHeader(USER, Command.TCP, HostPort("a", 0)), "not a port"),
        (RequestHeader(USER, Command.TCP, HostPort("a", 65536)), "not a port"),
    ],
)
def test_what_cannot_be_written_down_is_misuse(header: RequestHeader, why: str) -> None:
    with pytest.raises(Misuse, match=why):
        header.encode()


def test_an_ipv4_mapped_address_stays_ipv6() -> None:
    mapped = str(ipaddress.ip_address("::ffff:127.0.0.1"))
    header = RequestHeader(USER, Command.TCP, HostPort(mapped, 22))
    assert header.encode()[21] == 3
    assert read(header.encode()) == (header, b"")


# -- responses -----------------------------------------------------------------------------------


def test_our_response_header_is_the_captured_one() -> None:
    captured = next(v for v in load("vless_headers.json")["vectors"] if v["case"] == "response header")
    assert captured["header_hex"] == RESPONSE_HEADER.hex()


@pytest.mark.parametrize("addons", ["", "12026162", "0a0378746c"])
def test_a_response_header_is_taken_off_however_it_is_cut(addons: str) -> None:
    head = bytes((0, len(addons) // 2)) + bytes.fromhex(addons)
    data = head + b"payload"
    assert ResponseReader().receive_data(data) == b"payload"
    reader = ResponseReader()
    for at in range(len(head) - 1):
        assert reader.receive_data(data[at : at + 1]) is None
    assert reader.receive_data(data[len(head) - 1 :]) == b"payload"


def test_no_bytes_are_no_header() -> None:
    assert ResponseReader().receive_data(b"") is None
    assert RequestReader().receive_data(b"") is None


@pytest.mark.parametrize("data", ["01", "ff00", "48545450", "000108"])
def test_another_response_is_a_fault(data: str) -> None:
    with pytest.raises(PeerFault):
        ResponseReader().receive_data(bytes.fromhex(data))
