"""tw enroll: a server is admitted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import load_config, save_config
from tunnel_whisperer.tenancy import Token


def test_enrolling_twice_is_the_same_as_once(relay: Tw, server: Tw, tmp_path: Path) -> None:
    before = (tmp_path / "plant-a.json").read_text()
    relay.ok("enroll", str(tmp_path / "plant-q.json"), "--out", str(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_text() == before
    assert relay.ok("list", "servers").count("plant") == 1


def test_ports_are_given_from_20000_on(relay: Tw, server: Tw, tw: Tw) -> None:
    tw.ok("join", "relay.test", "--id", "second", "--out", "q.json")
    relay.ok("enroll", "q.json")
    rows = json.loads(relay.ok("list", "servers", "--json"))
    assert [(row["server"], row["port"]) for row in rows] == [("plant", 20000), ("second", 20001)]


def test_the_same_id_of_another_machine_is_refused(relay: Tw, server: Tw, tw: Tw) -> None:
    tw.ok("join", "relay.test", "--id", "plant", "--out", "q.json")
    relay.refused("exists", "enroll", "q.json")


def test_a_file_that_is_not_a_request_is_refused(relay: Tw, tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text("{}")
    assert "q.json" in relay.refused("bad-join-file", "enroll", "q.json")
    relay.refused("file-unreadable", "enroll", "missing.json")


def test_a_server_cannot_enroll(server: Tw, tmp_path: Path) -> None:
    assert "server's" in server.refused("wrong-role", "enroll", str(tmp_path / "plant-q.json"))


def test_a_port_that_is_none_is_refused(relay: Tw, server: Tw, tmp_path: Path) -> None:
    relay.refused("bad-argument", "enroll", str(tmp_path / "plant-q.json"), "--port", "70000")


def test_a_request_for_another_relay_is_refused(relay: Tw, tw: Tw) -> None:
    tw.ok("join", "other.test", "--id", "lab", "--out", "q.json")
    assert "q.json: relay_host" in relay.refused("bad-join-file", "enroll", "q.json")
    assert "no servers yet" in relay.ok("list", "servers")


def test_an_invitation_is_a_token_for_this_relay(relay: Tw) -> None:
    printed = relay("enroll", "--invite", "--name", "lab", "--expires", "30m", "--port", "8443")
    token = Token.parse(printed.out, "join")
    assert (token.name, str(token.relay)) == ("lab", "relay.test:8443")
    assert printed.out.count("\n") == 1
    assert json.loads(relay.ok("enroll", "--invite", "--json"))["name"] == ""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--name", "lab", "q.json"),
        ("--expires", "1h", "q.json"),
        ("--json", "q.json"),
        ("--invite", "q.json"),
        ("--invite", "--out", "x"),
        ("--invite", "--expires", "soon"),
        ("--invite", "--expires", "400d"),
        ("--invite", "--name", "../x"),
        ("--invite", "--name", "x" * 300),
        ("--invite", "--name", "ü"),
        ("--invite", "--port", "0"),
    ],
)
def test_flags_that_do_not_go_together_or_make_no_sense_are_refused(
    relay: Tw, words: tuple[str, ...]
) -> None:
    relay.refused("bad-argument", "enroll", *words)


def test_nobody_is_invited_under_the_name_of_a_server(relay: Tw, server: Tw) -> None:
    relay.refused("exists", "enroll", "--invite", "--name", "plant")


@pytest.mark.parametrize(
    ("changes", "port"),
    [
        ({}, 443),
        ({"listen": "[::]:8443"}, 8443),
        ({"listen": "127.0.0.1:8443"}, 8443),
        ({"listen": "127.0.0.1:8080", "behind_proxy": True}, 443),
    ],
)
def test_clients_dial_the_port_that_the_relay_listens_on(
    relay: Tw, changes: dict[str, Any], port: int
) -> None:
    path = relay.directory / "config.yaml"
    config = load_config(path)
    save_config(path, replace(config, relay=replace(config.relay, **changes)))
    assert Token.parse(relay.ok("enroll", "--invite"), "join").relay.port == port
    assert Token.parse(relay.ok("enroll", "--invite", "--port", "444"), "join").relay.port == 444
