"""The pages of contexts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.kit.house import PlayedRole
from tests.kit.identities import client_file, relay_in
from tests.kit.pages import Visit, visit
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.operations.importing import open_contents


async def _made(seen: Visit, name: str) -> str:
    """The id of a new one, which is served then."""
    page = await seen.done("/contexts/new", "/setup", name=name)
    assert f"{name} is made" in page.one("p", class_="good").words
    return seen.house.contexts.find(name).id


def test_without_any_the_page_leads_on(tmp_path: Path) -> None:
    async def main(seen: Visit) -> None:
        page = await seen.see("/contexts")
        assert page.one("div", class_="empty").one("a").attrs["href"] == "/setup"

    visit(tmp_path, main)


def test_a_switch_says_what_it_ends(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/contexts")
        assert "served here" in page.one("tbody").words
        assert "relay.test is ended here" in (await seen.see("/contexts/new")).one("main").words
        await seen.refused("/contexts/new", 400, "bad-argument", name="Plant 7")
        made = await _made(seen, "plant-7")
        assert (await seen.see("/contexts")).all("a", id=f"use-{made}") == []
        page = await seen.see("/contexts/base/use")
        assert "plant-7 (no role yet) is ended here" in page.one("main").words
        await seen.done("/contexts/base/use", "/")
        assert seen.house.profile.directory == tmp_path
        answer = await seen.send(f"/contexts/{made}/use")
        assert answer.headers["location"] == "/setup"  # it has no role yet
        await seen.see("/contexts/abcdef/use", 404)

    visit(tmp_path, main, PlayedRole())


def test_a_pinned_process_says_why_it_does_not_switch(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        made = await _made(seen, "plant-7")
        await seen.send("/contexts/base/use")
        seen.house.supervisor.pinned = True
        page = await seen.see("/contexts")
        assert "serves no other" in page.one("main").words and page.all("a", id=f"use-{made}") == []
        page = await seen.refused(f"/contexts/{made}/use", 400, "bad-argument")
        assert "and no other" in page.one("div", role="alert").words

    visit(tmp_path, main, PlayedRole())


def test_rename(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/contexts/base/rename")
        assert page.form("/contexts/base/rename") == {"csrf": "t", "name": "relay.test"}
        page = await seen.refused("/contexts/base/rename", 400, "bad-argument", name='"><script>')
        assert page.form("/contexts/base/rename")["name"] == '"><script>'
        page = await seen.done("/contexts/base/rename", "/contexts", name="hub")
        assert "hub" in page.one("tbody").words

    visit(tmp_path, main)


def test_an_export_is_encrypted_unless_somebody_insists(tmp_path: Path) -> None:
    relay_in(tmp_path)
    path = "/contexts/base/export"

    async def main(seen: Visit) -> None:
        await seen.see(path)
        await seen.refused(path, 400, "bad-argument", passphrase="", again="")
        page = await seen.refused(path, 400, "bad-argument", passphrase="one horse", again="two horses")
        assert "horse" not in page.words
        file = await seen.send(path, passphrase="one horse", again="one horse")
        assert file.headers["content-disposition"] == 'attachment; filename="relay.test-tw-context.zip"'
        opened = await asyncio.to_thread(open_contents, file.content, "x", Secret("one horse"))
        assert opened.config.mode == "relay"
        file = await seen.send(path, plain="yes", passphrase="", again="")
        assert open_contents(file.content, "x").config.mode == "relay"

    visit(tmp_path, main)


def test_an_import(tmp_path: Path) -> None:
    relay_in(tmp_path / "here")
    data = client_file(tmp_path)

    async def send(seen: Visit, **fields: str) -> tuple[int, str]:
        answer = await seen.client.post(
            "/contexts/import", data={"csrf": "t", **fields}, files={"file": ("alice.zip", data)}
        )
        return answer.status_code, answer.text

    async def main(seen: Visit) -> None:
        page = await seen.see("/contexts/import")
        assert "relay.test is ended here" in page.one("main").words
        assert page.all("input", name="force") == []
        status, text = await send(seen, name="relay.test")
        assert status == 409 and 'name="force"' in text  # now it can be replaced, if that is meant
        assert (await send(seen, name="lab"))[0] == 303
        assert "a client of" in (await seen.see("/contexts")).one("tbody").words
        assert seen.house.profile.directory == tmp_path / "here"
        assert (await send(seen, activate="yes"))[0] == 303
        assert seen.house.profile.directory != tmp_path / "here"

    visit(tmp_path / "here", main)


def test_a_deletion_says_what_is_lost(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        made = await _made(seen, "plant-7")
        page = await seen.see(f"/contexts/{made}/delete")
        assert page.one("h1").words == "plant-7 cannot be deleted now"
        assert "Switch to another context first" in page.one("main").words
        page = await seen.see("/contexts/base/delete")
        words = page.one("main").words
        assert "It is the relay relay.test" in words and "lost for good" in words
        assert page.one("button", id="delete").attrs["class"] == "danger"
        await seen.send("/contexts/base/use")
        await seen.refused("/contexts/base/delete", 400, "bad-argument")
        page = await seen.done(f"/contexts/{made}/delete", "/contexts")
        assert page.all("p", class_="good")[-1].words == "plant-7 is deleted."
        await seen.see(f"/contexts/{made}/delete", 404)

    visit(tmp_path, main, PlayedRole())
