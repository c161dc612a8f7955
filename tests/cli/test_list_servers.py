"""tw list servers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations import tenant_rows
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import (
    enroll_server,
    make_join_request,
    make_server_identity,
    make_standard_relay_identity,
)


def test_an_empty_list_says_what_to_do(relay: Tw) -> None:
    assert "tw enroll" in relay.ok("list", "servers")
    assert json.loads(relay.ok("list", "servers", "--json")) == []


def test_it_is_a_relays_business(server: Tw) -> None:
    server.refused("wrong-role", "list", "servers")


def test_columns_stand_under_their_heads_and_nothing_is_claimed_of_a_relay_that_does_not_run(
    relay: Tw, server: Tw
) -> None:
    head, row, note = relay.ok("list", "servers").splitlines()
    assert head.split() == ["server", "port", "state", "clients", "enrolled"]
    assert row.startswith("plant   20000  -      -")
    assert "not known" in note
    (value,) = json.loads(relay.ok("list", "servers", "--json"))
    assert (value["online"], value["since"], value["sessions"]) == (None, None, None)


@pytest.mark.parametrize(
    ("tenants", "words", "values"),
    [
        (
            [{"server": "plant", "online": True, "since": 1_800_000_000, "streams": 3}],
            ["online since 2027-01-15", "  3  "],
            (True, "2027-01-15T08:00:00+00:00", 3),
        ),
        ([{"server": "plant", "online": False, "since": None, "streams": 0}], ["offline"], (False, None, 0)),
        ([], ["offline"], (False, None, 0)),
    ],
)
def test_what_the_running_relay_says_is_shown(
    relay: Tw,
    server: Tw,
    monkeypatch: pytest.MonkeyPatch,
    tenants: list[dict[str, object]],
    words: list[str],
    values: tuple[object, ...],
) -> None:
    def snapshot(profile: Profile) -> dict[str, object]:
        return {"role": "relay", "pid": os.getpid(), "tenants": tenants}

    monkeypatch.setattr(tenant_rows, "read_snapshot", snapshot)
    text = relay.ok("list", "servers")
    assert all(word in text for word in words)
    assert "not known" not in text
    (value,) = json.loads(relay.ok("list", "servers", "--json"))
    assert (value["online"], value["since"], value["sessions"]) == values


def test_invitations_are_shown_until_they_are_used(relay: Tw) -> None:
    relay.ok("enroll", "--invite", "--name", "lab")
    relay.ok("enroll", "--invite", "--expires", "30m")
    rows = relay.ok("list", "servers").splitlines()[1:3]
    assert [("invited until" in row) for row in rows] == [True, True]
    unnamed, named = (row.split()[0] for row in rows)
    assert named == "lab"
    assert unnamed.startswith("_")
    assert relay.ok("unenroll", unnamed, "--yes") == f"removed the invitation {unnamed}\n"
    assert [row["server"] for row in json.loads(relay.ok("list", "servers", "--json"))] == ["lab"]


def test_a_machine_without_our_program_is_asked_who_listens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(tmp_path / "standard")
    make_standard_relay_identity(profile, "relay.example.org")
    tw = Tw(tmp_path / "standard", capsys)
    assert "--invite" not in tw.ok("list", "servers")
    for server in ("plant", "mill"):
        identity = Profile(tmp_path / server)
        make_server_identity(identity, server)
        enroll_server(profile, make_join_request(identity, "relay.example.org"))
    assert "tw list servers --live asks the machine" in tw.ok("list", "servers")

    async def listening(relay: StandardRelay) -> frozenset[int]:
        return frozenset({22, 443, 20000})

    monkeypatch.setattr(StandardRelay, "listening", listening)
    rows = json.loads(tw.ok("list", "servers", "--live", "--json"))
    assert [(row["server"], row["online"], row["sessions"]) for row in rows] == [
        ("mill", False, None),
        ("plant", True, None),
    ]
    shown = tw.ok("list", "servers", "--live")
    assert "online" in shown and "offline" in shown and "--live" not in shown


def test_a_relay_that_tells_by_itself_is_not_asked(relay: Tw) -> None:
    relay.refused("bad-argument", "list", "servers", "--live")
