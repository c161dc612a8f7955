"""The server on the computer from which a relay was made, as its last step."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.command import Tw
from tests.kit.terminal import typed
from tunnel_whisperer.profile import Config, Contexts, load_config, save_config
from tunnel_whisperer.tenancy import make_server_identity

DOMAIN = "relay.example.org"
FLAGS = ("--provider", "digitalocean", "--domain", DOMAIN)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)


def test_the_smallest_setup_needs_no_files_sent_around(
    tw: Tw, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
    typed(monkeypatch, "", "", "y", "Not A Name", "plant")
    done = tw("create", "relay-server", *FLAGS)
    assert done.status == 0, done.err
    assert "next: tw create user NAME -m PORT, and tw serve" in done.out
    assert f"back to the relay: tw use {DOMAIN}" in done.err
    assert world.applied[-1] == ("plant", "relay-admin")
    tw.ok("create", "user", "alice", "-m", "5432")
    tw.ok("use", DOMAIN)
    assert [row["server"] for row in json.loads(tw.ok("list", "servers", "--json"))] == ["plant"]


@pytest.mark.usefixtures("token")
def test_a_server_that_was_interrupted_is_completed(tw: Tw, world: World) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    world.tunnel = []
    flags = ("create", "relay-server", "--server", "plant", "--yes")
    world.after_first = KeyboardInterrupt()
    assert tw(*flags).status == 130
    tw.ok(*flags)
    assert world.applied[-1] == ("plant", "relay-admin")
    tw.ok("use", DOMAIN)
    tw.ok(*flags)
    assert [row["name"] for row in json.loads(tw.ok("list", "contexts", "--json"))] == [DOMAIN, "plant"]
    tw.ok("use", DOMAIN)
    tw.refused("bad-argument", *flags, "--no-wait")


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("role", ["lab", "client", "elsewhere"])
def test_a_context_that_is_something_else_is_left_alone(tw: Tw, world: World, role: str) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    tw.ok("create", "context", "plant")
    plant = Contexts(tw.directory).find("plant").profile
    if role == "client":
        save_config(plant.config, Config(mode="client"))
    else:
        make_server_identity(plant, "lab" if role == "lab" else "plant")
    if role == "elsewhere":
        config = load_config(plant.config)
        save_config(plant.config, replace(config, xray=replace(config.xray, relay_host="other.example.org")))
    tw.ok("use", DOMAIN)
    done = tw("create", "relay-server", "--server", "plant", "--yes")
    assert done.status == 2 and "tw: exists: " in done.err, done
    assert world.applied[-1] == ("relay-admin",)


@pytest.mark.usefixtures("token")
def test_an_empty_context_of_that_name_is_taken(tw: Tw, world: World) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    tw.ok("create", "context", "plant")
    tw.ok("use", DOMAIN)
    tw.ok("create", "relay-server", "--server", "plant", "--yes")
    assert world.applied[-1] == ("plant", "relay-admin")


@pytest.mark.usefixtures("token")
def test_a_name_that_is_none_is_refused_before_anything_is_made(tw: Tw, world: World) -> None:
    tw.refused("bad-argument", "create", "relay-server", *FLAGS, "--server", "Not A Name", "--yes")
    assert not tw.directory.exists()
