from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.h1_kit import load
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.net.h1_heads import (
    NO_BODY,
    BodyKind,
    Framing,
    H1Fault,
    fault_response,
    find_fault,
    format_request,
    format_response,
    parse_request,
    parse_response,
)
from tunnel_whisperer.wire.http import RequestHead, ResponseHead, header

CHUNKED = Framing(BodyKind.CHUNKED)
UNTIL_CLOSE = Framing(BodyKind.UNTIL_CLOSE)


def request_of(*lines: str) -> Any:
    return parse_request("\r\n".join(lines).encode("latin-1"), "https")


# -- reading requests ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", load("client_connections.json")["connections"], ids=lambda x: x["source"])
def test_requests_of_the_real_client(case: Any) -> None:
    stream = b"".join(bytes.fromhex(x) for x in case["received"])
    block, _, _ = stream.partition(b"\r\n\r\n")
    got = parse_request(block, "http")
    expected = case["requests"][0]
    fields = {name.lower(): value for name, value in expected["headers"]}
    method, target, _ = expected["line"].split(" ")
    assert (got.head.method, got.head.target, got.head.authority) == (method, target, fields.pop("host"))
    assert got.head.close_connection == (fields.pop("connection", "") == "close")
    if fields.pop("transfer-encoding", "") == "chunked":
        assert got.body == CHUNKED
    elif "content-length" in fields:
        assert got.body == Framing(BodyKind.LENGTH, int(fields["content-length"]))
    else:
        assert got.body is NO_BODY
    assert dict(got.head.headers) == fields
    assert not got.expects_continue and not got.is_http10


def test_fields_keep_their_order_and_lose_the_blanks_around_them() -> None:
    got = request_of("GET / HTTP/1.1", "X-B: 2", "Host:  a.test:81\t", "x-a:1", "X-B:", "X-C: a \t b")
    assert got.head.authority == "a.test:81"
    assert got.head.headers == (("x-b", "2"), ("x-a", "1"), ("x-b", ""), ("x-c", "a \t b"))


def test_text_outside_ascii_passes_as_latin_1() -> None:
    assert request_of("GET / HTTP/1.1", "Host: a", "X-A: \xe9").head.headers == (("x-a", "\xe9"),)


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/a?b=c", "h", ("/a?b=c", "h")),
        ("http://www.example.org/pub/WWW/?q", "ignored", ("/pub/WWW/?q", "www.example.org")),
        ("HTTPS://h:8443", "x", ("/", "h:8443")),
        ("http://h?q", "x", ("/?q", "h")),
        ("//two", "[::1]:80", ("//two", "[::1]:80")),
    ],
)
def test_request_targets(target: str, host: str, expected: tuple[str, str]) -> None:
    """RFC 9112 section 3.2."""
    got = request_of(f"GET {target} HTTP/1.1", f"Host: {host}")
    assert (got.head.target, got.head.authority) == expected


def test_the_asterisk_is_for_options() -> None:
    assert request_of("OPTIONS * HTTP/1.1", "Host: a").head.target == "*"


def test_hop_by_hop_fields_are_eaten() -> None:
    got = request_of(
        "POST / HTTP/1.1", "Host: a", "Connection: keep-alive, TE", "Keep-Alive: timeout=5", "TE: trailers",
        "Upgrade: h2c", "Transfer-Encoding: Chunked", "Trailer: x", "Proxy-Connection: close", "X-Kept: 1",
    )  # fmt: skip
    assert got.head.headers == (("x-kept", "1"),)
    assert got.body == CHUNKED and not got.head.close_connection


def test_close_among_other_options() -> None:
    got = request_of("GET / HTTP/1.1", "Host: a", "Connection: te", "Connection: x ,CLOSE")
    assert got.head.close_connection


def test_http_1_0_closes_and_may_lack_a_host() -> None:
    got = request_of("GET / HTTP/1.0")
    assert got.is_http10 and got.head.close_connection and got.head.authority == ""


def test_a_length_said_twice_the_same_is_one_length() -> None:
    got = request_of("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Content-Length: 5")
    assert got.body == Framing(BodyKind.LENGTH, 5)


