"""The pages of a server's apps."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.dashboard.pages.test_users import browse, page, row_of, sent
from tests.kit.html import read_html
from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.apps import create_app
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import AppBook, UserBook

FORM: dict[str, str | list[str]] = {"csrf": "t"}


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With the app ``plc``, which alice has beside a port of her own."""
    profile = joined(tmp_path).server
    create_app(profile, "plc", [Grant.parse("10502:plc-7.plant.lan:502")])
    create_user(profile, NewUser("alice", (Grant.parse("22"),), ("plc",)))
    return profile


def test_an_app_is_made_by_rows(server: Profile) -> None:
    rows = {"local": ["5432", "", "80"], "host": ["", "", "web.lan"], "port": ["", "", ""]}

    async def main(client: httpx.AsyncClient) -> None:
        assert (await page(client, "/apps/new/app")).form("/apps/new/app")["name"] == ""
        more = read_html((await sent(client, "/apps/new/app", {**FORM, **rows, "more": "yes"}, 200)).text)
        assert len(more.all("input", name="local")) == 10
        none = await sent(client, "/apps/new/app", {**FORM, **rows}, 400)
        assert "no name yet" in none.text
        taken = await sent(client, "/apps/new/app", {**FORM, **rows, "name": "plc"}, 409)
        assert read_html(taken.text).form("/apps/new/app")["name"] == "plc"
        await sent(client, "/apps/new/app", {**FORM, **rows, "name": "historian"})
        shown = await page(client, "/apps")
        row = row_of(shown.one("table"), "historian")
        assert row["Ports"] == "5432 → 127.0.0.1:5432 80 → web.lan:80 (another machine)"
        assert row["Who has it"] == "nobody" and row_of(shown.one("table"), "plc")["Who has it"] == "alice"

    browse(server, main)


def test_a_change_says_whom_it_concerns_before_it_is_made(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        form = await page(client, "/apps/plc/edit")
        was = [x.attrs["value"] for x in form.all("input", name="was_port")]
        assert was == ["10502:plc-7.plant.lan:502"] and "alice." in form.one("main").words
        fields = {**FORM, "was_port": was, "local": ["", "80"], "host": ["", ""], "port": ["", ""]}
        asked = read_html((await sent(client, "/apps/plc/edit", fields, 200)).text)
        assert "taken away: 10502" in asked.words and "new: 80" in asked.words
        assert "alice - needs a new file" in asked.words
        assert [str(x) for x in AppBook(server).get("plc").grants] == ["10502 -> plc-7.plant.lan:502"]
        hidden = asked.one("form", action="/apps/plc/edit").all("input", type="hidden", name="local")
        assert [x.attrs["value"] for x in hidden] == ["", "80"]
        back = read_html((await sent(client, "/apps/plc/edit", {**fields, "back": "yes"}, 200)).text)
        assert [x.attrs["value"] for x in back.all("input", name="local")] == ["80", "", "", ""]
        done = await sent(client, "/apps/plc/edit", {**fields, "sure": "yes"})
        assert "alice" in (await page(client, done.headers["location"])).one("p", class_="busy").words
        assert [grant.local_port for grant in UserBook(server).get("alice").grants] == [22, 80]

    browse(server, main)


def test_nothing_to_change_and_what_cannot_be(server: Profile) -> None:
    was = ["10502:plc-7.plant.lan:502"]
    same = {"local": ["10502"], "host": ["plc-7.plant.lan"], "port": ["502"]}
    clash = {"local": ["22"], "host": ["other"], "port": ["22"]}

    async def main(client: httpx.AsyncClient) -> None:
        shown = await sent(client, "/apps/plc/edit", {**FORM, "was_port": was, **same}, 200)
        assert "There is nothing to change" in shown.text
        refused = await sent(client, "/apps/plc/edit", {**FORM, "was_port": was, **clash}, 400)
        assert (
            "alice would have local port 22 twice" in read_html(refused.text).one("div", role="alert").words
        )

    browse(server, main)


def test_a_deletion_says_who_loses_what(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        asked = await page(client, "/apps/plc/delete")
        assert "alice" in asked.one("main").words and "10502 → plc-7.plant.lan:502" in asked.words
        await sent(client, "/apps/plc/delete", asked.form("/apps/plc/delete"))
        assert AppBook(server).all() == []
        shown = await page(client, "/apps")
        assert shown.one("div", class_="empty").one("a").attrs["href"] == "/apps/new/app"

    browse(server, main)


def test_a_deletion_that_cannot_be_says_why(server: Profile) -> None:
    create_user(server, NewUser("bob", (), ("plc",)))

    async def main(client: httpx.AsyncClient) -> None:
        asked = await page(client, "/apps/plc/delete")
        assert "bob" in asked.one("div", role="alert").words
        assert not asked.all("form", action="/apps/plc/delete")
        assert (await page(client, "/apps/nothing/delete", 404)).one(
            "p", class_="code"
        ).words == "no-such-name"

    browse(server, main)


@pytest.mark.parametrize("path", ["/apps/new/app", "/apps/apply", "/apps/plc/edit", "/apps/plc/delete"])
def test_a_forged_form_does_nothing(server: Profile, path: str) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        form = {"csrf": "x", "name": "x", "local": "1", "host": "", "port": "", "sure": "yes"}
        await sent(client, path, form, 403)
        assert [app.name for app in AppBook(server).all()] == ["plc"]

    browse(server, main)


def test_users_get_what_a_file_says_that_was_edited_by_hand(server: Profile) -> None:
    file = server.directory / "apps.yaml"
    file.write_text(file.read_text().replace("10502:plc-7.plant.lan:502", "81"))

    async def main(client: httpx.AsyncClient) -> None:
        form = (await page(client, "/apps")).form("/apps/apply")
        await sent(client, "/apps/apply", form)
        shown = await page(client, "/apps")
        assert "1 of 1 changed" in shown.one("p", class_="good").words
        assert "alice" in shown.one("p", class_="busy").words
        assert [grant.local_port for grant in UserBook(server).get("alice").grants] == [22, 81]

    browse(server, main)
