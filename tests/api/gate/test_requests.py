from __future__ import annotations

from typing import Any

import pytest

from tunnel_whisperer.api.gate.requests import Request, is_forged

OWN = "http://127.0.0.1:8080"


def _request(*headers: tuple[str, str], method: str = "GET", kind: str = "http", **more: Any) -> Request:
    scope = {
        "type": kind,
        "method": method,
        "path": "/x",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.1", 4000),
        "server": ("127.0.0.1", 8080),
        **more,
    }
    return Request.of(scope)


def test_a_scope_is_read() -> None:
    request = _request(("A", "1"), ("a", "2"), ("b", "3"), method="post")
    assert request.method == "POST"
    assert request.headers == {"a": ["1", "2"], "b": ["3"]}
    assert (request.header("a"), request.header("b"), request.header("c")) == ("", "3", "")
    assert (request.address, request.server) == ("192.0.2.1", ("127.0.0.1", 8080))
    assert _request(client=None, server=None).address == ""


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("k=v", "v"),
        (" a=b ; k = v ; c", "v"),
        ("k=a=b", "a=b"),
        ("xk=v", ""),
        ("K=v", ""),
        ("k=", ""),
        ("k", ""),
        ("k=v; k=v", ""),
        ('a="; k=v"', 'v"'),
        ("", ""),
    ],
)
def test_a_cookie_is_read_when_there_is_one(line: str, value: str) -> None:
    assert _request(("cookie", line)).cookie("k") == value


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Bearer x", "x"),
        ("bearer  x ", "x"),
        ("Bearer", ""),
        ("Basic x", None),
        ("", None),
        ("Bearerx", None),
    ],
)
def test_a_bearer_token_is_read(value: str, token: str | None) -> None:
    assert _request(("authorization", value)).bearer() == token


@pytest.mark.parametrize(
    ("kind", "is_form"),
    [
        ("application/x-www-form-urlencoded", True),
        ("Multipart/Form-Data; boundary=x", True),
        ("text/plain", False),
        ("application/json; x=multipart/form-data", False),
        ("", False),
    ],
)
def test_a_form_is_known_by_its_type(kind: str, is_form: bool) -> None:
    assert _request(("content-type", kind)).is_form is is_form


def test_a_navigation_is_what_a_person_opens() -> None:
    page = ("accept", "text/html")
    assert _request(page).is_navigation
    assert not _request(page, method="POST").is_navigation
    assert _request(page, method="POST").wants_page
    assert not _request(page, ("sec-fetch-mode", "cors")).wants_page
    assert not _request(("accept", "application/json")).wants_page
    assert not _request(page, kind="websocket").wants_page


def test_a_body_is_announced_in_two_ways() -> None:
    assert _request(("content-length", "1")).has_body
    assert _request(("transfer-encoding", "chunked")).has_body
    assert not _request(("content-length", "0")).has_body
    assert not _request(method="POST").has_body


@pytest.mark.parametrize("path", ["x", "", "*", "http://evil.example/", "/a/../b", "/a/.", "/\\a", "/a\x00", "/a\n", "/a\u202e"])  # fmt: skip
def test_an_odd_path_is_odd(path: str) -> None:
    assert _request(path=path).oddity()


@pytest.mark.parametrize("path", ["/", "/a/b.c", "/...", "/a..b", "/users/jürgen", "/a b"])
def test_an_ordinary_path_is_not(path: str) -> None:
    assert not _request(path=path).oddity()


def test_what_nothing_is_known_of_may_read_and_not_change() -> None:
    assert not is_forged(_request(), OWN)
    assert is_forged(_request(method="POST"), OWN)
    assert is_forged(_request(kind="websocket"), OWN)
    assert not is_forged(_request(("origin", OWN), method="POST"), OWN)
    assert not is_forged(_request(("origin", OWN.upper()), method="POST"), OWN)
