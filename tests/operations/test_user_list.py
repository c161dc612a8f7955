"""A server's users as rows."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations import user_list
from tunnel_whisperer.operations.user_list import certificate_end, short_standing, user_detail, user_rows
from tunnel_whisperer.operations.users import NewUser, create_user, invite_new_user, unregister_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import Standing, UserBook, make_relay_identity

PSQL = Grant.parse("5432")
LIVE = {"role": "server", "sessions": [{"user": "bob", "since": 7.0, "connections": []}]}


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With alice, who was taken off, bob and carol, who is invited."""
    profile = joined(tmp_path).server
    for name in ("alice", "bob"):
        create_user(profile, NewUser(name, (PSQL,)))
    unregister_user(profile, "alice")
    invite_new_user(profile, NewUser("carol", (PSQL,)), expires=time.time() + 3600)
    return profile


def test_each_is_told_with_how_they_stand(server: Profile) -> None:
    found = user_rows(server)
    assert [(row.user.name, row.to_json()["let_in"], row.to_json()["state"]) for row in found.rows] == [
        ("alice", False, "unregistered"),
        ("bob", True, "yes"),
        ("carol", False, "invited"),
    ]
    assert [row.online for row in found.rows] == [None, None, None]
    assert [row.invited_until is not None for row in found.rows] == [False, False, True]
    assert found.faults == []


def test_every_standing_has_a_short_word_of_its_own() -> None:
    assert len({short_standing(standing) for standing in Standing}) == len(Standing)


def test_who_is_there_is_told_by_the_process_or_by_what_it_wrote(
    server: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [row.online for row in user_rows(server, LIVE).rows] == [False, True, False]
    monkeypatch.setattr(user_list, "users_online", lambda profile: {"alice"})
    assert [row.online for row in user_rows(server).rows] == [True, False, False]


def test_a_damaged_record_is_a_fault_and_hides_nobody(server: Profile) -> None:
    (server.users / "bob" / "user.json").write_text("{")
    found = user_rows(server)
    assert [row.user.name for row in found.rows] == ["alice", "carol"]
    assert [fault.code for fault in found.faults] == ["bad-record"]


def test_one_user_is_told_with_all_that_is_known(server: Profile) -> None:
    bob = user_detail(server, "bob", LIVE)
    assert bob["sessions"] == LIVE["sessions"]
    assert (bob["standing"], bob["file"], bob["renewal_due"], bob["invited_until"]) == (
        "let in",
        True,
        False,
        None,
    )
    assert datetime.now(UTC) - datetime.fromisoformat(bob["created_at"]) < timedelta(minutes=5)
    carol = user_detail(server, "carol")
    assert (carol["standing"], carol["file"], carol["sessions"]) == (
        "invited, and has not come yet",
        False,
        [],
    )
    assert datetime.fromisoformat(carol["invited_until"]) > datetime.now(UTC)
    with pytest.raises(Misuse, match="there is no user 'dave'"):
        user_detail(server, "dave")


def test_a_certificate_near_its_end_is_due(server: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row.renewal_due for row in user_rows(server).rows] == [False, False, False]
    monkeypatch.setattr(user_list, "RENEW_BEFORE", timedelta(days=30000))
    assert [row.renewal_due for row in user_rows(server).rows] == [True, True, False]


def test_a_certificate_that_is_gone_has_no_end(server: Profile) -> None:
    book = UserBook(server)
    assert certificate_end(book.get("bob"), book) is not None
    (server.users / "bob" / "client.crt").unlink()
    assert certificate_end(book.get("bob"), book) is None
    assert user_detail(server, "bob")["certificate_ends"] is None


def test_a_relay_has_no_users(tmp_path: Path) -> None:
    relay = Profile(tmp_path / "relay")
    make_relay_identity(relay, "relay.test")
    for act in (lambda: user_rows(relay), lambda: user_detail(relay, "bob")):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "wrong-role"


def test_open_sessions_are_with_their_users_and_the_others_apart(server: Profile) -> None:
    stranger = {"user": "mallory", "since": 8.0, "connections": []}
    found = user_rows(server, {**LIVE, "sessions": [*LIVE["sessions"], stranger]})
    assert [list(row.sessions) for row in found.rows] == [[], LIVE["sessions"], []]
    assert found.strangers == [stranger]
    assert user_rows(server).strangers == []
