"""The pages of a server's users: the list, one of them, and what is done by one button."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Coroutine
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.html import Element, read_html
from tests.tenancy.setting import joined
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import is_encrypted
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.operations.apps import create_app
from tunnel_whisperer.operations.users import NewUser, create_user, unregister_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import UserBook, make_relay_identity

FORM = {"csrf": "t"}
Main = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With the app ``plc``, alice, who has it and a port of her own, and bob."""
    profile = joined(tmp_path).server
    create_app(profile, "plc", [Grant.parse("10502:plc-7.plant.lan:502")])
    create_user(profile, NewUser("alice", (Grant.parse("15432:5432"),), ("plc",)))
    create_user(profile, NewUser("bob", (Grant.parse("22"),), single_session=True))
    return profile


def browse(profile: Profile, main: Main, *sessions: object) -> None:
    """Look at the pages of this server, with these sessions."""
    role = PlayedRole({"role": "server", "health": [], "sessions": list(sessions)})

    def admit() -> Admission:
        return Admission(None, local=True, csrf="t", unchecked=True)

    async def run() -> None:
        opened = open_house(profile.directory, role, pages=mount, base_url="http://tw.test", admit=admit)
        async with opened as (_, client):
            await main(client)

    real_run(run())


async def page(client: httpx.AsyncClient, path: str, status: int = 200) -> Element:
    """One page."""
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return read_html(answer.text)


async def sent(client: httpx.AsyncClient, path: str, form: object, status: int = 303) -> httpx.Response:
    """A form, sent."""
    answer = await client.post(path, data=form)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    return answer


def row_of(table: Element, name: str) -> dict[str, str]:
    """A row of the list of users, by the titles of its columns."""
    for row in table.all("tr"):
        cells = {cell.attrs["data-label"]: cell.words for cell in row.all("td")}
        if cells and next(iter(cells.values())) == name:
            return cells
    raise AssertionError(f"no row {name} in: {table.words}")


ALICE = {"user": "alice", "since": 1798135200, "connections": [{"target": "127.0.0.1:5432", "open": 2}]}