def test_expectation_needs_a_body_to_wait_for() -> None:
    with_body = ("POST / HTTP/1.1", "Host: a", "Expect: 100-Continue", "Content-Length: 5")
    assert request_of(*with_body).expects_continue
    assert not request_of(*with_body[:3]).expects_continue
    assert not request_of("POST / HTTP/1.0", *with_body[1:]).expects_continue


@pytest.mark.parametrize(
    "lines",
    [
        "GET  / HTTP/1.1|Host: a",
        "GET / HTTP/1.1 |Host: a",
        " GET / HTTP/1.1|Host: a",
        "GET /|Host: a",
        "GET\t/ HTTP/1.1|Host: a",
        "GET / http/1.1|Host: a",
        "GET / HTTP/2.0|Host: a",
        "GET / HTTP/1.2|Host: a",
        "GET / HTTP/1.10|Host: a",
        "G(T / HTTP/1.1|Host: a",
        "GET /\x7f HTTP/1.1|Host: a",
        "GET /\xe9 HTTP/1.1|Host: a",
        "GET relative HTTP/1.1|Host: a",
        "GET * HTTP/1.1|Host: a",
        "CONNECT a:443 HTTP/1.1|Host: a:443",
        "GET ftp://a/ HTTP/1.1|Host: a",
        "GET http://u:p@a/ HTTP/1.1|Host: a",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1|Host: a|Host: a",
        "GET / HTTP/1.0|Host: a|Host: b",
        "GET / HTTP/1.1|Host: a b",
        "GET / HTTP/1.1|Host: a/b",
        "GET / HTTP/1.1|Host: u@a",
        "GET / HTTP/1.1|Host: a|X-A : 1",
        "GET / HTTP/1.1|Host: a|X-A",
        "GET / HTTP/1.1|Host: a|: 1",
        "GET / HTTP/1.1|Host: a|X-A: 1| folded",
        "GET / HTTP/1.1|Host: a|X-A: 1|\tfolded",
        "GET / HTTP/1.1| Host: a|Host: a",
        "GET / HTTP/1.1|Host: a|X-A: 1\nX-B: 2",
        "GET / HTTP/1.1|Host: a|X-A: 1\rX-B: 2",
        "GET / HTTP/1.1|Host: a|X-A: \x00",
        "GET / HTTP/1.1|Host: a|X-A: \x7f",
        "GET / HTTP/1.1|Host: a|X-\xe9: 1",
        "GET / HTTP/1.1\n|Host: a",
        "POST / HTTP/1.1|Host: a|Content-Length: 5|Transfer-Encoding: chunked",
        "POST / HTTP/1.1|Host: a|Content-Length: 5|Content-Length: 6",
        "POST / HTTP/1.1|Host: a|Content-Length: 5|Content-Length: 05",
        "POST / HTTP/1.1|Host: a|Content-Length: 5, 5",
        "POST / HTTP/1.1|Host: a|Content-Length: +5",
        "POST / HTTP/1.1|Host: a|Content-Length: -5",
        "POST / HTTP/1.1|Host: a|Content-Length: 0x5",
        "POST / HTTP/1.1|Host: a|Content-Length: 5 5",
        "POST / HTTP/1.1|Host: a|Content-Length:",
        "POST / HTTP/1.1|Host: a|Content-Length: \xb2",
        "POST / HTTP/1.1|Host: a|Content-Length: 9999999999999999999",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: gzip, chunked",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked, chunked",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: identity",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: \x0bchunked",
        "POST / HTTP/1.1|Host: a|Transfer-Encoding:",
        "POST / HTTP/1.0|Host: a|Transfer-Encoding: chunked",
        "",
        "|Host: a",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(lines: str) -> None:
    """RFC 9112 sections 2.2, 3, 5.1, 5.2, 6.1, 6.3, 11.2."""
    with pytest.raises(H1Fault) as caught:
        request_of(*lines.split("|"))
    assert caught.value.status == 400 and caught.value.code == "bad-http"


@pytest.mark.parametrize(
    ("start", "bad"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r", False),
        (b"GET / HTTP/1.1\r\nHo", False),
        (b"\r\n", False),
        (b"GET / HTTP/1.1\nHost: a", True),
        (b"GET / HTTP/1.1\rHost: a", True),
        (b"\x16\x03\x01\x02\x00\x01\x00", True),
        (b"GET / HTTP/1.1\r\nX: \x00", True),
    ],
)
def test_a_start_that_cannot_become_a_head_is_seen_at_once(start: bytes, bad: bool) -> None:
    assert find_fault(start, 0) is bad
    assert any(find_fault(start[:i], max(0, i - 2)) for i in range(len(start) + 1)) is bad


# -- reading responses -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", load("server_dialogues.json")["dialogues"], ids=lambda x: x["source"])
def test_responses_of_the_real_server(case: Any) -> None:
    """Against h11's reading of the same bytes."""
    received = b"".join(bytes.fromhex(x) for x in case["received"])
    sent = b"".join(bytes.fromhex(x) for x in case["sent"])
    method = sent.split(b" ")[0].decode()
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    other.receive_data(received)
    event = other.next_event()
    assert isinstance(event, h11.Response)
    got = parse_response(received.partition(b"\r\n\r\n")[0], method)
    assert got.head.status == event.status_code
    fields = {name.decode(): value.decode() for name, value in event.headers}
    assert got.closes == (fields.pop("connection", "") == "close" or event.http_version == b"1.0")
    assert (got.body == CHUNKED) == (fields.pop("transfer-encoding", "") == "chunked")
    assert dict(got.head.headers) == fields


@pytest.mark.parametrize(
    ("lines", "method", "body", "closes"),
    [
        ("HTTP/1.1 200 OK|Content-Length: 3", "GET", Framing(BodyKind.LENGTH, 3), False),
        ("HTTP/1.1 200 OK|Content-Length: 3", "HEAD", NO_BODY, False),
        ("HTTP/1.1 200|Content-Length: 0", "GET", NO_BODY, False),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked", "GET", CHUNKED, False),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked", "HEAD", NO_BODY, False),
        ("HTTP/1.1 200 OK", "GET", UNTIL_CLOSE, True),
        ("HTTP/1.0 200 OK|Content-Length: 3", "GET", Framing(BodyKind.LENGTH, 3), True),
        ("HTTP/1.1 204 No Content", "POST", NO_BODY, False),
        ("HTTP/1.1 304 Not Modified|Content-Length: 9", "GET", NO_BODY, False),
        ("HTTP/1.1 100 Continue", "POST", NO_BODY, False),
        ("HTTP/1.1 500 |Connection: close|Content-Length: 0", "GET", NO_BODY, True),
    ],
)
def test_response_framing(lines: str, method: str, body: Framing, closes: bool) -> None:
    """RFC 9112 section 6.3."""
    got = parse_response(lines.replace("|", "\r\n").encode(), method)
    assert got.body == body and got.closes == closes


@pytest.mark.parametrize(
    "lines",
    [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 600 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1  200 OK",
        "HTTP/2 200 OK",
        "ICY 200 OK",
        "HTTP/1.1 200 O\x00K",
        "HTTP/1.1 101 Switching Protocols|Upgrade: h2c",
        "HTTP/1.1 200 OK|Content-Length: 3|Transfer-Encoding: chunked",
        "HTTP/1.1 200 OK|Content-Length: 3|Content-Length: 4",
        "HTTP/1.1 200 OK|X: 1| 2",
        "HTTP/1.0 200 OK|Transfer-Encoding: chunked",
        "HTTP/1.1 200 OK|Transfer-Encoding: gzip",
    ],
)
def test_responses_that_are_refused(lines: str) -> None:
    with pytest.raises(H1Fault):
        parse_response(lines.replace("|", "\r\n").encode("latin-1"), "GET")


# -- writing ---------------------------------------------------------------------------------------


def test_a_stream_request_is_what_the_real_client_sends() -> None:
    """cli_h1_stream_one.json, but for the order of the fields."""
    case = load("client_connections.json")["connections"][0]
    block = bytes.fromhex(case["received"][0]).partition(b"\r\n\r\n")[0]
    fields = [(n.lower(), v) for n, v in case["requests"][0]["headers"]]
    kept = tuple(x for x in fields if x[0] not in ("host", "connection", "transfer-encoding"))
    head = RequestHead("POST", "/tw/srv1/", "127.0.0.1", "http", kept, close_connection=True)
    ours, framing = format_request(head, end=False)
    assert framing == CHUNKED and ours.endswith(b"\r\n\r\n")
    first, *rest = ours[:-4].split(b"\r\n")
    expected_first, *expected = block.split(b"\r\n")
    assert first == expected_first and rest[0] == b"Host: 127.0.0.1"
    assert sorted(rest) == sorted(expected)


@pytest.mark.parametrize(
    ("method", "headers", "end", "framing", "line"),
    [
        ("GET", (), True, NO_BODY, None),
        ("POST", (), True, NO_BODY, b"Content-Length: 0"),
        ("POST", (("content-length", "0"),), True, NO_BODY, b"Content-Length: 0"),
        ("POST", (("content-length", "7"),), False, Framing(BodyKind.LENGTH, 7), b"Content-Length: 7"),
        ("POST", (), False, CHUNKED, b"Transfer-Encoding: chunked"),
    ],
)
def test_request_bodies_are_framed(
    method: str, headers: Any, end: bool, framing: Framing, line: bytes | None
) -> None:
    block, got = format_request(RequestHead(method, "/", "a", headers=headers), end=end)
    assert got == framing
    framing_lines = [x for x in block.split(b"\r\n") if x.lower().startswith((b"content-l", b"transfer"))]
    assert framing_lines == ([] if line is None else [line])


@pytest.mark.parametrize(
    ("status", "headers", "method", "http10", "end", "framing", "line"),
    [
        (200, (), "GET", False, False, CHUNKED, b"Transfer-Encoding: chunked"),
        (200, (), "GET", False, True, NO_BODY, b"Content-Length: 0"),
        (200, (), "GET", True, False, UNTIL_CLOSE, None),
        (200, (("content-length", "4"),), "GET", True, False, Framing(BodyKind.LENGTH, 4), b"Content-Length: 4"),
        (200, (), "HEAD", False, False, NO_BODY, None),
        (200, (("content-length", "4"),), "HEAD", False, True, NO_BODY, b"Content-Length: 4"),
        (204, (), "GET", False, True, NO_BODY, None),
        (304, (), "GET", False, True, NO_BODY, None),
        (404, (("content-length", "0"),), "POST", False, True, NO_BODY, b"Content-Length: 0"),
    ],
)  # fmt: skip
def test_response_bodies_are_framed(
    status: int, headers: Any, method: str, http10: bool, end: bool, framing: Framing, line: bytes | None
) -> None:
    block, got = format_response(
        ResponseHead(status, headers), method=method, is_http10=http10, closes=False, end=end
    )
    assert got == framing
    framing_lines = [x for x in block.split(b"\r\n") if x.lower().startswith((b"content-l", b"transfer"))]
    assert framing_lines == ([] if line is None else [line])


@pytest.mark.parametrize(
    "head",
    [
        RequestHead("GE T", "/", "a"),
        RequestHead("", "/", "a"),
        RequestHead("GET", "/a b", "a"),
        RequestHead("GET", "/a\r\nX: 1", "a"),
        RequestHead("GET", "/\xe9", "a"),
        RequestHead("GET", "", "a"),
        RequestHead("GET", "/", "a\r\nX: 1"),
        RequestHead("GET", "/", "a/b"),
        RequestHead("GET", "/", "a", headers=(("x", "1\r\nY: 2"),)),
        RequestHead("GET", "/", "a", headers=(("x", "1\n"),)),
        RequestHead("GET", "/", "a", headers=(("x", "\x00"),)),
        RequestHead("GET", "/", "a", headers=(("x", " 1"),)),
        RequestHead("GET", "/", "a", headers=(("x", "\u20ac"),)),
        RequestHead("GET", "/", "a", headers=(("x:y", "1"),)),
        RequestHead("GET", "/", "a", headers=(("X", "1"),)),
        RequestHead("GET", "/", "a", headers=(("", "1"),)),
        RequestHead("GET", "/", "a", headers=(("host", "b"),)),
        RequestHead("GET", "/", "a", headers=(("transfer-encoding", "chunked"),)),
        RequestHead("GET", "/", "a", headers=(("connection", "close"),)),
        RequestHead("GET", "/", "a", headers=(("content-length", "1"), ("content-length", "1"))),
        RequestHead("GET", "/", "a", headers=(("content-length", "x"),)),
        RequestHead("POST", "/", "a", headers=(("content-length", "3"),)),
    ],
)
def test_heads_that_would_be_read_as_something_else_are_not_sent(head: RequestHead) -> None:
    with pytest.raises(Misuse):
        format_request(head, end=True)


@pytest.mark.parametrize(
    "head",
    [
        ResponseHead(100),
        ResponseHead(600),
        ResponseHead(200, (("x", "1\r\n\r\n<html>"),)),
        ResponseHead(200, (("content-length", "3"),)),
    ],
)
def test_responses_that_are_not_sent(head: ResponseHead) -> None:
    with pytest.raises(Misuse):
        format_response(head, method="GET", is_http10=False, closes=False, end=True)


def test_the_431_is_that_of_the_real_server() -> None:
    """srv_h1_http.json, case s_big_header."""
    assert fault_response(431) == (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Connection: close\r\n\r\n431 Request Header Fields Too Large"
    )


_names = st.from_regex(r"x-[!#$%&'*+.^_`|~0-9a-z-]{1,10}", fullmatch=True)
_values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20
)
_clean = _values.map(lambda x: "".join(c for c in x if not 0x7F <= ord(c) < 0x80).strip(" \t"))
_headers = st.lists(st.tuples(_names, _clean), max_size=5).map(tuple)


