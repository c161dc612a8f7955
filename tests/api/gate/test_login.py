"""Logging in and out, behind the gate, as a browser sees it."""

from __future__ import annotations

import asyncio
import logging
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette

from tests.api.gate.asgi import Answer, ask, scope_of
from tests.api.gate.scene import HOST, OWN, PAGE, POLICY, Scene
from tests.kit.clock import real_run, run
from tunnel_whisperer.api.gate import Attempts, Guard, GuardPolicy, Kind, Login, LoginLinks, Password
from tunnel_whisperer.base.limits import (
    LOGIN_BODY_TIMEOUT_S,
    LOGIN_FREE_FAILURES,
    LOGIN_LINK_S,
    MAX_LOGIN_BYTES,
)

GOOD = "correct horse battery"
FORM = ("content-type", "application/x-www-form-urlencoded")
Header = tuple[str, str]


class Desk:
    """The login of a scene, with links, password and a clock."""

    def __init__(self, directory: Path, policy: GuardPolicy = POLICY) -> None:
        self.scene = Scene(directory, policy)
        self.now = 100.0
        self.links = LoginLinks(lambda: self.now)
        self.password = Password(directory)
        login = Login(policy, self.scene.book, self.links, Attempts(), self.password, clock=lambda: self.now)
        self.guard = Guard(Starlette(routes=login.routes()), policy, self.scene.book)

    def ask(
        self, method: str, path: str, *headers: Header, body: bytes = b"", client: str = "192.0.2.1"
    ) -> Answer:
        return real_run(ask(self.guard, method, path, [HOST, PAGE, *headers], [body], client=client))

    def enter(self, password: str, *headers: Header, client: str = "192.0.2.1") -> Answer:
        body = urlencode({"password": password}).encode()
        return self.ask("POST", "/login", OWN, FORM, *headers, body=body, client=client)

    def browsers(self) -> int:
        return sum(key.kind is Kind.BROWSER for key in self.scene.book.listed())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "dashboard")


