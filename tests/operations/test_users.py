"""Users, and the files and invitations that make them of use."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant, Secret
from tunnel_whisperer.bundle import decrypt, install_bundle, is_encrypted, open_bundle
from tunnel_whisperer.operations.access_words import difference
from tunnel_whisperer.operations.user_steps import until, with_grant, without_grant
from tunnel_whisperer.operations.users import (
    NewUser,
    apply_users,
    create_user,
    delete_user,
    edit_user,
    export_user,
    invite_again,
    invite_new_user,
    new_user,
    unregister_user,
    user_file_name,
)
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import AppBook, InviteBook, Standing, UserBook, make_relay_identity
from tunnel_whisperer.tenancy import users as book_of_users

PSQL, SSH = Grant.parse("15432:5432"), Grant.parse("22")
ALICE = NewUser("alice", (PSQL,))


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """A server with a slot at a relay."""
    return joined(tmp_path).server


def _events(profile: Profile) -> list[str]:
    lines = "".join(path.read_text() for path in profile.audit.glob("*.jsonl")).splitlines()
    return [json.loads(line)["event"] for line in lines]


def _names(profile: Profile) -> list[str]:
    return [user.name for user in UserBook(profile).all()]


def test_a_user_comes_with_a_file_that_makes_a_client(server: Profile, tmp_path: Path) -> None:
    made = create_user(server, ALICE)
    assert UserBook(server).standing(made.user) is Standing.LET_IN
    config = install_bundle(Profile(tmp_path / "client"), open_bundle(made.data))
    assert config.client.grants() == (PSQL,)
    assert user_file_name("alice") == "alice-tw-config.zip"


def test_the_file_is_encrypted_if_there_is_a_passphrase(server: Profile) -> None:
    made = create_user(server, ALICE, passphrase=Secret("correct horse"))
    assert is_encrypted(made.data)
    assert open_bundle(decrypt(made.data, "correct horse")).config.xray.uuid == made.user.uuid


def test_a_file_that_cannot_be_kept_takes_the_user_back(server: Profile) -> None:
    def keep(data: bytes) -> None:
        assert _names(server) == ["alice"]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        create_user(server, ALICE, keep=keep)
    assert _names(server) == []
    assert not UserBook(server).leftovers("alice")
    assert create_user(server, ALICE).user.name == "alice", "the name is free again"


def test_a_file_that_cannot_be_made_takes_the_user_back(
    server: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise Misuse("file-unreadable", "gone")

    monkeypatch.setattr("tunnel_whisperer.operations.users.pack_client", broken)
    with pytest.raises(Misuse, match="gone"):
        create_user(server, ALICE)
    assert not UserBook(server).leftovers("alice")


def test_a_server_without_a_relay_makes_nobody(tmp_path: Path) -> None:
    setting = joined(tmp_path)
    relay = Profile(tmp_path / "another")
    make_relay_identity(relay, "relay.test")
    for act in (
        lambda: create_user(relay, ALICE),
        lambda: invite_new_user(relay, ALICE, expires=time.time() + 60),
        lambda: edit_user(relay, "alice", []),
        lambda: unregister_user(relay, "alice"),
        lambda: apply_users(relay),
        lambda: delete_user(relay, "alice"),
        lambda: export_user(relay, "alice"),
        lambda: invite_again(relay, "alice", expires=time.time() + 60),
    ):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "wrong-role"
    assert _names(setting.server) == []


def test_a_user_like_another_may_do_the_same_and_what_else_is_said(server: Profile) -> None:
    AppBook(server).create("historian", [Grant.parse("8080")])
    end = time.time() + 86_400
    create_user(server, NewUser("alice", (PSQL,), ("historian",), end, single_session=True))
    assert new_user(server, "bob", [SSH], like="alice") == NewUser(
        "bob", (PSQL, SSH), ("historian",), float(int(end)), single_session=True
    )
    other = new_user(server, "bob", like="alice", expires="never", single_session=False)
    assert (other.expires, other.single_session) == (None, False)
    assert new_user(server, "bob", [SSH], expires="2126-12-24").expires == datetime(2126, 12, 24).timestamp()


def test_what_cannot_be_is_refused_before_anything_is_made(server: Profile) -> None:
    create_user(server, ALICE)
    refused: list[tuple[str, Callable[[], object]]] = [
        ("exists", lambda: new_user(server, "alice", [SSH])),
        ("bad-argument", lambda: new_user(server, "Alice!", [SSH])),
        ("no-such-name", lambda: new_user(server, "bob", like="carol")),
        ("no-such-name", lambda: new_user(server, "bob", apps=["nothing"])),
        ("bad-argument", lambda: new_user(server, "bob", [SSH], expires="soon")),
    ]
    for code, act in refused:
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == code
    assert _names(server) == ["alice"]


def test_who_is_invited_has_a_token_and_no_file(server: Profile) -> None:
    seen: list[str] = []
    user, token = invite_new_user(
        server, ALICE, expires=time.time() + 3600, hand_over=lambda user, token: seen.append(token.name)
    )
    assert (seen, token.name) == (["alice"], "alice")
    assert UserBook(server).standing(user) is Standing.INVITED
    with pytest.raises(Misuse, match="on their own machine"):
        export_user(server, "alice")
    again = invite_again(server, "alice", expires=time.time() + 7200)
    assert again.to_text() != token.to_text()
    assert [int(x.expires) for x in InviteBook(server).all()] == [again.expires], "the first is void"


def test_an_invitation_that_cannot_be_handed_over_takes_the_user_back(server: Profile) -> None:
    def hand_over(*_: object) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        invite_new_user(server, ALICE, expires=time.time() + 3600, hand_over=hand_over)
    with pytest.raises(Misuse, match="lives for up to"):
        invite_new_user(server, ALICE, expires=time.time() + 10**9)
    assert _names(server) == []
    assert InviteBook(server).all() == []


def test_a_change_is_shown_before_it_is_made(server: Profile) -> None:
    create_user(server, ALICE)
    steps = [without_grant("15432"), with_grant(SSH), until(4e9)]
    record = server.authorized_keys.read_bytes()
    planned = edit_user(server, "alice", steps, dry_run=True)
    found = difference(planned.before, planned.after)
    assert (found.removed, found.added, found.expires) == ((PSQL,), (SSH,), (None, 4e9))
    assert planned.needs_new_file
    assert server.authorized_keys.read_bytes() == record
    done = edit_user(server, "alice", steps)
    assert done.after.grants == UserBook(server).get("alice").grants == (SSH,)
    assert not edit_user(server, "alice", [until(5e9)], dry_run=True).needs_new_file


def test_who_is_taken_off_stays_out_until_named(server: Profile) -> None:
    create_user(server, ALICE)
    assert unregister_user(server, "alice").stands is Standing.UNREGISTERED
    (change,), faults = apply_users(server)
    assert (change.stands, faults) == (Standing.UNREGISTERED, [])
    (change,), _ = apply_users(server, ["alice"])
    assert change.stands is Standing.LET_IN
    delete_user(server, "alice")
    assert _names(server) == []
    with pytest.raises(Misuse, match="there is no user 'alice'"):
        delete_user(server, "alice")


def test_a_damaged_record_is_told_when_all_are_applied(server: Profile) -> None:
    create_user(server, ALICE)
    create_user(server, NewUser("bob", (SSH,)))
    (server.users / "bob" / "user.json").write_text("{")
    changes, faults = apply_users(server)
    assert [change.after.name for change in changes] == ["alice"]
    assert [fault.code for fault in faults] == ["bad-record"]
    assert apply_users(server, ["alice"])[1] == []


def test_a_file_is_made_again_and_that_is_recorded(server: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    first = create_user(server, ALICE)
    kept: list[bytes] = []
    again = export_user(server, "alice", passphrase=Secret("x"), keep=kept.append)
    assert (kept, again.renewed_until) == ([again.data], None)
    assert open_bundle(decrypt(again.data, "x")).files == open_bundle(first.data).files
    assert _events(server).count("user-exported") == 1
    monkeypatch.setattr(book_of_users, "RENEW_BEFORE", timedelta(days=30000))
    renewed = export_user(server, "alice")
    assert renewed.renewed_until is not None
    assert open_bundle(renewed.data).files["client.crt"] != open_bundle(first.data).files["client.crt"]


def test_a_file_that_was_not_kept_is_not_recorded(server: Profile) -> None:
    create_user(server, ALICE)

    def keep(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        export_user(server, "alice", keep=keep)
    assert "user-exported" not in _events(server)
