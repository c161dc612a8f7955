"""Making a user, and changing what one may do."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.dashboard.pages.test_users import browse, page, sent
from tests.kit.html import Element, read_html
from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.apps import create_app
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import Standing, UserBook

Fields = dict[str, str | list[str]]


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With the apps ``plc`` and ``web``, and alice, who has ``plc`` and a port of her own."""
    profile = joined(tmp_path).server
    create_app(profile, "plc", [Grant.parse("10502:plc-7.plant.lan:502")])
    create_app(profile, "web", [Grant.parse("8080")])
    create_user(profile, NewUser("alice", (Grant.parse("15432:5432"),), ("plc",)))
    return profile


def _fields(shown: Element, action: str) -> Fields:
    """What a browser would send, fields of one name together."""
    form = shown.one("form", action=action)
    found: Fields = dict(shown.form(action))
    for name in ("local", "host", "port", "was_port", "was_app"):
        found[name] = [x.attrs.get("value", "") for x in form.all("input", name=name)]
    found["app"] = [x.attrs["value"] for x in form.all("input", name="app") if "checked" in x.attrs]
    return found


def _with(fields: Fields, row: int, local: str, host: str = "", port: str = "") -> Fields:
    changed = dict(fields)
    for name, value in (("local", local), ("host", host), ("port", port)):
        column = list(fields[name])
        column[row] = value
        changed[name] = column
    return changed


def _spelled(profile: Profile, name: str) -> list[str]:
    return [str(grant) for grant in UserBook(profile).get(name).grants]


def test_a_user_is_made_with_ports_apps_and_an_end(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/new/user"), "/users/new/user")
        fields |= {
            "name": "carol",
            "app": ["web"],
            "ends": "until",
            "until": "2030-12-24T18:00",
            "single": "yes",
        }
        fields = _with(_with(fields, 0, "22"), 2, "2022", "fd00::7", "22")
        made = await sent(client, "/users/new/user", fields)
        assert made.headers["location"] == "/users/carol"
        shown = await page(client, "/users/carol")
        assert "Hand over the file now" in shown.one("p", class_="good").words
        assert "2030-12-24 18:00" in shown.words and "one at a time" in shown.words
        assert shown.form("/users/carol/file")
        assert _spelled(server, "carol") == [
            "22 -> 127.0.0.1:22",
            "2022 -> [fd00::7]:22",
            "8080 -> 127.0.0.1:8080",
        ]

    browse(server, main)


def test_a_user_is_made_like_another_one_and_invited(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/new/user"), "/users/new/user")
        fields |= {"name": "carol", "like": "alice", "way": "invitation", "ends": "for", "length": "12h"}
        shown = read_html((await sent(client, "/users/new/user", fields, 200)).text)
        assert shown.one("h1").words == "Invitation for carol"
        assert shown.one("span", class_="copy").one("code").words.startswith("tw-connect-")
        carol = UserBook(server).get("carol")
        assert carol.grants == UserBook(server).get("alice").grants and carol.expires is not None
        assert UserBook(server).standing(carol) is Standing.INVITED

    browse(server, main)


def test_what_was_typed_stays_when_it_is_refused(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/new/user"), "/users/new/user")
        typed = {**fields, "name": "Carol!", "app": ["web"], "ends": "for", "length": "3d", "single": "yes"}
        typed = _with(typed, 1, "22", '"><b>', "22")
        shown = read_html((await sent(client, "/users/new/user", typed, 400)).text)
        assert shown.one("div", role="alert").one("p", class_="code").words == "bad-argument"
        again = _fields(shown, "/users/new/user")
        assert again["name"] == "Carol!" and again["app"] == ["web"] and again["length"] == "3d"
        assert again["host"][0] == '"><b>' and again["single"] == "yes" and not shown.all("b")
        assert len(again["local"]) == 4  # the one that is filled, and three

    browse(server, main)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, "carol would have no port"),
        ({"local": ["x"], "host": [""], "port": ["1"]}, "row 1: 'x' is not a port number"),
        ({"local": [""], "host": ["plc"], "port": [""]}, "row 1 has no port"),
        ({"local": ["1"], "host": [""], "port": ["70000"]}, "row 1: '70000' is not a port number"),
        ({"local": ["1"], "host": ["a b"], "port": [""]}, "is not a host name or address"),
        ({"local": ["1"], "host": [""], "port": [""], "ends": "until"}, "no end is set"),
        ({"local": ["1"], "host": [""], "port": [""], "ends": "for", "length": "soon"}, "is not a time"),
        ({"local": ["1"], "host": [""], "port": [""], "hours": "x"}, "valid number"),
        ({"name": "", "local": ["1"], "host": [""], "port": [""]}, "no name yet"),
    ],
)
def test_what_makes_no_sense_is_said(server: Profile, more: Fields, why: str) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        answer = await sent(client, "/users/new/user", {"csrf": "t", "name": "carol", **more}, 400)
        assert why in read_html(answer.text).one("div", role="alert").words
        assert not (server.users / "carol").exists()

    browse(server, main)


