"""The pages of the settings, the proxy and the service."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.managers import fake_manager
from tests.kit.house import PlayedRole
from tests.kit.identities import client_in, client_snapshot, relay_in
from tests.kit.pages import Visit, visit
from tunnel_whisperer.profile import load_config


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_sections_of_this_role_with_words(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)
    config = {"changed": ["xray.http"], "error": None}

    async def main(seen: Visit) -> None:
        page = await seen.see("/settings")
        titles = [each.words for each in page.one("main").all("h2")]
        assert titles[:2] == ["General", "The way to the relay"] and "Relay" not in titles
        level = page.one("select", id="s-log_level")
        assert [x.attrs["value"] for x in level.all("option")] == ["debug", "info", "warning", "error"]
        assert page.one("p", id="h-log_level").words == "Usually info."
        assert "xray.http: changed since client was started" in page.one("section", id="again-part").words
        assert page.all("button", id="start-again")
        assert page.one("p", id="h-xray.http").words.endswith("Not applied yet.")
        assert "a context keeps its role" in page.one("main").words

    visit(tmp_path / "client", main, PlayedRole(client_snapshot(config=config)))


def test_what_differs_is_saved(tmp_path: Path) -> None:
    profile = client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/settings")
        form = next(x for x in page.all("form", action="/settings") if x.attrs["id"] == "form-general")
        assert {x.attrs["name"] for x in form.all("select")} == {"log_level", "log_format"}
        page = await seen.done("/settings", "/settings", log_level="debug", log_format="text")
        assert page.one("p", class_="good").words == "Changed: log_level."
        assert load_config(profile.config).log_level == "debug"
        page = await seen.done("/settings", "/settings", log_level="debug")
        assert "Nothing was different" in page.one("p", class_="good").words
        page = await seen.refused("/settings", 400, "bad-argument", **{"xray.relay_port": "a million"})
        assert page.one("input", id="s-xray.relay_port").attrs["value"] == "a million"
        # What cannot be changed is not, whoever made the form.
        await seen.done("/settings", "/settings", mode="relay", proxy="http://x.test")
        assert load_config(profile.config).mode == "client" and not load_config(profile.config).proxy

    visit(tmp_path / "client", main, PlayedRole(client_snapshot()))


def test_start_again(tmp_path: Path) -> None:
    relay_in(tmp_path)
    role = PlayedRole()

    async def main(seen: Visit) -> None:
        page = await seen.done("/settings/again", "/settings")
        assert "Started again" in page.one("p", class_="good").words

    visit(tmp_path, main, role)
    assert role.starts == 2


def test_a_proxy_whose_password_is_shown_nowhere(tmp_path: Path) -> None:
    profile = client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        assert "dialled directly" in (await seen.see("/settings")).one("main").words
        fields = {"url": "http://u@proxy.test:3128", "password": "hunter2"}
        page = await seen.done("/settings/proxy", "/settings", **fields)
        assert "hunter2" in load_config(profile.config).proxy
        words = page.one("main").words
        assert "http://proxy.test:3128, with a password, as config.yaml says" in words
        assert "hunter2" not in (await seen.client.get("/settings")).text
        page = await seen.refused("/settings/proxy", 400, "bad-argument", url="http://u:hunter2@x:port")
        assert "hunter2" not in page.one("main").words
        assert page.form("/settings/proxy")["url"] == ""
        page = await seen.refused("/settings/proxy", 400, "bad-argument", url="ftp://proxy.test")
        assert page.form("/settings/proxy")["url"] == "ftp://proxy.test"
        page = await seen.done("/settings/proxy", "/settings", clear="yes")
        assert load_config(profile.config).proxy == "" and page.all("button", id="clear-proxy") == []

    visit(tmp_path / "client", main, PlayedRole(client_snapshot()))


def test_a_relay_has_no_proxy(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        assert (await seen.see("/settings")).all("form", action="/settings/proxy") == []

    visit(tmp_path, main)


def test_the_service_is_installed_and_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/settings/service")
        assert "not installed" in page.one("main").words and "tw service start" in page.one("main").words
        page = await seen.done("/settings/service", "/settings/service", act="install")
        assert manager.done == ["install"]
        assert page.all("button", id="start") == []  # this process serves the identity
        page = await seen.refused("/settings/service", 409, "already-running", act="start")
        assert "sudo tw service start --system" in page.one("main").words
        assert "Keys, users and settings stay" in (await seen.see("/settings/service/uninstall")).words
        await seen.done("/settings/service", "/settings/service", act="uninstall")
        assert manager.done == ["install", "uninstall"]
        assert (await seen.client.get("/settings/service/dance")).headers["location"] == "/settings/service"

    visit(tmp_path, main, PlayedRole())


def test_a_service_that_serves_the_page_warns_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = fake_manager(monkeypatch)
    manager.state = replace(manager.state, installed=True, running=True, pid=os.getpid())
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/settings/service/stop")
        assert "This dashboard is served by it and ends, too." in page.one("main").words

    visit(tmp_path, main, PlayedRole())


def test_where_no_manager_answers_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    relay_in(tmp_path / "relay")

    async def main(seen: Visit) -> None:
        words = (await seen.see("/settings/service")).one("main").words
        assert "does not answer" in words and "sudo tw service install --system" in words

    visit(tmp_path / "relay", main)
