"""Heads to and from HPACK: the examples of RFC 7541 appendix C, and the rules of RFC 9113 section 8."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.h2_kit import GET, block
from tunnel_whisperer.base.limits import MAX_HEADER_BYTES
from tunnel_whisperer.net.h2_frames import ErrorCode, H2Fault
from tunnel_whisperer.net.h2_heads import (
    HeadDecoder,
    HeadEncoder,
    MalformedHead,
    check_trailers,
    content_length,
    is_too_long,
    parse_request,
    parse_response,
)
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

# RFC 7541 appendices C.3 (without Huffman), C.4 and C.6 (with): block, then fields.
REQUESTS = [
    (
        "828684410f7777772e6578616d706c652e636f6d",
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    ),
    (
        "828684be58086e6f2d6361636865",
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"),
         ("cache-control", "no-cache")],
    ),
    (
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"),
         ("custom-key", "custom-value")],
    ),
]  # fmt: skip
HUFFMAN = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]


def read(decoder: hpack.Decoder, wire: bytes) -> list[tuple[str, str]]:
    """What another implementation makes of it."""
    return [(str(name), str(value)) for name, value in decoder.decode(wire)]


def test_the_examples_of_the_rfc_are_read() -> None:
    plain, huffman = HeadDecoder(), HeadDecoder()
    for (wire, fields), compressed in zip(REQUESTS, HUFFMAN, strict=True):
        assert plain.decode(bytes.fromhex(wire)) == fields
        assert huffman.decode(bytes.fromhex(compressed)) == fields


def test_the_examples_of_the_rfc_are_written() -> None:
    encoder = HeadEncoder()
    for wire, fields in REQUESTS:
        assert encoder.encode(fields).hex() == wire


def test_what_we_write_is_read_by_another_implementation() -> None:
    encoder, decoder = HeadEncoder(), hpack.Decoder()
    request = RequestHead(
        "GET", "/tw/x?y", "relay.test", "https", (("referer", "secret"), ("x", "gr\xfc\xdfe"))
    )
    for _ in range(3):
        fields = decoder.decode(encoder.encode_request(request), raw=True)
        assert [
            (bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in fields
        ] == [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "relay.test"),
            (":path", "/tw/x?y"),
            ("referer", "secret"),
            ("x", "gr\xfc\xdfe"),
        ]
    assert read(decoder, encoder.encode_response(ResponseHead(404)))[0] == (":status", "404")


def test_what_is_nobody_s_business_never_enters_a_table() -> None:
    encoder = HeadEncoder()
    fields = [("referer", "secret"), ("x-padding", "XXX")]
    first, second = encoder.encode(fields), encoder.encode(fields)
    assert first == second
    literal = b"\x1f\x24\x06secret"  # RFC 7541 section 6.2.3: never indexed, name 51 of the static table
    assert first.startswith(literal)


@given(st.lists(st.lists(st.integers(0, 5000), max_size=4), max_size=6))
def test_table_sizes_are_told_as_the_peer_needs_them(rounds: list[list[int]]) -> None:
    """RFC 7541 section 4.2; the peer shrinks its table the moment it says so."""
    encoder, decoder = HeadEncoder(), hpack.Decoder()
    for n, sizes in enumerate(rounds):
        for size in sizes:
            encoder.limit_table(size)
            decoder.max_allowed_table_size = size
            if size < decoder.header_table_size:
                decoder.header_table.maxsize = size
        fields = [(":status", "200"), ("x-same", "a" * 50), (f"x-{n}", "b" * 50)]
        assert read(decoder, encoder.encode(fields)) == fields


def test_a_table_size_told_twice_is_not_forgotten() -> None:
    encoder, decoder = HeadEncoder(), hpack.Decoder()
    assert read(decoder, encoder.encode([("x", "y")])) == [("x", "y")]
    encoder.limit_table(0)
    encoder.limit_table(0)
    decoder.max_allowed_table_size = 0
    assert read(decoder, encoder.encode([("x", "y")])) == [("x", "y")]


def test_changes_of_the_table_without_a_head_do_not_pile_up() -> None:
    encoder = HeadEncoder()
    for n in range(10_000):
        encoder.limit_table(n % 2 * 4096)
    assert len(encoder.encode([("x", "y")])) < 20


def test_a_bomb_costs_the_connection_and_no_memory() -> None:
    """One byte per field of 4 KB: RFC 7541 section 7.3."""
    decoder = HeadDecoder()
    entry = b"\x40\x01a" + b"\x7f\x81\x1e" + b"v" * 3968
    assert len(decoder.decode(entry)) == 1
    with pytest.raises(H2Fault) as fault:
        decoder.decode(b"\xbe" * 10_000)
    assert fault.value.error_code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_head_above_the_limit_is_told_from_one_that_costs_the_connection() -> None:
    def of(size: int) -> list[tuple[str, str]]:
        return HeadDecoder().decode(block([("x", "v" * size)]))

    assert not is_too_long(of(MAX_HEADER_BYTES - 33))
    assert is_too_long(of(MAX_HEADER_BYTES - 32))
    assert is_too_long(of(2 * MAX_HEADER_BYTES - 33))
    with pytest.raises(H2Fault):
        of(2 * MAX_HEADER_BYTES)


def test_a_fault_does_not_tell_the_block_to_the_log() -> None:
    with pytest.raises(H2Fault) as fault:
        HeadDecoder().decode(b"\x7f\xff\xff\xff\xff\xff\xff" + b"secret")
    assert "secret" not in str(fault.value) and len(str(fault.value)) < 100


@given(st.binary(max_size=200))
def test_garbage_is_fields_or_a_fault(garbage: bytes) -> None:
    try:
        fields = HeadDecoder().decode(garbage)
    except H2Fault:
        return
    for parse in (parse_request, parse_response, check_trailers):
        try:
            parse(fields)
        except MalformedHead:
            pass


def test_a_request_is_read() -> None:
    fields = [*GET, ("cookie", "a"), ("cookie", "b")]
    assert parse_request(fields) == RequestHead(
        "GET", "/x", "relay.test", "https", (("cookie", "a"), ("cookie", "b"))
    )


def test_the_authority_goes_before_host() -> None:
    assert parse_request([*GET, ("host", "evil.test")]).authority == "relay.test"
    assert parse_request([GET[0], GET[1], GET[3]]).authority == ""


@pytest.mark.parametrize("target", ["", "x", "http://relay.test/x", "relay.test:443"])
def test_a_target_that_is_no_path_is_malformed(target: str) -> None:
    with pytest.raises(MalformedHead):
        parse_request([*GET[:3], (":path", target)])


@pytest.mark.parametrize("status", ["", "20", "2000", "2x0", "\xb2\xb2\xb2", "099", "101"])
def test_a_status_is_three_digits(status: str) -> None:
    with pytest.raises(MalformedHead):
        parse_response([(":status", status)])


def test_a_response_is_read() -> None:
    assert parse_response([(":status", "599"), ("x", "")]) == ResponseHead(599, (("x", ""),))


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ((), None),
        ((("content-length", "0"),), 0),
        ((("content-length", "42"), ("content-length", "42")), 42),
    ],
)
def test_content_length_is_read(headers: tuple[tuple[str, str], ...], length: int | None) -> None:
    assert content_length(headers) == length


@pytest.mark.parametrize("value", ["", "-1", "+1", "1,1", "0x10", "\xb2", "9" * 19])
def test_a_content_length_that_is_no_number_is_malformed(value: str) -> None:
    with pytest.raises(MalformedHead):
        content_length((("content-length", value),))


@pytest.mark.parametrize(
    "field",
    [
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "a "),
        ("X", "a"),
        ("", "a"),
        ("x:", "a"),
        (":path", "/"),
    ],
)
def test_trailers_are_checked(field: tuple[str, str]) -> None:
    with pytest.raises(MalformedHead):
        check_trailers([field])
