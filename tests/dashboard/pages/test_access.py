"""The page of keys, tokens and the password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.pages import Visit, visit
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Door
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.gate.key_book import KeyBook
from tunnel_whisperer.api.gate.keys import Issued, Kind
from tunnel_whisperer.dashboard.pages.access import browser_words

_AGENT = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
_SECRET = "five words that nobody guesses"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (_AGENT, "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "curl/8.0"),
        ("", "a browser"),
    ],
)
def test_browsers_have_names(agent: str, words: str) -> None:
    assert browser_words(agent) == words


def _own(tmp_path: Path) -> tuple[Issued, Callable[[], Admission]]:
    own = KeyBook(tmp_path / "dashboard").add_browser(_AGENT, "127.0.0.1")
    return own, lambda: Admission(own.key, local=False, csrf="t", unchecked=True)


def _doors(seen: Visit, tmp_path: Path) -> Doors:
    return Doors(seen.house, tmp_path / "dashboard")


def test_others_are_revoked_one_by_one_or_together(tmp_path: Path) -> None:
    own, admit = _own(tmp_path)

    async def main(seen: Visit) -> None:
        doors = _doors(seen, tmp_path)
        others = [doors.book.add_browser("<script>alert(1)</script>", "192.0.2.7") for _ in range(3)]
        page = await seen.see("/access")
        rows = page.one("table", aria_label="Browsers").one("tbody").all("tr")
        assert len(rows) == 4 and sum("this one" in row.words for row in rows) == 1
        assert page.one("main").all("script") == []
        assert page.one("button", id=f"revoke-{own.key.id}").words == "Log out"
        await seen.done("/access/revoke", "/access", id=others[0].key.id)
        page = await seen.done("/access/revoke-others", "/access")
        assert "2 other browsers are logged out." in page.one("p", class_="good").words
        assert [key.id for key in doors.book.listed()] == [own.key.id]
        await seen.refused("/access/revoke", 404, "no-such-name", id=others[0].key.id)
        answer = await seen.send("/access/revoke", id=own.key.id)
        assert answer.headers["location"] == "/login" and not doors.book.is_good(own.key.id)

    visit(tmp_path, main, admit=admit)


def test_a_token_is_shown_once(tmp_path: Path) -> None:
    _, admit = _own(tmp_path)

    async def main(seen: Visit) -> None:
        doors = _doors(seen, tmp_path)
        doors.door = Door("http://127.0.0.1:8080")
        answer = await seen.send("/access/tokens", name="prometheus", scope="read", days="30")
        assert answer.status_code == 200
        (key,) = [key for key in doors.book.listed() if key.kind is Kind.TOKEN]
        secret = answer.text.partition('data-copy="')[2].partition('"')[0]
        assert key.is_for(secret) and key.expires == key.created + 30 * 86_400
        assert "http://127.0.0.1:8080/api/v1/role" in answer.text
        page = await seen.see("/access")
        assert secret not in (await seen.client.get("/access")).text
        assert "prometheus" in page.one("table", aria_label="Tokens").words
        page = await seen.refused("/access/tokens", 400, "bad-argument", name="", scope="all", days="")
        assert page.form("/access/tokens")["scope"] == "all"
        await seen.send("/access/tokens", name="ci", scope="all", days="")
        assert {key.expires for key in doors.book.listed() if key.name == "ci"} == {None}

    visit(tmp_path, main, admit=admit)


def test_the_password(tmp_path: Path) -> None:
    _, admit = _own(tmp_path)

    async def main(seen: Visit) -> None:
        doors = _doors(seen, tmp_path)
        await seen.refused("/access/password", 400, "bad-argument", password=_SECRET, again="other")
        await seen.refused("/access/password", 400, "weak-password", password="short", again="short")
        await seen.done("/access/password", "/access", password=_SECRET, again=_SECRET)
        assert await doors.password.verify(_SECRET)
        assert (await seen.see("/access/password/remove")).all("button", id="remove")
        doors.door = Door("https://tw.test:8080", "AB:CD", exposed=True)
        page = await seen.refused("/access/password/remove", 400, "not-exposed")
        assert "AB:CD" in page.one("main").words and "Other machines can reach it" in page.one("main").words
        doors.door = None
        await seen.done("/access/password/remove", "/access")
        assert not doors.password.is_set()

    visit(tmp_path, main, admit=admit)


def test_a_forged_form_changes_nothing(tmp_path: Path) -> None:
    own, admit = _own(tmp_path)

    async def main(seen: Visit) -> None:
        doors = _doors(seen, tmp_path)
        for path, fields in (
            ("/access/tokens", {"name": "x", "scope": "all", "days": ""}),
            ("/access/revoke", {"id": own.key.id}),
            ("/access/password", {"password": _SECRET, "again": _SECRET}),
        ):
            answer = await seen.client.post(path, data={**fields, "csrf": "no"})
            assert answer.status_code == 403, path
        assert [key.id for key in doors.book.listed()] == [own.key.id]
        assert not doors.password.is_set()

    visit(tmp_path, main, admit=admit)
