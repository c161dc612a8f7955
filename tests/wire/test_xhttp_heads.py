"""Request and response heads against those of the real programs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.pair import draw, request
from tests.wire.vectors import SESSION_ID, golden_request, golden_requests, load
from tunnel_whisperer.wire.http import Headers, RequestHead, header
from tunnel_whisperer.wire.padding import has_padding
from tunnel_whisperer.wire.xhttp_heads import (
    BROWSER_HEADERS,
    RequestHeads,
    not_found,
    plain_response,
    preflight_response,
    stream_response,
    upload_response,
)

DIRECT = [
    vector
    for vector in golden_requests()
    if vector["from"].startswith(("cli_h1_", "cli_h2_", "cli_tls_h1_"))
    and "headers" not in vector["client_xhttpSettings"]
    and "extra" not in vector["client_xhttpSettings"]
]


def heads_for(head: RequestHead, http_version: str, path: str) -> RequestHeads:
    base, mark, query = path.partition("?")
    return RequestHeads(
        prefix=base.rstrip("/") + "/",
        query=mark + query,
        authority=head.authority,
        scheme=(header(head.headers, "referer") or "").partition(":")[0],
        session_id=SESSION_ID,
        http_version=http_version,
        draw=lambda lo, hi: 300,
        extra=BROWSER_HEADERS,
    )


def ours_like(head: RequestHead, http_version: str, path: str) -> RequestHead:
    """The head that our client sends where Xray's sent this one."""
    heads = heads_for(head, http_version, path)
    parts = head.target.partition("?")[0].split("/")
    if head.method == "GET":
        return heads.download()
    if parts[-1].isdigit():
        return heads.packet(int(parts[-1]), int(header(head.headers, "content-length") or 0), end=False)
    return heads.stream_up() if parts[-1] == SESSION_ID else heads.stream_one()


def comparable(headers: Headers) -> list[tuple[str, str]]:
    """Without what is left out on purpose (see the module)."""
    return sorted(field for field in headers if field[0] != "accept-encoding")


@pytest.mark.parametrize("vector", DIRECT, ids=lambda v: f"{v['from']}-{v['method']}-{v['path']}")
def test_our_request_heads_are_those_of_the_real_client(vector: dict[str, Any]) -> None:
    theirs = golden_request(vector)
    version = "1.1" if vector["proto"] == "HTTP/1.1" else "2"
    ours = ours_like(theirs, version, vector["client_xhttpSettings"]["path"])
    assert (ours.method, ours.target, ours.authority) == (theirs.method, theirs.target, theirs.authority)
    assert comparable(ours.headers) == comparable(theirs.headers)
    if version == "1.1":
        assert ours.close_connection == theirs.close_connection


def test_enough_was_recorded_to_compare_with() -> None:
    paths = ("/tw/srv1/", "/tw/srv1/{SID}", "/tw/srv1/{SID}/0")
    for proto in ("HTTP/1.1", "HTTP/2"):
        assert {v["path"] for v in DIRECT if v["proto"] == proto}.issuperset(paths)


def make(http_version: str = "2", query: str = "", extra: Headers = ()) -> RequestHeads:
    return RequestHeads(
        prefix="/tw/srv1/",
        query=query,
        authority="h.test",
        scheme="https",
        session_id=SESSION_ID,
        http_version=http_version,
        draw=draw,
        extra=extra,
    )


def test_every_head_passes_the_servers_padding_check() -> None:
    heads = make(query="?ed=1")
    for head in (heads.stream_one(), heads.download(), heads.stream_up(), heads.packet(0, 1, end=False)):
        assert has_padding(head)
        assert head.target.endswith("?ed=1")
        assert header(head.headers, "referer") == "https://h.test/tw/srv1/?x_padding=" + "X" * 100


def test_streams_close_their_http1_connection_and_packets_do_not() -> None:
    one, two = make("1.1"), make("2")
    assert one.stream_one().close_connection and one.download().close_connection
    assert one.stream_up().close_connection
    assert not one.packet(0, 1, end=False).close_connection
    assert not two.stream_one().close_connection and not two.download().close_connection