@given(headers=_headers, length=st.none() | st.integers(0, 10**9), closes=st.booleans())
def test_what_we_write_is_read_back_by_us_and_by_h11(headers: Any, length: int | None, closes: bool) -> None:
    if length is not None:
        headers = (*headers, ("content-length", str(length)))
    head = RequestHead("POST", "/a?b", "h.test", "https", headers, closes)
    block, framing = format_request(head, end=False)
    got = parse_request(block[:-4], "https")
    assert got.head == head
    assert got.body == framing or (length == 0 and got.body is NO_BODY)
    other = h11.Connection(h11.SERVER)
    other.receive_data(block)
    event = other.next_event()
    assert isinstance(event, h11.Request)
    fields = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
    assert [x for x in fields if x[0].startswith("x-")] == [x for x in headers if x[0].startswith("x-")]


@given(st.binary(max_size=200))
def test_garbage_yields_heads_or_faults(garbage: bytes) -> None:
    for read in (lambda x: parse_request(x, "http"), lambda x: parse_response(x, "GET")):
        try:
            read(garbage)
        except H1Fault:
            pass


@given(st.lists(st.sampled_from(
    ["Host: a", "Content-Length: 3", "Content-Length: 3 ", "Content-Length: 4", "Transfer-Encoding: chunked",
     "transfer-encoding:chunked", "Transfer-Encoding : chunked", " Content-Length: 4", "X: 1",
     "Transfer-Encoding: xchunked", "Content_Length: 9"]), max_size=5))  # fmt: skip
def test_a_request_that_is_taken_has_one_framing(lines: list[str]) -> None:
    """Whatever is accepted, h11 (stricter or laxer elsewhere) reads the same way."""
    block = "\r\n".join(["POST / HTTP/1.1", *lines]).encode()
    try:
        got = parse_request(block, "http")
    except H1Fault:
        return
    other = h11.Connection(h11.SERVER)
    other.receive_data(block + b"\r\n\r\n")
    event = other.next_event()
    assert isinstance(event, h11.Request)
    fields = [(n.decode(), v.decode()) for n, v in event.headers]
    assert (got.body == CHUNKED) == (("transfer-encoding", "chunked") in fields)
    assert header(got.head.headers, "content-length") == header(tuple(fields), "content-length")
