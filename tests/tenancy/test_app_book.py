from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.limits import MAX_APPS
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.profile import Config, Profile, save_config
from tunnel_whisperer.tenancy import App, AppBook, UserBook, make_server_identity
from tunnel_whisperer.tenancy.apps import apps_file, format_apps, read_apps

PSQL, PLC, WEB = Grant.parse("5432"), Grant.parse("10502:10.0.5.7:502"), Grant.parse("8080:80")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server with two apps, alice who has one and a port, and bob who has a port; to copy."""
    directory = tmp_path_factory.mktemp("made") / "server"
    profile = Profile(directory)
    make_server_identity(profile, "plant")
    AppBook(profile).create("historian", [PSQL, PLC])
    AppBook(profile).create("panel", [WEB])
    UserBook(profile).create("alice", [Grant.parse("22")], apps=["historian"])
    UserBook(profile).create("bob", [PSQL])
    return directory


@pytest.fixture
def profile(made: Path, tmp_path: Path) -> Profile:
    shutil.copytree(made, tmp_path / "server")
    return Profile(tmp_path / "server")


@pytest.fixture
def users(profile: Profile) -> UserBook:
    return UserBook(profile)


@pytest.fixture
def book(profile: Profile, users: UserBook) -> AppBook:
    return AppBook(profile, users)


def _with(*grants: Grant):  # type: ignore[no-untyped-def]
    return lambda app: replace(app, grants=grants)


def _opens(profile: Profile, name: str) -> str:
    lines = [x for x in profile.authorized_keys.read_text().splitlines() if x.endswith(f"{name}@tw")]
    assert len(lines) == 1
    return lines[0].partition(",restrict")[0]


def test_apps_are_listed_by_name_with_who_has_them(book: AppBook) -> None:
    assert book.all() == [App("historian", (PSQL, PLC)), App("panel", (WEB,))]
    assert book.get("panel") == App("panel", (WEB,))
    assert (book.users_of("historian"), book.users_of("panel")) == (["alice"], [])


def test_a_name_is_given_once(book: AppBook, profile: Profile) -> None:
    before = snapshot(profile.directory)
    book.check_new("panels")
    with pytest.raises(Misuse) as caught:
        book.create("panel", [PSQL])
    assert render(caught.value) == (
        "tw: exists: there is an app 'panel' already (try: tw edit app panel, or another name)"
    )
    assert snapshot(profile.directory) == before


def test_an_app_that_makes_no_sense_is_not_made(book: AppBook, profile: Profile) -> None:
    before = snapshot(profile.directory)
    for name, grants, code in (
        ("x", [], "bad-argument"),
        ("x", [PSQL, Grant(5432, PLC.target)], "bad-argument"),
        ("a/b", [PSQL], "bad-argument"),
        ("x" * 300, [PSQL], "bad-argument"),
        ("x", [Grant(n, PSQL.target) for n in range(1, 300)], "too-many"),
    ):
        with pytest.raises(Misuse) as caught:
            book.create(name, grants)
        assert caught.value.code == code
    assert snapshot(profile.directory) == before


def test_a_server_has_so_many_apps_and_no_more(book: AppBook, profile: Profile) -> None:
    apps_file(profile).write_text(format_apps([App(f"a{n}", (PSQL,)) for n in range(MAX_APPS)]))
    with pytest.raises(Misuse, match="a server has at most 64 apps"):
        book.create("one-more", [PSQL])


def test_an_unknown_app_is_told_with_the_nearest_name(book: AppBook) -> None:
    for act in (book.get, book.delete, lambda name: book.edit(name, _with(PSQL))):
        with pytest.raises(Misuse) as caught:
            act("historia")
        assert render(caught.value) == (
            "tw: no-such-name: there is no app 'historia' (try: did you mean historian?)"
        )
        with pytest.raises(Misuse, match="is not the name of an app"):
            act("../x")


def test_users_of_an_edited_app_reach_what_it_is_now(book: AppBook, profile: Profile) -> None:
    before, after, changes = book.edit("historian", _with(PSQL, WEB))
    assert (before.grants, after.grants) == ((PSQL, PLC), (PSQL, WEB))
    (change,) = changes
    assert change.after.name == "alice"
    assert change.needs_new_file
    assert change.after.revision == 2
    assert _opens(profile, "alice") == (
        'permitopen="127.0.0.1:22",permitopen="127.0.0.1:5432",permitopen="127.0.0.1:80"'
    )
    assert _opens(profile, "bob") == 'permitopen="127.0.0.1:5432"'
    assert book.get("historian") == after


def test_an_edit_that_changes_nothing_writes_nothing(book: AppBook, profile: Profile) -> None:
    before = snapshot(profile.directory)
    _, _, (change,) = book.edit("historian", lambda app: app)
    assert not change.needs_new_file
    assert snapshot(profile.directory) == before


def test_whose_own_ports_are_the_same_needs_no_new_file(book: AppBook, users: UserBook) -> None:
    users.edit("alice", lambda user: replace(user, own_grants=(Grant.parse("22"), WEB)))
    changes = book.edit("historian", _with(PSQL, PLC, WEB))[2]
    assert [change.needs_new_file for change in changes] == [False]


def test_an_edit_that_does_not_fit_one_user_changes_nobody(
    book: AppBook, users: UserBook, profile: Profile
) -> None:
    users.create("carol", apps=["historian"])
    before = snapshot(profile.directory)
    with pytest.raises(Misuse, match="alice would have local port 22 twice"):
        book.edit("historian", _with(Grant.parse("22:10.0.0.9:22")))
    assert snapshot(profile.directory) == before


def test_users_of_a_deleted_app_lose_what_they_had_by_it_alone(book: AppBook, profile: Profile) -> None:
    before = snapshot(profile.directory)
    (told,) = book.delete("historian", dry_run=True)
    assert snapshot(profile.directory) == before
    (change,) = book.delete("historian")
    assert change == told
    assert change.after.grants == (Grant.parse("22"),)
    assert _opens(profile, "alice") == 'permitopen="127.0.0.1:22"'
    assert [app.name for app in book.all()] == ["panel"]


def test_an_app_that_is_all_somebody_has_is_not_deleted(
    book: AppBook, users: UserBook, profile: Profile
) -> None:
    users.create("carol", apps=["historian"])
    before = snapshot(profile.directory)
    with pytest.raises(Misuse, match="carol would have no port"):
        book.delete("historian")
    assert snapshot(profile.directory) == before


def test_an_unregistered_user_follows_and_stays_out(book: AppBook, users: UserBook, profile: Profile) -> None:
    users.unregister("alice")
    book.edit("historian", _with(WEB))
    assert users.get("alice").grants == (Grant.parse("22"), WEB)
    assert "alice" not in profile.authorized_keys.read_text()


def test_a_full_disk_changes_nothing(
    book: AppBook, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(profile.directory)
    with monkeypatch.context() as patch:
        fill_disk(patch, 1, "fsync", lasting=True)
        for act in (
            lambda: book.create("x", [PSQL]),
            lambda: book.edit("historian", _with(WEB)),
            lambda: book.delete("historian"),
        ):
            with pytest.raises(Misuse) as caught:
                act()
            assert caught.value.code == "state-not-written"
    assert snapshot(profile.directory) == before


@needs_fork
def test_an_edit_killed_anywhere_lets_nobody_reach_more_than_both_states_and_apply_completes_it(
    book: AppBook, users: UserBook, profile: Profile
) -> None:
    def prepare() -> None:
        book.edit("historian", _with(PSQL, PLC))
        users.apply()

    for _ in every_kill(lambda: book.edit("historian", _with(PSQL, WEB)), prepare):
        by_app = set(read_apps(profile)["historian"].grants)
        assert by_app in ({PSQL, PLC}, {PSQL, WEB})
        assert set(users.get("alice").grants) - {Grant.parse("22")} in ({PSQL, PLC}, {PSQL, WEB})
        users.apply()
        assert set(users.get("alice").grants) == {Grant.parse("22"), *by_app}
        assert all(str(grant.target) in _opens(profile, "alice") for grant in by_app)


@pytest.mark.parametrize("mode", ["client", "relay"])
def test_only_a_server_has_apps(tmp_path: Path, mode: str) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=mode))
    with pytest.raises(Misuse) as caught:
        AppBook(profile).create("historian", [PSQL])
    assert caught.value.code == "wrong-role"
