"""Who is let in, by which key, to what."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.gate.asgi import ask, open_websocket
from tests.api.gate.scene import HOST, OWN, PAGE, POLICY, Scene
from tests.kit.clock import real_run
from tunnel_whisperer.api.gate import Guard, GuardPolicy, KeyBook, admission, check_form
from tunnel_whisperer.base.limits import BROWSER_IDLE_S, BROWSER_LIFE_S

Header = tuple[str, str]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "dashboard")


# -- keys -------------------------------------------------------------------------------------------


def test_a_cookie_lets_a_browser_in(scene: Scene) -> None:
    answer = scene.ask("GET", "/", scene.cookie, PAGE)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "who": f"browser {scene.browser.key.id}",
        "all": True,
        "csrf": scene.csrf[1],
    }


def test_a_token_lets_a_program_in(scene: Scene) -> None:
    answer = scene.ask("DELETE", "/api/v1/users/alice", scene.bearer)
    assert json.loads(answer.body) == {
        "who": f"token {scene.token.key.id} backup",
        "all": True,
        "csrf": "",
    }


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/status", "/metrics", "/statics", "/login/", "/healthz/x", "/docs"]
)
def test_without_a_key_a_program_gets_401(scene: Scene, path: str) -> None:
    answer = scene.ask("GET", path)
    assert answer.status == 401
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("www-authenticate") == "Bearer"
    problem = json.loads(answer.body)
    assert (problem["code"], problem["status"]) == ("not-logged-in", 401)
    assert "tw dashboard" in problem["hint"]
    assert scene.reached == []


def test_without_a_key_a_browser_is_sent_to_the_login(scene: Scene) -> None:
    answer = scene.ask("GET", "/users?x=1", PAGE, ("sec-fetch-mode", "navigate"))
    assert (answer.status, answer.header("location")) == (303, "/login")
    assert scene.ask("POST", "/users", PAGE, OWN).status == 303
    assert scene.ask("GET", "/api/v1/status", PAGE).status == 401
    assert scene.ask("GET", "/users", PAGE, ("sec-fetch-mode", "cors")).status == 401
    assert scene.reached == []


def test_without_a_key_htmx_is_sent_to_the_login(scene: Scene) -> None:
    answer = scene.ask("GET", "/users", ("hx-request", "true"))
    assert (answer.status, answer.header("hx-redirect")) == (401, "/login")


@pytest.mark.parametrize(
    "path", ["/login", "/login?token=x", "/healthz", "/static/app.css", "/static/a/b.js"]
)
def test_open_pages_need_no_key(scene: Scene, path: str) -> None:
    answer = scene.ask("GET", path)
    assert answer.status == 200
    assert json.loads(answer.body) == {"who": "", "all": False, "csrf": ""}


@pytest.mark.parametrize("path", ["/static/../api/v1/users", "/static/%2e%2e/api/v1/users", "/static/./x", "/static/..",
                                  "/static/..%5capi", "/static/%0d%0ax", "/static/%00"])  # fmt: skip
def test_a_path_means_what_it_says(scene: Scene, path: str) -> None:
    assert scene.ask("GET", path).status == 400
    assert scene.ask("GET", path, scene.cookie).status == 400
    assert scene.reached == []


@pytest.mark.parametrize("secret", ["", "x", "tw-browser-", "tw-token-" + "A" * 43, "Ünicode", "a" * 10_000])
def test_a_wrong_key_lets_nobody_in(scene: Scene, secret: str) -> None:
    assert scene.ask("GET", "/", ("authorization", f"Bearer {secret}")).status == 401
    assert scene.ask("GET", "/", ("cookie", f"{POLICY.cookie}={secret}")).status == 401
    assert scene.reached == []


def test_a_wrong_token_is_refused_although_the_cookie_is_good(scene: Scene) -> None:
    assert scene.ask("GET", "/", scene.cookie, ("authorization", "Bearer x")).status == 401


def test_each_kind_of_key_comes_in_its_own_way(scene: Scene) -> None:
    as_token = ("authorization", f"Bearer {scene.browser.secret}")
    as_cookie = ("cookie", f"{POLICY.cookie}={scene.token.secret}")
    assert scene.ask("GET", "/", as_token).status == 401
    assert scene.ask("GET", "/", as_cookie).status == 401


def test_the_cookie_of_another_port_is_not_ours(scene: Scene) -> None:
    assert scene.ask("GET", "/", ("cookie", f"tw_session_9090={scene.browser.secret}")).status == 401


def test_a_browser_is_over_after_silence_and_after_a_month(scene: Scene) -> None:
    scene.now += BROWSER_IDLE_S - 1
    assert scene.ask("GET", "/", scene.cookie).status == 200
    scene.now += BROWSER_IDLE_S
    assert scene.ask("GET", "/", scene.cookie).status == 401
    scene.now = scene.browser.key.created
    while scene.now < scene.browser.key.created + BROWSER_LIFE_S - BROWSER_IDLE_S:
        assert scene.book.find(scene.browser.secret, scene.browser.key.kind, "") is not None
        scene.now += BROWSER_IDLE_S - 1
    scene.now = scene.browser.key.created + BROWSER_LIFE_S
    assert scene.ask("GET", "/", scene.cookie).status == 401


def test_a_revoked_key_lets_nobody_in(scene: Scene) -> None:
    assert scene.book.revoke(scene.browser.key.id)
    assert scene.ask("GET", "/", scene.cookie).status == 401
    assert scene.book.revoke(scene.token.key.id)
    assert scene.ask("GET", "/api/v1/status", scene.bearer).status == 401


def test_what_was_revoked_in_another_process_is_revoked_here(scene: Scene) -> None:
    KeyBook(scene.directory, lambda: scene.now).revoke_all()
    assert scene.ask("GET", "/", scene.cookie).status == 401
    assert scene.ask("GET", "/api/v1/status", scene.bearer).status == 401


# -- scope read -------------------------------------------------------------------------------------


def test_a_reading_token_reads(scene: Scene) -> None:
    for method in ("GET", "HEAD"):
        for path in ("/metrics", "/api/v1/status", "/healthz"):
            assert scene.ask(method, path, scene.reading).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "/api/v1/users") for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "x")),
        ("POST", "/login"),
        ("POST", "/healthz"),
        ("GET", "/"),
        ("GET", "/users"),
        ("GET", "/metricsx"),
        ("GET", "/metrics/x"),
        ("GET", "/api"),
        ("GET", "/api/v1/users/alice/file"),
    ],
)  # fmt: skip
def test_a_reading_token_does_nothing_else(scene: Scene, method: str, path: str) -> None:
    answer = scene.ask(method, path, scene.reading, ("x-http-method-override", "GET"))
    assert answer.status == 403
    assert json.loads(answer.body)["code"] == "key-reads-only"
    assert scene.reached == []


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("content-type", "application/zip", 403),
        ("content-type", "application/octet-stream", 403),
        ("content-type", "multipart/mixed", 403),
        ("Content-Disposition", 'attachment; filename="alice.json"', 403),
        ("content-type", "application/json", 200),
        ("content-type", "application/openmetrics-text; version=1.0.0", 200),
        ("content-type", "text/event-stream", 200),
        ("x", "y", 200),
    ],
)
def test_a_reading_token_gets_no_file_whatever_the_route(
    scene: Scene, header: str, value: str, status: int
) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(header.encode(), value.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"private"})

    guard = Guard(app, POLICY, scene.book)
    answer = real_run(ask(guard, "GET", "/api/v1/new/route", [HOST, scene.reading]))
    assert answer.status == status
    assert (b"private" in answer.body) is (status == 200)
    assert real_run(ask(guard, "GET", "/api/v1/new/route", [HOST, scene.bearer])).body == b"private"


def test_a_reading_token_opens_no_websocket(scene: Scene) -> None:
    sent = real_run(open_websocket(scene.guard, "/api/v1/terminal", [HOST, scene.reading]))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# -- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "tw.plant.lan:8080"])  # fmt: skip
def test_our_own_names_are_answered(scene: Scene, host: str) -> None:
    assert scene.ask_raw("GET", "/", [("host", host), scene.cookie]).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8080", "evil.example", "127.0.0.1", "127.0.0.1:8081", "127.0.0.1.evil.example:8080", "", "localhost.:8080",
     "localhost:8080.evil.example", "127.0.0.2:8080", "[::1", "::1:8080", "localhost:80800", "tw.plant.lan", "user@localhost:8080",
     "localhost:8080,evil.example", "localhost:8080 ", "2130706433:8080", "0.0.0.0:8080"],
)  # fmt: skip
def test_another_name_is_refused_whatever_comes_with_it(scene: Scene, host: str) -> None:
    for key in (scene.cookie, scene.bearer):
        for path in ("/", "/login", "/static/app.css", "/api/v1/status"):
            answer = scene.ask_raw("GET", path, [("host", host), key])
            assert answer.status == 421
            assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert scene.reached == []


def test_a_rebound_page_is_refused_though_all_it_says_fits_together(scene: Scene) -> None:
    name = ("host", "evil.example:8080")
    same = [("origin", "http://evil.example:8080"), ("sec-fetch-site", "same-origin")]
    assert scene.ask_raw("POST", "/login", [name, *same]).status == 421
    assert "http://127.0.0.1:8080/" in scene.ask_raw("GET", "/", [name]).body.decode()


def test_without_a_host_or_with_two_nothing_is_answered(scene: Scene) -> None:
    assert scene.ask_raw("GET", "/login", []).status == 421
    assert scene.ask_raw("GET", "/login", [HOST, HOST]).status == 400
    assert scene.ask_raw("GET", "/login", [HOST, ("host", "evil.example")]).status == 400
    assert (
        scene.ask_raw("GET", "/login", [("x-forwarded-host", HOST[1]), ("host", "evil.example")]).status
        == 421
    )


def test_the_address_of_the_socket_itself_is_a_name_of_ours(scene: Scene) -> None:
    def ask_at(host: str, address: str) -> int:
        there = [("host", host), scene.cookie]
        return real_run(ask(scene.guard, "GET", "/", there, server=(address, 8080))).status

    assert ask_at("192.0.2.7:8080", "192.0.2.7") == 200
    assert ask_at("[2001:db8::7]:8080", "2001:db8::7") == 200
    assert ask_at("192.0.2.8:8080", "192.0.2.7") == 421


# -- oddities ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer x"), ("authorization", "Bearer y")],
        [("content-length", "1"), ("content-length", "1")],
        [("content-length", "1"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
        [("content-length", "-1")],
        [("content-length", "+1")],
        [("content-length", "1, 1")],
        [("content-length", "1" * 30)],
        [("content-length", "²")],
        [OWN, OWN],
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(scene: Scene, headers: list[Header]) -> None:
    answer = scene.ask("POST", "/api/v1/users", scene.cookie, scene.csrf, *headers)
    assert answer.status == 400
    assert json.loads(answer.body)["code"] == "bad-http"
    assert scene.reached == []


def test_of_two_cookies_of_our_name_none_counts(scene: Scene) -> None:
    name, value = scene.cookie
    other = f"{POLICY.cookie}=x"
    for cookies in (
        [f"{value}; {other}"],
        [f"{other}; {value}"],
        [value, other],
        [other, value],
        [value, value],
    ):
        assert scene.ask("GET", "/", *((name, cookie) for cookie in cookies)).status == 401
    assert scene.ask("GET", "/", (name, f"a=b; {value}; c=d"), (name, "e=f")).status == 200


# -- the Unix socket --------------------------------------------------------------------------------


@pytest.mark.parametrize("server", [("/run/tw/api.sock", None), None])
def test_on_the_unix_socket_no_key_is_needed(scene: Scene, server: Any) -> None:
    guard = Guard(scene.app, GuardPolicy(local=True), scene.book)
    headers = [("host", "whatever"), ("cookie", f"tw_session_0={scene.browser.secret}"), scene.reading]
    answer = real_run(ask(guard, "DELETE", "/api/v1/users/alice", headers, server=server))
    assert json.loads(answer.body) == {"who": "local", "all": True, "csrf": ""}


def test_the_policy_of_the_unix_socket_lets_nobody_in_on_tcp(scene: Scene) -> None:
    guard = Guard(scene.app, GuardPolicy(local=True), scene.book)
    answer = real_run(ask(guard, "GET", "/", [HOST, scene.cookie], server=("127.0.0.1", 8080)))
    assert answer.status == 421
    assert scene.reached == []


# -- headers ----------------------------------------------------------------------------------------


def test_every_answer_has_the_headers(scene: Scene) -> None:
    answers = [
        scene.ask("GET", "/", scene.cookie),
        scene.ask("GET", "/api/v1/x"),
        scene.ask("GET", "/", PAGE),
        scene.ask("GET", "/static/app.css"),
        scene.ask_raw("GET", "/", [("host", "evil.example")]),
        scene.ask("POST", "/x", scene.cookie, ("content-length", "99999999"), OWN, scene.csrf),
    ]
    assert [answer.status for answer in answers] == [200, 401, 303, 200, 421, 413]
    for answer in answers:
        assert answer.header("x-content-type-options") == "nosniff"
        assert (answer.header("content-security-policy") or "").startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert answer.header("server") is None
        assert answer.header("access-control-allow-origin") is None
    assert [answer.header("cache-control") for answer in answers] == [
        "no-store", "no-store", "no-store", "max-age=60", "no-store", "no-store",
    ]  # fmt: skip


# -- what stands ------------------------------------------------------------------------------------


def _streaming(scene: Scene, between: Callable[[int], None]) -> tuple[Guard, list[int]]:
    """A gate before an app that streams five pieces, with something happening before each."""
    told: list[int] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(5):
            between(number)
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
            told.append(number)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Guard(app, POLICY, scene.book), told


def test_a_stream_ends_when_its_key_is_revoked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tunnel_whisperer.api.gate.exchange._clock", lambda: clock[0])

    def between(number: int) -> None:
        clock[0] += 1
        if number == 2:
            scene.book.revoke(scene.browser.key.id)

    guard, told = _streaming(scene, between)
    answer = real_run(ask(guard, "GET", "/api/v1/events", [HOST, scene.cookie]))
    assert answer.body == b"01"
    assert answer.messages[-1]["more_body"] is False
    assert told == [0, 1]


def test_a_stream_goes_on_while_its_key_is_good(scene: Scene) -> None:
    guard, told = _streaming(scene, lambda _: None)
    answer = real_run(ask(guard, "GET", "/api/v1/events", [HOST, scene.cookie]))
    assert answer.body == b"01234"
    assert told == [0, 1, 2, 3, 4]


def test_a_websocket_ends_when_its_key_is_revoked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tunnel_whisperer.api.gate.exchange._clock", lambda: clock[0])

    def after_revoking() -> str:
        clock[0] += 1
        scene.book.revoke(scene.browser.key.id)
        return "rm -rf"

    headers = [HOST, OWN, scene.cookie]
    sent = real_run(open_websocket(scene.guard, "/terminal", headers, [lambda: "ls", after_revoking]))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert scene.reached == ["WS /terminal", "ls"]


# -- forms that nobody checked ----------------------------------------------------------------------


def test_a_handler_that_forgets_to_check_its_form_fails(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    form = ("content-type", "application/x-www-form-urlencoded")
    with caplog.at_level(logging.ERROR, "tw.api"):
        assert scene.ask("POST", "/users", scene.cookie, OWN, form).status == 500
    assert "/users did not check its form" in caplog.text


@pytest.mark.parametrize(
    ("field", "status"), [("right", 200), ("wrong", 403), (None, 403), (3, 403), ("ü", 403)]
)
def test_a_form_is_checked_by_its_handler(scene: Scene, field: object, status: int) -> None:
    async def app(scope: Any, _: Any, send: Any) -> None:
        given = scene.csrf[1] if field == "right" else field
        found = 200 if check_form(scope, given) else 403
        assert admission(scope).unchecked is (found == 403)
        await send({"type": "http.response.start", "status": found, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    form = ("content-type", "multipart/form-data; boundary=x")
    guard = Guard(app, POLICY, scene.book)
    assert real_run(ask(guard, "POST", "/users", [HOST, scene.cookie, OWN, form])).status == status


def test_what_is_no_request_goes_through_or_is_refused(scene: Scene) -> None:
    seen: list[str] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    guard = Guard(app, POLICY, scene.book)
    real_run(guard({"type": "lifespan"}, nothing, nothing))
    with pytest.raises(ValueError, match="webtransport"):
        real_run(guard({"type": "webtransport"}, nothing, nothing))
    assert seen == ["lifespan"]


def test_the_use_of_a_key_is_written_down_once_a_minute(scene: Scene) -> None:
    def on_disk() -> float:
        other = KeyBook(scene.directory, lambda: scene.now)
        return next(key.last_seen for key in other.listed() if key.id == scene.browser.key.id)

    made = scene.now
    scene.now += 30
    scene.ask("GET", "/", scene.cookie)
    assert on_disk() == made
    scene.now += 31
    scene.ask("GET", "/", scene.cookie)
    assert on_disk() == scene.now