def test_the_list_tells_how_each_stands_who_is_there_and_what_each_may_reach(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users")
        alice, bob = (row_of(shown.one("table"), name) for name in ("alice", "bob"))
        assert alice["State"] == "let in" and alice["Let in until"] == "no end"
        assert alice["Now"].startswith("online since ") and "127.0.0.1:5432 \u00d7 2" in alice["Now"]
        assert "15432 → 127.0.0.1:5432" in alice["May reach"]
        assert "10502 → plc-7.plant.lan:502 (another machine) by plc" in alice["May reach"]
        assert bob["Now"] == "offline" and "one session" in bob["Let in until"]
        assert "2 users, 1 online." in shown.words

    browse(server, main, ALICE)


def test_the_list_is_searched_without_a_script(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users?q=PLC-7")
        assert [row.words for row in shown.one("tbody").all("a", id="u-alice")] == ["alice"]
        assert not shown.all("a", id="u-bob") and "1 of 2 users match, 0 online." in shown.words
        assert shown.one("input", id="f-q").attrs["value"] == "PLC-7"
        none = await page(client, "/users?q=%22%3E%3Cscript%3E")
        assert "No user matches '\"><script>'." in none.words
        assert not none.all("script", src="") and none.one("input", id="f-q").attrs["value"] == '"><script>'
        for asked, address in (("?q=&there=&every=", "/users"), ("?q=PLC-7&there=", "/users?q=PLC-7")):
            part = await client.get(f"/users{asked}", headers={"hx-request": "true"})
            assert part.headers["hx-replace-url"] == address
        # What is typed stays where it is when the list is loaded again.
        assert not shown.one("section", id="users").all("input", id="f-q")

    browse(server, main)


def test_only_those_who_are_online(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users?q=&there=yes")
        assert shown.all("a", id="u-alice") and not shown.all("a", id="u-bob")
        assert "1 of 2 users match, 1 online." in shown.words
        form = {"csrf": "t", "q": "", "there": "yes", "every": ""}
        gone = await sent(client, "/users/alice/revoke", form)
        assert gone.headers["location"] == "/users?there=yes"
        none = await page(client, "/users?q=bob&there=yes")
        assert "No user matches 'bob'." in none.words

    browse(server, main, ALICE)


def test_revoke_is_one_click_in_the_list_and_so_is_the_way_back(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users?q=ali")
        button = shown.one("button", id="off-alice").attrs
        form = {x.attrs["name"]: x.attrs["value"] for x in shown.one("form", id=button["form"]).all("input")}
        assert form == {"csrf": "t", "q": "ali", "there": "", "every": ""}
        gone = await sent(client, button["formaction"], form)
        assert gone.headers["location"] == "/users?q=ali"
        shown = await page(client, "/users?q=ali")
        assert shown.one("p", class_="good").words.startswith("alice is let in no more.")
        assert row_of(shown.one("table"), "alice")["State"] == "revoked"
        assert UserBook(server).standing(UserBook(server).get("alice")).is_out
        assert (server.users / "alice" / "id_ed25519").exists()
        again = shown.one("button", id="in-alice").attrs["formaction"]
        back = await sent(client, again, form)
        shown = await page(client, back.headers["location"])
        assert row_of(shown.one("table"), "alice")["State"] == "let in"

    browse(server, main)


def test_the_page_of_one_user(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users/alice")
        assert shown.one("h1").words == "alice"
        assert len(shown.all("a", href="/audit?user=alice")) == 1
        facts = shown.one("section", id="user").words
        assert "online" in facts and "10502 → plc-7.plant.lan:502" in facts and "several at a time" in facts
        off = await sent(client, "/users/alice/revoke", shown.form("/users/alice/revoke"))
        assert off.headers["location"] == "/users/alice"
        assert (await page(client, "/users/nobody", 404)).one("p", class_="code").words == "no-such-name"

    browse(server, main, ALICE)


def test_the_file_is_downloaded_open_or_encrypted(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        form = (await page(client, "/users/alice")).form("/users/alice/file")
        file = await sent(client, "/users/alice/file", form, 200)
        assert file.headers["content-disposition"] == 'attachment; filename="alice-tw-config.zip"'
        assert "config.yaml" in zipfile.ZipFile(BytesIO(file.content)).namelist()
        both = {**form, "passphrase": " correct horse ", "again": " correct horse "}
        assert is_encrypted((await sent(client, "/users/alice/file", both, 200)).content)
        slip = await sent(client, "/users/alice/file", {**both, "again": "corect horse"}, 400)
        assert "the two passphrases are not the same" in read_html(slip.text).one("div", role="alert").words
        assert "correct horse" not in slip.text

    browse(server, main)


def test_an_invitation_is_shown_once_with_what_to_do(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        form = (await page(client, "/users/alice")).form("/users/alice/invite")
        shown = read_html((await sent(client, "/users/alice/invite", form, 200)).text)
        token = shown.one(
            "button", class_="quiet", data_copy=shown.one("span", class_="copy").one("code").words
        )
        assert token.attrs["data-copy"].startswith("tw-connect-")
        assert "tw connect -" in shown.words and "shown this once" in shown.words
        again = await client.get("/users/alice/invite")  # what a live part of that page asks for
        assert again.headers["location"] == "/users/alice"
        later = await client.get("/users/alice")
        assert token.attrs["data-copy"] not in later.text and "open until" in read_html(later.text).words

    browse(server, main)


def test_a_deletion_says_what_is_lost(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users/alice/delete")
        assert "2 open connections end within a second" in shown.words
        assert "Keys and certificate are lost for good" in shown.words and "plc-7.plant.lan" in shown.words
        assert (server.users / "alice").exists()
        await sent(client, "/users/alice/delete", shown.form("/users/alice/delete"))
        assert not (server.users / "alice").exists()
        assert "alice was deleted." in (await page(client, "/users")).words

    browse(server, main, ALICE)


def test_a_damaged_record_can_be_deleted(server: Profile) -> None:
    (server.users / "bob" / "user.json").write_text("{")

    async def main(client: httpx.AsyncClient) -> None:
        assert "bob" in (await page(client, "/users")).one("div", class_="bad").words
        shown = await page(client, "/users/bob/delete")
        await sent(client, "/users/bob/delete", shown.form("/users/bob/delete"))
        assert not (server.users / "bob").exists()

    browse(server, main)


@pytest.mark.parametrize("act", ["revoke", "let-in", "file", "invite", "delete", "edit"])
def test_a_forged_form_does_nothing(server: Profile, act: str) -> None:
    unregister_user(server, "bob")
    before = server.authorized_keys.read_bytes()

    async def main(client: httpx.AsyncClient) -> None:
        for name in ("alice", "bob"):
            answer = await client.post(f"/users/{name}/{act}", data={"csrf": "x", "sure": "yes"})
            assert answer.status_code == 403
        assert server.authorized_keys.read_bytes() == before

    browse(server, main)


def test_hostile_names_are_text_and_lead_nowhere(server: Profile) -> None:
    bad = "<img src=x onerror=alert(1)>"
    folder = server.users / "<b>x<"
    folder.mkdir()
    (folder / "user.json").write_text("{")

    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users")
        assert not shown.all("img", src="x") and bad in shown.words
        assert "<b>x<" in shown.one("div", class_="bad").words
        home = await client.get("/")
        assert "<img src=x" not in home.text
        odd = await client.get("/users/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        assert odd.status_code in (400, 404) and "<script>alert" not in odd.text

    browse(server, main, {"user": bad, "since": 7, "connections": [{"target": bad, "open": 1}]})


def test_a_long_list_reads_each_file_once(server: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    record = (server.users / "bob" / "user.json").read_text()
    for number in range(120):
        (server.users / f"u{number}").mkdir()
        (server.users / f"u{number}" / "user.json").write_text(record.replace('"bob"', f'"u{number}"'))
    reads: Counter[Path] = Counter()
    plain = Profile.read

    def counted(profile: Profile, path: Path) -> bytes:
        reads[path] += 1
        return plain(profile, path)

    async def main(client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(Profile, "read", counted)
        shown = await page(client, "/users")
        monkeypatch.undo()
        assert sum(path.name == "user.json" for path in reads) == 122
        assert max(reads[path] for path in reads if path.is_relative_to(server.users)) == 1
        assert reads[server.authorized_keys] == 1
        assert len(shown.one("tbody").all("tr")) == 100 and "show all 122" in shown.words
        every = await page(client, shown.one("a", id="every").attrs["href"])
        assert len(every.one("tbody").all("tr")) == 122 and not every.all("a", id="every")

    browse(server, main)


def test_nobody_yet_and_another_role(tmp_path: Path) -> None:
    profile = joined(tmp_path / "one").server

    async def empty(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/users")
        assert shown.one("div", class_="empty").one("a").attrs["href"] == "/users/new/user"

    browse(profile, empty)
    relay = Profile(tmp_path / "two")
    make_relay_identity(relay, "relay.test", listen="127.0.0.1:8443")

    async def wrong(client: httpx.AsyncClient) -> None:
        assert (await page(client, "/users", 409)).one("p", class_="code").words == "wrong-role"

    browse(relay, wrong)
