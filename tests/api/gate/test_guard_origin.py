"""What other pages make a browser ask, with our cookie on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.gate.asgi import open_websocket
from tests.api.gate.scene import HOST, OWN, PAGE, Scene
from tests.kit.clock import real_run

Header = tuple[str, str]

FOREIGN = [
    "http://evil.example",
    "https://127.0.0.1:8080",
    "http://127.0.0.1:8081",
    "http://127.0.0.1",
    "http://localhost:8080",
    "http://127.0.0.1:8080.evil.example",
    "http://evil.example/http://127.0.0.1:8080",
    "null",
    "file://",
]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "dashboard")


def _site(name: str) -> Header:
    return "sec-fetch-site", name


def _refused(scene: Scene, method: str, path: str, *headers: Header) -> bool:
    answer = scene.ask(method, path, *headers)
    if answer.status != 403:
        return False
    assert method == "HEAD" or json.loads(answer.body)["code"] == "request-forged"
    assert scene.reached == []
    return True


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
def test_our_own_page_changes_things(scene: Scene, method: str) -> None:
    assert scene.ask(method, "/api/v1/users", scene.cookie, OWN, scene.csrf).status == 200
    assert scene.ask(method, "/api/v1/users", scene.cookie, _site("same-origin"), scene.csrf).status == 200


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_foreign_origin_is_refused_even_with_everything_else(
    scene: Scene, method: str, origin: str
) -> None:
    there = ("origin", origin)
    assert _refused(scene, method, "/api/v1/users", scene.cookie, scene.csrf, there, _site("same-origin"))
    assert _refused(scene, method, "/api/v1/users", scene.bearer, there)
    assert _refused(scene, method, "/login", there)


@pytest.mark.parametrize("site", ["", "none", "same-site", "cross-site", "what"])
def test_without_an_origin_a_change_needs_the_word_of_the_browser(scene: Scene, site: str) -> None:
    assert _refused(scene, "POST", "/api/v1/users", scene.cookie, scene.csrf, _site(site))
    assert _refused(scene, "DELETE", "/api/v1/users/alice", scene.cookie, scene.csrf)
    assert _refused(scene, "POST", "/login", _site(site))


def test_the_origin_is_the_one_of_the_name_that_was_asked(scene: Scene) -> None:
    here = [("host", "localhost:8080"), scene.cookie, scene.csrf]
    assert scene.ask_raw("POST", "/api/v1/x", [*here, ("origin", "http://localhost:8080")]).status == 200
    assert scene.ask_raw("POST", "/api/v1/x", [*here, OWN]).status == 403


# -- the page's token -------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64, "ü"])
def test_a_change_needs_the_token_of_the_page(scene: Scene, token: str | None) -> None:
    given = [] if token is None else [("x-csrf-token", token)]
    assert _refused(scene, "POST", "/api/v1/users", scene.cookie, OWN, *given)
    assert _refused(scene, "DELETE", "/users/alice", scene.cookie, OWN, *given)


def test_the_token_of_another_browser_is_not_good(scene: Scene) -> None:
    other = Scene(scene.directory)
    assert other.csrf != scene.csrf
    assert _refused(scene, "POST", "/api/v1/users", scene.cookie, OWN, other.csrf)


def test_the_token_outlives_the_process(scene: Scene) -> None:
    again = Scene(scene.directory)
    again.browser = scene.browser
    assert again.ask("POST", "/api/v1/users", scene.cookie, OWN, scene.csrf).status == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])  # fmt: skip
def test_a_forged_form_never_reaches_the_api(scene: Scene, kind: str) -> None:
    assert _refused(scene, "POST", "/api/v1/users", scene.cookie, OWN, ("content-type", kind))


@pytest.mark.parametrize("kind", ["text/plain", "application/json", ""])
def test_only_a_form_may_carry_the_token_inside(scene: Scene, kind: str) -> None:
    assert _refused(scene, "POST", "/users", scene.cookie, OWN, ("content-type", kind))


def test_a_program_needs_neither_origin_nor_token(scene: Scene) -> None:
    assert scene.ask("POST", "/api/v1/users", scene.bearer).status == 200
    assert scene.ask("POST", "/api/v1/users", scene.bearer, OWN).status == 200


# -- reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("dest", ["empty", "image", "script", "iframe", "object", "style", "video"])
def test_other_pages_embed_and_fetch_nothing(scene: Scene, site: str, dest: str) -> None:
    what = [scene.cookie, PAGE, _site(site), ("sec-fetch-dest", dest)]
    for mode in ("navigate", "no-cors", "cors"):
        assert _refused(scene, "GET", "/api/v1/users/alice/end", *what, ("sec-fetch-mode", mode))
        assert _refused(scene, "GET", "/static/app.js", *what, ("sec-fetch-mode", mode))


def test_a_link_on_another_page_opens_ours(scene: Scene) -> None:
    visit = [PAGE, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
    for site in ("cross-site", "same-site", "none", "same-origin"):
        assert scene.ask("GET", "/", scene.cookie, _site(site), *visit).status == 200


def test_preflights_are_refused_and_never_answered(scene: Scene) -> None:
    asked = ("access-control-request-method", "POST")
    for origin in ("http://evil.example", OWN[1]):
        answer = scene.ask("OPTIONS", "/api/v1/users", ("origin", origin), asked, scene.cookie)
        assert answer.status == 403
        assert not [name for name, _ in answer.messages[0]["headers"] if name.startswith(b"access-control")]
    assert scene.reached == []


# -- WebSockets -------------------------------------------------------------------------------------


def _opened(scene: Scene, *headers: Header) -> bool:
    sent = real_run(open_websocket(scene.guard, "/terminal", [HOST, *headers], [lambda: "ls"]))
    if [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]:
        return True
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert scene.reached == []
    return False


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_websocket_of_another_page_is_closed_before_it_is_accepted(scene: Scene, origin: str) -> None:
    assert not _opened(scene, scene.cookie, ("origin", origin))
    assert not _opened(scene, scene.cookie, ("origin", origin), _site("same-origin"))
    assert not _opened(scene, scene.bearer, ("origin", origin))


def test_a_websocket_needs_an_origin_or_the_word_of_the_browser(scene: Scene) -> None:
    assert not _opened(scene, scene.cookie)
    assert not _opened(scene, scene.cookie, _site("none"))
    assert not _opened(scene, scene.cookie, _site("same-site"))


def test_a_websocket_needs_a_key(scene: Scene) -> None:
    assert not _opened(scene, OWN)
    assert not _opened(scene, OWN, ("cookie", "tw_session_8080=x"))
    assert not _opened(scene, ("authorization", "Bearer x"))


def test_open_pages_have_no_websockets(scene: Scene) -> None:
    sent = real_run(open_websocket(scene.guard, "/static/x", [HOST, OWN]))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_websocket_under_another_name_is_closed(scene: Scene) -> None:
    headers = [("host", "evil.example:8080"), ("origin", "http://evil.example:8080"), scene.cookie]
    sent = real_run(open_websocket(scene.guard, "/terminal", headers))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_websocket_of_our_page_opens(scene: Scene) -> None:
    assert _opened(scene, scene.cookie, OWN)


def test_a_websocket_of_a_program_opens(scene: Scene) -> None:
    assert _opened(scene, scene.bearer)