def test_only_stream_uploads_pass_for_grpc() -> None:
    heads = make()
    assert header(heads.stream_one().headers, "content-type") == "application/grpc"
    assert header(heads.stream_up().headers, "content-type") == "application/grpc"
    assert header(heads.download().headers, "content-type") is None
    assert header(heads.packet(0, 1, end=False).headers, "content-type") is None


def test_only_the_last_packet_is_marked() -> None:
    assert header(make().packet(3, 0, end=True).headers, "x-end") == "1"
    assert header(make().packet(3, 9, end=False).headers, "x-end") is None


def test_no_head_uses_the_names_that_xray_takes_for_payload() -> None:
    for head in (make().stream_one(), make(extra=BROWSER_HEADERS).packet(0, 1, end=True)):
        assert not any(name.startswith("x-data") or name == "cookie" for name, _ in head.headers)


# -- responses -----------------------------------------------------------------------------------


def recorded(request_line: str, status: int) -> set[str]:
    """Names of the headers of a recorded answer, without those that HTTP itself adds."""
    by_http = {"date", "connection", "transfer-encoding"}
    found = [
        {line.partition(":")[0].lower() for line in answer["headers"]} - by_http
        for answer in load("golden_server_responses.json")["responses"]
        if answer["request"].removesuffix(" HTTP/1.1") == request_line
        and answer["status"].startswith(str(status))
    ]
    return max(found, key=len)


def names(headers: Headers) -> set[str]:
    return {name for name, _ in headers}


ASKED = request("POST", "/tw/srv1/")


def test_stream_responses_have_the_recorded_headers() -> None:
    response = stream_response(ASKED, draw)
    assert response.status == 200
    assert names(response.headers) == recorded("POST /tw/srv1/", 200) == recorded("GET /tw/srv1/", 200)
    assert header(response.headers, "content-type") == "text/event-stream"
    assert header(response.headers, "cache-control") == "no-store"
    assert header(response.headers, "x-accel-buffering") == "no"
    assert header(response.headers, "access-control-allow-origin") == "*"
    assert header(response.headers, "x-padding") == "X" * 100


def test_upload_responses_have_the_recorded_headers() -> None:
    response = upload_response(ASKED, draw)
    assert names(response.headers) == recorded("POST /tw/srv1/S1", 200)
    assert header(response.headers, "content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("POST /tw/srv1/sess-A/0", 200),
        ("POST /tw/srv1/sess-F/-1", 500),
        ("POST /tw/srv1/sess-H/0", 413),
        ("POST /tw/srv1/S3", 409),
        ("POST /tw/srv1/pad/7", 400),
    ],
)
def test_plain_responses_have_the_recorded_headers(request_line: str, status: int) -> None:
    response = plain_response(ASKED, status, draw)
    assert response.status == status
    assert names(response.headers) == recorded(request_line, status)
    assert header(response.headers, "content-length") == "0"


def test_the_answer_outside_the_path_shows_nothing_of_xhttp() -> None:
    assert not_found().status == 404
    assert names(not_found().headers) == recorded("POST /nope/E/0", 404) == {"content-length"}


def test_a_preflight_allows_what_is_asked() -> None:
    plain = preflight_response(request("OPTIONS", "/tw/srv1/"), draw)
    assert names(plain.headers) == recorded("OPTIONS /tw/srv1/", 200)
    assert header(plain.headers, "access-control-allow-methods") == "*"
    assert header(plain.headers, "access-control-allow-headers") == "*"
    asked = request(
        "OPTIONS",
        "/tw/srv1/",
        ("origin", "https://o.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-a, x-b"),
    )
    mirrored = preflight_response(asked, draw)
    assert header(mirrored.headers, "access-control-allow-origin") == "https://o.example"
    assert header(mirrored.headers, "access-control-allow-methods") == "POST"
    assert header(mirrored.headers, "access-control-allow-headers") == "x-a, x-b"
