"""Named sets of ports, and who has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.access_words import difference
from tunnel_whisperer.operations.apps import app_rows, app_value, create_app, delete_app, edit_app
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import UserBook, make_relay_identity

PSQL, PLC, SSH = (Grant.parse(x) for x in ("5432", "10502:plc-7:502", "22"))


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With an app, and alice, who has it and a port of her own."""
    profile = joined(tmp_path).server
    create_app(profile, "historian", [PSQL, PLC])
    create_user(profile, NewUser("alice", (SSH,), ("historian",)))
    return profile


def test_apps_are_listed_with_who_has_them(server: Profile) -> None:
    create_app(server, "panel", [Grant.parse("80")])
    rows = app_rows(server)
    assert [(app.name, users) for app, users in rows] == [("historian", ["alice"]), ("panel", [])]
    assert app_value(*rows[0]) == {
        "name": "historian",
        "grants": [
            {"local_port": 5432, "host": "127.0.0.1", "port": 5432, "leaves_server": False},
            {"local_port": 10502, "host": "plc-7", "port": 502, "leaves_server": True},
        ],
        "users": ["alice"],
    }


def test_a_change_is_shown_with_whom_it_concerns_before_it_is_made(server: Profile) -> None:
    kept = (server.directory / "apps.yaml").read_bytes()
    planned = edit_app(server, "historian", taken=["5432"], given=[Grant.parse("5432:5433")], dry_run=True)
    assert (planned.difference.removed, planned.difference.added) == ((PSQL,), (Grant.parse("5432:5433"),))
    assert [change.after.name for change in planned.users] == ["alice"]
    assert planned.users[0].needs_new_file
    assert (server.directory / "apps.yaml").read_bytes() == kept
    done = edit_app(server, "historian", taken=["5432"])
    assert done.after.grants == (PLC,)
    assert UserBook(server).get("alice").grants == (SSH, PLC)


def test_what_does_not_fit_a_user_changes_nothing(server: Profile) -> None:
    with pytest.raises(Misuse, match="alice would have local port 22 twice"):
        edit_app(server, "historian", given=[Grant.parse("22:10.0.0.9:22")])
    with pytest.raises(Misuse, match="historian has no grant '80'"):
        edit_app(server, "historian", taken=["80"])
    assert app_rows(server)[0][0].grants == (PSQL, PLC)


def test_whoever_loses_what_is_told_before_an_app_is_deleted(server: Profile) -> None:
    (loser,) = delete_app(server, "historian", dry_run=True)
    assert difference(loser.before, loser.after).removed == (PSQL, PLC)
    assert app_rows(server) != []
    delete_app(server, "historian")
    assert app_rows(server) == []
    assert UserBook(server).get("alice").grants == (SSH,)


def test_a_relay_has_no_apps(tmp_path: Path) -> None:
    relay = Profile(tmp_path / "relay")
    make_relay_identity(relay, "relay.test")
    for act in (
        lambda: app_rows(relay),
        lambda: create_app(relay, "x", [PSQL]),
        lambda: edit_app(relay, "x", given=[PSQL]),
        lambda: delete_app(relay, "x"),
    ):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "wrong-role"