@pytest.fixture
def closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With a password, which is quick to check."""
    monkeypatch.setattr("tunnel_whisperer.api.gate.password._N", 2**14)
    monkeypatch.setattr("tunnel_whisperer.api.gate.password._P", 1)
    desk.password.set(GOOD)
    return desk


def _secret(answer: Answer) -> str:
    cookie = SimpleCookie(answer.header("set-cookie"))
    return cookie[POLICY.cookie].value


# -- links ------------------------------------------------------------------------------------------


def test_a_link_logs_in_once(desk: Desk) -> None:
    token = desk.links.make()
    answer = desk.ask("GET", f"/login?token={token}", ("user-agent", "Firefox"))
    assert answer.status == 200
    assert answer.header("refresh") == "0; url=/"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cache-control") == "no-store"
    assert token.encode() not in answer.body
    key = desk.scene.book.find(_secret(answer), Kind.BROWSER, "")
    assert key is not None
    assert (key.name, key.address) == ("Firefox", "192.0.2.1")
    again = desk.ask("GET", f"/login?token={token}")
    assert again.status == 403
    assert again.header("set-cookie") is None
    assert "used already" in again.body.decode()


def test_the_cookie_byte_for_byte(desk: Desk) -> None:
    answer = desk.ask("GET", f"/login?token={desk.links.make()}")
    secret = _secret(answer)
    assert answer.headers("set-cookie") == [
        f"tw_session_8080={secret}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
    ]
    assert secret.startswith("tw-browser-")


def test_the_cookie_under_tls_byte_for_byte(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GuardPolicy(port=8080, tls=True))
    answer = desk.ask("GET", f"/login?token={desk.links.make()}")
    secret = SimpleCookie(answer.header("set-cookie"))["__Host-tw_session_8080"].value
    assert answer.headers("set-cookie") == [
        f"__Host-tw_session_8080={secret}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
    ]


@pytest.mark.parametrize(
    ("method", "header"),
    [
        ("HEAD", ("x", "y")),
        ("GET", ("sec-purpose", "prefetch")),
        ("GET", ("purpose", "prefetch")),
        ("GET", ("x-moz", "prefetch")),
        ("GET", ("sec-fetch-dest", "image")),
        ("GET", ("sec-fetch-dest", "empty")),
    ],
)
def test_who_looks_at_a_link_does_not_use_it_up(desk: Desk, method: str, header: Header) -> None:
    token = desk.links.make()
    answer = desk.ask(method, f"/login?token={token}", header)
    assert answer.status == 503
    assert answer.header("set-cookie") is None
    assert desk.ask("GET", f"/login?token={token}").status == 200


def test_a_link_that_is_over_logs_nobody_in(desk: Desk) -> None:
    token = desk.links.make()
    desk.now += LOGIN_LINK_S
    assert desk.ask("GET", f"/login?token={token}").status == 403
    assert desk.browsers() == 1


def test_two_tokens_are_none(desk: Desk) -> None:
    token = desk.links.make()
    assert desk.ask("GET", f"/login?token={token}&token=x").status == 403
    assert desk.ask("GET", f"/login?token={token}").status == 200


def test_guessing_is_slowed_down_and_a_good_link_works_all_the_same(desk: Desk) -> None:
    statuses = [desk.ask("GET", f"/login?token=guess{n}").status for n in range(LOGIN_FREE_FAILURES + 1)]
    assert statuses == [403] * LOGIN_FREE_FAILURES + [429]
    refused = desk.ask("GET", "/login?token=guess")
    assert refused.header("retry-after") == "1"
    assert "Try again in a second" in refused.body.decode()
    assert desk.ask("GET", f"/login?token={desk.links.make()}").status == 200


def test_a_token_reaches_no_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    token = desk.links.make()
    with caplog.at_level(logging.DEBUG):
        assert desk.ask("GET", f"/login?token={token}").status == 200
        assert desk.ask("GET", f"/login?token={token}").status == 403
        desk.ask("GET", f"/x?token={token}", ("cookie", f"{POLICY.cookie}={token}"))
    assert caplog.text
    assert token not in caplog.text
    assert token.removeprefix("tw-login-") not in caplog.text


# -- the page ---------------------------------------------------------------------------------------


def test_without_a_password_the_page_tells_of_links(desk: Desk) -> None:
    page = desk.ask("GET", "/login")
    assert page.status == 200
    assert "tw dashboard" in page.body.decode()
    assert "<form" not in page.body.decode()
    refused = desk.enter(GOOD)
    assert (refused.status, refused.header("set-cookie")) == (403, None)


def test_with_a_password_the_page_has_the_form(closed: Desk) -> None:
    assert "<form" in closed.ask("GET", "/login").body.decode()


def test_who_is_logged_in_is_sent_on(desk: Desk) -> None:
    answer = desk.ask("GET", "/login", desk.scene.cookie)
    assert (answer.status, answer.header("location")) == (303, "/")


# -- the password -----------------------------------------------------------------------------------


def test_the_password_logs_in(closed: Desk) -> None:
    answer = closed.enter(GOOD)
    assert (answer.status, answer.header("location")) == (303, "/")
    assert closed.scene.book.find(_secret(answer), Kind.BROWSER, "") is not None


def test_a_new_login_ends_the_one_that_the_browser_had(closed: Desk) -> None:
    answer = closed.enter(GOOD, closed.scene.cookie)
    assert answer.status == 303
    assert closed.scene.book.find(closed.scene.browser.secret, Kind.BROWSER, "") is None
    assert closed.scene.book.find(_secret(answer), Kind.BROWSER, "") is not None


def test_a_wrong_password_does_not(closed: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tw.api"):
        answer = closed.enter("hunter2 hunter2")
    assert (answer.status, answer.header("set-cookie")) == (403, None)
    assert "a wrong password from 192.0.2.1" in caplog.text
    assert "hunter2" not in caplog.text
    assert "hunter2" not in answer.body.decode()


def test_guessing_passwords_is_slowed_down_by_address(closed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    async def verify(password: str) -> bool:
        checked.append(password)
        return password == GOOD

    monkeypatch.setattr(closed.password, "verify", verify)
    statuses = [closed.enter("wrong").status for _ in range(LOGIN_FREE_FAILURES + 3)]
    assert statuses == [403] * LOGIN_FREE_FAILURES + [429] * 3
    assert len(checked) == LOGIN_FREE_FAILURES
    refused = closed.enter(GOOD)
    assert (refused.status, refused.header("retry-after")) == (429, "1")
    assert closed.enter(GOOD, client="192.0.2.2").status == 303
    closed.now += 1
    assert closed.enter(GOOD).status == 303
    assert closed.enter("wrong").status == 403


def test_a_proxy_s_word_for_the_address_is_not_taken(closed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def verify(_: str) -> bool:
        return False

    monkeypatch.setattr(closed.password, "verify", verify)
    statuses = [
        closed.enter(
            "wrong", ("x-forwarded-for", f"198.51.100.{n}"), ("forwarded", f"for=198.51.100.{n}")
        ).status
        for n in range(LOGIN_FREE_FAILURES + 1)
    ]
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    "origin",
    [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site"), ("x", "y")],
)
def test_another_page_logs_nobody_in(closed: Desk, origin: Header) -> None:
    body = urlencode({"password": GOOD}).encode()
    answer = closed.ask("POST", "/login", FORM, origin, body=body)
    assert (answer.status, answer.header("set-cookie")) == (403, None)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"password=a&password=" + GOOD.replace(" ", "+").encode(), 403),
        ("application/x-www-form-urlencoded", b"", 403),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 100), 400),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/json", b'{"password": "x"}', 400),
        ("multipart/form-data; boundary=x", b"--x--", 400),
        ("application/x-www-form-urlencoded", b"password=" + b"x" * MAX_LOGIN_BYTES, 413),
    ],
)
def test_what_is_no_login_form_logs_nobody_in(closed: Desk, kind: str, body: bytes, status: int) -> None:
    answer = closed.ask("POST", "/login", OWN, ("content-type", kind), body=body)
    assert (answer.status, answer.header("set-cookie")) == (status, None)


def test_a_form_that_does_not_come_to_an_end_is_not_waited_for(desk: Desk) -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> tuple[list[dict[str, Any]], float]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = scope_of("http", "/login", [HOST, OWN, FORM, ("content-length", "20")])
        began = asyncio.get_running_loop().time()
        await desk.guard({**scope, "method": "POST"}, never, send)
        return sent, asyncio.get_running_loop().time() - began

    sent, took_s = run(main())
    assert sent[0]["status"] == 400
    assert took_s == pytest.approx(LOGIN_BODY_TIMEOUT_S)


def test_a_damaged_password_file_lets_nobody_in(
    closed: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dashboard" / "password.json").write_text("{}")
    assert closed.enter(GOOD).status == 403
    assert "password.json" in caplog.text


# -- logging out ------------------------------------------------------------------------------------


def test_logging_out_ends_the_key_and_the_cookie(desk: Desk) -> None:
    body = urlencode({"csrf": desk.scene.csrf[1]}).encode()
    answer = desk.ask("POST", "/logout", OWN, FORM, desk.scene.cookie, body=body)
    assert answer.status == 200
    assert answer.headers("set-cookie") == ["tw_session_8080=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"]
    assert desk.browsers() == 0


def test_a_forged_form_logs_nobody_out(desk: Desk) -> None:
    for body in (b"", b"csrf=x", b"csrf=x&csrf=" + desk.scene.csrf[1].encode(), b"\xff"):
        answer = desk.ask("POST", "/logout", OWN, FORM, desk.scene.cookie, body=body)
        assert (answer.status, answer.header("set-cookie")) == (403, None)
    assert desk.ask("GET", "/logout", desk.scene.cookie).status == 405
    assert desk.browsers() == 1
    assert desk.ask("POST", "/logout", OWN, desk.scene.csrf, desk.scene.cookie).status == 200