def test_more_rows_come_without_a_script_and_make_nobody(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users/new/user")
        fields = _with(_fields(shown, "/users/new/user"), 0, "22") | {"name": "carol", "more": "yes"}
        more = _fields(
            read_html((await sent(client, "/users/new/user", fields, 200)).text), "/users/new/user"
        )
        assert len(more["local"]) == 9 and more["local"][0] == "22" and more["name"] == "carol"
        assert not (server.users / "carol").exists()
        # Enter in a field presses the first button of the form: that is not "More rows".
        assert "name" not in shown.one("form", action="/users/new/user").all("button")[0].attrs

    browse(server, main)


def test_a_change_is_shown_before_it_is_made(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/alice/edit"), "/users/alice/edit")
        assert fields["local"] == ["15432", "", "", ""] and fields["app"] == ["plc"]
        fields = _with(_with(fields, 0, ""), 1, "22") | {"app": ["web"], "single": "yes"}
        asked = read_html((await sent(client, "/users/alice/edit", fields, 200)).text)
        words = asked.one("main").words
        assert "taken away: 15432 → 127.0.0.1:5432" in words and "new: 22 → 127.0.0.1:22" in words
        assert "apps: plc → web" in words and "one session at a time: no → yes" in words
        assert "needs a new file" in words and "online" in words
        assert _spelled(server, "alice")[0] == "15432 -> 127.0.0.1:5432"

        confirmed = {**_again(asked), "sure": "yes"}
        done = await sent(client, "/users/alice/edit", confirmed)
        assert done.headers["location"] == "/users/alice"
        assert _spelled(server, "alice") == ["22 -> 127.0.0.1:22", "8080 -> 127.0.0.1:8080"]
        shown = await page(client, "/users/alice")
        assert "hand over a new file" in shown.one("p", class_="busy").words

    browse(server, main, {"user": "alice", "since": 7, "connections": []})


def _again(asked: Element) -> Fields:
    """The hidden fields of the page that asks."""
    found: dict[str, list[str]] = {}
    for each in asked.one("form", action="/users/alice/edit").all("input", type="hidden"):
        found.setdefault(each.attrs["name"], []).append(each.attrs.get("value", ""))
    return dict(found)


def test_one_can_go_back_to_the_form_with_all_that_was_typed(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/alice/edit"), "/users/alice/edit")
        fields = _with(fields, 1, "22") | {"ends": "for", "length": "9d"}
        asked = read_html((await sent(client, "/users/alice/edit", fields, 200)).text)
        form = read_html(
            (await sent(client, "/users/alice/edit", {**_again(asked), "back": "yes"}, 200)).text
        )
        again = _fields(form, "/users/alice/edit")
        assert again["local"][:2] == ["15432", "22"] and again["length"] == "9d"
        assert again["was_port"] == ["15432:127.0.0.1:5432"] and again["was_app"] == ["plc"]

    browse(server, main)


def test_nothing_to_change_is_said_also_for_an_end_with_seconds(server: Profile) -> None:
    UserBook(server).create("dave", [Grant.parse("1")], expires=1924358437.0)

    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/dave/edit"), "/users/dave/edit")
        assert fields["ends"] == "until" and str(fields["until"]).startswith("2030-")
        shown = read_html((await sent(client, "/users/dave/edit", fields, 200)).text)
        assert "There is nothing to change" in shown.words

    browse(server, main)


def test_what_somebody_else_changed_meanwhile_stays(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/alice/edit"), "/users/alice/edit")
        await client.patch("/api/v1/users/alice", json={"grants": [{"local_port": 9}], "expires": "7d"})
        await sent(client, "/users/alice/edit", {**_with(fields, 1, "22"), "sure": "yes"})
        assert _spelled(server, "alice")[:3] == [
            "15432 -> 127.0.0.1:5432",
            "9 -> 127.0.0.1:9",
            "22 -> 127.0.0.1:22",
        ]
        assert UserBook(server).get("alice").expires is not None

    browse(server, main)


def test_a_user_with_as_many_ports_as_can_be_can_be_changed(server: Profile) -> None:
    many = tuple(Grant.parse(str(port)) for port in range(1000, 1256))
    create_user(server, NewUser("eve", many))

    async def main(client: httpx.AsyncClient) -> None:
        fields = _fields(await page(client, "/users/eve/edit"), "/users/eve/edit")
        fields = _with(fields, 0, "")
        asked = read_html((await sent(client, "/users/eve/edit", fields, 200)).text)
        assert "taken away: 1000" in asked.words

    browse(server, main)
