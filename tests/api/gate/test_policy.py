from __future__ import annotations

import pytest

from tests.api.gate.scene import POLICY
from tunnel_whisperer.api.gate import GuardPolicy
from tunnel_whisperer.base.limits import MAX_LOGIN_BYTES, MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    ("port", "tls", "host", "origin"),
    [
        (8080, False, "localhost:8080", "http://localhost:8080"),
        (8443, True, "Localhost:8443", "https://localhost:8443"),
        (80, False, "127.0.0.1", "http://127.0.0.1"),
        (80, False, "127.0.0.1:80", "http://127.0.0.1"),
        (443, True, "[::1]", "https://[::1]"),
        (443, True, "[::1]:443", "https://[::1]"),
        (443, True, "[::1]:80", None),
        (8080, False, "localhost", None),
        (80, True, "localhost", None),
    ],
)
def test_our_origin_is_what_a_browser_says(port: int, tls: bool, host: str, origin: str | None) -> None:
    assert GuardPolicy(port=port, tls=tls).origin(host, ("127.0.0.1", port)) == origin


def test_the_cookie_has_the_port_in_its_name_and_under_tls_the_prefix() -> None:
    assert GuardPolicy(port=8080).cookie == "tw_session_8080"
    assert GuardPolicy(port=8443, tls=True).cookie == "__Host-tw_session_8443"


def test_by_default_little_is_open_and_nothing_is_secret_or_large() -> None:
    policy = GuardPolicy(port=8080)
    assert [path for path in ("/login", "/healthz", "/static/x") if policy.is_open(path)] == [
        "/login", "/healthz", "/static/x",
    ]  # fmt: skip
    closed = ("/", "/logout", "/static", "/staticx", "/login/x", "/api/", "/metrics", "", "/LOGIN", "//login")
    assert [path for path in closed if policy.is_open(path)] == []
    assert policy.may_read("/api/v1/users/alice/file")
    assert policy.body_limit("/api/x") == MAX_REQUEST_BYTES


def test_the_longest_folder_decides_about_a_body() -> None:
    policy = GuardPolicy(uploads={"/files/": 5, "/files/big/": 7, "/files/big/one": 9})
    limits = {
        path: policy.body_limit(path)
        for path in ("/files/x", "/files/big/x", "/files/big/one", "/login", "/x")
    }
    assert limits == {
        "/files/x": 5,
        "/files/big/x": 7,
        "/files/big/one": 9,
        "/login": MAX_LOGIN_BYTES,
        "/x": MAX_REQUEST_BYTES,
    }


def test_a_user_s_file_is_not_for_who_only_reads() -> None:
    assert not POLICY.may_read("/api/v1/users/alice/file")
    assert POLICY.may_read("/api/v1/users/alice")
    assert not POLICY.may_read("/apix")


def test_a_person_is_told_the_address() -> None:
    assert GuardPolicy(port=8443, tls=True).address == "https://127.0.0.1:8443/"


def test_a_server_s_whole_uuid_is_not_for_who_only_reads() -> None:
    policy = GuardPolicy(port=8080)
    assert not policy.may_read("/api/v1/servers/plant/response")
    assert not policy.may_read("/api/v1/join/request")
    assert policy.may_read("/api/v1/servers/plant") and policy.may_read("/api/v1/servers")
