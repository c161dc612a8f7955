from __future__ import annotations

import json
import os
import shutil
import ssl
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import NOW
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.limits import MAX_GRANTS_PER_USER
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.pki import check_client, check_key_pair, new_ssh_key, public_key_of
from tunnel_whisperer.profile import Config, Profile, save_config
from tunnel_whisperer.ssh.authorized_keys import parse_access, parse_record
from tunnel_whisperer.tenancy import RENEW_BEFORE, Standing, User, UserBook, make_server_identity

CHRISTMAS = datetime(2026, 12, 24, 18, tzinfo=UTC).timestamp()
PSQL, PLC = Grant.parse("5432"), Grant.parse("10502:10.0.5.7:502")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server without users, to copy."""
    directory = tmp_path_factory.mktemp("made") / "server"
    make_server_identity(Profile(directory), "plant")
    return directory


@pytest.fixture
def profile(made: Path, tmp_path: Path) -> Profile:
    shutil.copytree(made, tmp_path / "server")
    return Profile(tmp_path / "server")


@pytest.fixture
def book(profile: Profile) -> UserBook:
    return UserBook(profile, lambda: CHRISTMAS - 86400)


def _record(profile: Profile) -> str:
    return profile.authorized_keys.read_text()


def test_the_line_is_the_one_of_the_specification(book: UserBook, profile: Profile) -> None:
    user = book.create("alice", [PSQL, PLC], expires=CHRISTMAS)
    assert _record(profile) == (
        'permitopen="127.0.0.1:5432",permitopen="10.0.5.7:502",restrict,port-forwarding,'
        f'expiry-time="20261224180000Z" {user.public_key} alice@tw\n'
    )


@pytest.mark.parametrize("expires", [None, CHRISTMAS, CHRISTMAS + 0.75])
def test_the_server_reads_the_line_as_it_was_meant(
    book: UserBook, profile: Profile, expires: float | None
) -> None:
    grants = [
        PSQL,
        PLC,
        Grant.parse("1:[fd00::5]:5432"),
        Grant.parse("2:plc-7.plant.lan:502"),
        Grant.parse("3:5432"),
    ]
    user = book.create("alice.b-2_c", grants, expires=expires)
    access = parse_access(_record(profile))
    assert access is not None
    assert access.public_key == user.public_key
    assert access.comment == "alice.b-2_c@tw"
    assert access.opens == {grant.target for grant in grants}
    assert access.listens == frozenset()
    assert access.forwarding
    assert access.expires == user.expires == (expires and CHRISTMAS)
    assert access.permits_open(HostPort("10.0.5.7", 502))
    assert not access.permits_open(HostPort("10.0.5.7", 503))


def test_a_user_is_read_back_whole(book: UserBook) -> None:
    alice = book.create("alice", [PSQL, PLC], expires=CHRISTMAS, single_session=True)
    bob = book.create("bob", [PSQL])
    assert book.get("alice") == alice
    assert book.all() == [alice, bob]
    assert alice.created_at == CHRISTMAS - 86400
    assert book.is_active(alice)
    assert len({alice.uuid, bob.uuid}) == 2


def test_a_user_has_key_and_certificate_of_its_own(book: UserBook, profile: Profile) -> None:
    user = book.create("alice", [PSQL])
    own = Profile(profile.users / "alice")
    assert own.public_key.read_text() == f"{user.public_key} alice@tw\n"
    assert public_key_of(own.private_key.read_bytes()) == user.public_key
    cert = own.client_cert.read_text()
    check_key_pair(cert, own.client_key.read_text())
    assert check_client(ssl.PEM_cert_to_DER_cert(cert), profile.ca_cert.read_text()) == user.uuid
    for path in own.directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(own.directory.stat().st_mode) == 0o700
    assert "PRIVATE" not in repr(user)


FOREIGN = (
    b"# kept by hand\r\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUbcjQ4ZI6lY7K7jL4Xx9m9v0K2wG7mP0n6s8d4f5gh caf\xe9\n\n"
    b"restrict ssh-rsa AAAAB3 someone@tw"
)


def test_lines_of_others_stay_byte_for_byte(book: UserBook, profile: Profile) -> None:
    profile.authorized_keys.write_bytes(FOREIGN)
    book.create("alice", [PSQL])
    book.create("bob", [PSQL])
    data = profile.authorized_keys.read_bytes()
    assert data.startswith(FOREIGN + b"\n")
    assert data.count(b"\n") == FOREIGN.count(b"\n") + 3
    book.delete("alice")
    book.delete("bob")
    assert profile.authorized_keys.read_bytes() == FOREIGN + b"\n"


def test_a_commented_line_is_somebodys_note(book: UserBook, profile: Profile) -> None:
    book.create("alice", [PSQL])
    note = "# " + _record(profile)
    profile.authorized_keys.write_text(note + _record(profile))
    book.delete("alice")
    assert _record(profile) == note


def test_deleting_takes_every_line_of_the_user(book: UserBook, profile: Profile) -> None:
    user = book.create("alice", [PSQL])
    other = new_ssh_key()[1]
    with profile.authorized_keys.open("a") as file:
        file.write(f'permitopen="127.0.0.1:22" {user.public_key} renamed\n')
        file.write(f"restrict {other} alice@tw\n")
        file.write(f"restrict {other} malice@tw\n")
    book.delete("alice")
    assert _record(profile) == f"restrict {other} malice@tw\n"
    assert not (profile.users / "alice").exists()
    assert book.all() == []


def test_a_user_is_active_until_the_second_of_its_end(profile: Profile) -> None:
    now = CHRISTMAS - 86400
    book = UserBook(profile, lambda: now)
    user = book.create("alice", [PSQL], expires=CHRISTMAS)
    for moment, active in ((CHRISTMAS - 1, True), (CHRISTMAS, False)):
        now = moment
        assert book.is_active(user) is active


def test_a_line_taken_out_by_hand_makes_a_user_inactive(book: UserBook, profile: Profile) -> None:
    user = book.create("alice", [PSQL])
    profile.authorized_keys.write_bytes(b"")
    assert not book.is_active(user)
    assert book.all() == [user]
    profile.authorized_keys.unlink()
    assert not book.is_active(user)
    book.delete("alice")


def test_a_deleted_name_may_be_used_again_with_a_new_key(book: UserBook) -> None:
    first = book.create("alice", [PSQL])
    book.delete("alice")
    second = book.create("alice", [PSQL])
    assert first.public_key != second.public_key
    assert first.uuid != second.uuid


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "_a", "A", "a b", "a/b", "..", "a" * 64, "ä", "a\n", 'a"', "a@b", "٣"]
)
def test_a_user_name_is_plain(book: UserBook, profile: Profile, name: str) -> None:
    before = snapshot(profile.directory)
    for act in (lambda: book.create(name, [PSQL]), lambda: book.delete(name), lambda: book.get(name)):
        with pytest.raises(Misuse, match="is not a user name") as caught:
            act()
        assert caught.value.code == "bad-argument"
    assert snapshot(profile.directory) == before


@pytest.mark.parametrize(
    ("grants", "expires", "message"),
    [
        ([], None, ("tw: bad-argument: alice would have no port, and could do nothing"
         " (try: grant one: -m PORT, as in -m 5432)")),
        ([PSQL, Grant.parse("5432:10.0.0.1:1")], None,
         ("tw: bad-argument: alice would have local port 5432 twice, for 127.0.0.1:5432 and 10.0.0.1:1"
         " (try: renumber one: -m 15432:...)")),
        ([PSQL], CHRISTMAS - 86400,
         "tw: bad-argument: the end is not in the future (try: --expires 2030-12-24T18:00)"),
        ([PSQL], 1e300, "tw: bad-argument: the end is not in the future (try: --expires 2030-12-24T18:00)"),
        ([PSQL], float("nan"),
         "tw: bad-argument: the end is not in the future (try: --expires 2030-12-24T18:00)"),
        ([Grant(n, PSQL.target) for n in range(1, MAX_GRANTS_PER_USER + 2)], None,
         "tw: too-many: a user has at most 256 grants (try: make two users)"),
    ],
)  # fmt: skip
def test_a_user_that_makes_no_sense_is_not_made(
    book: UserBook, profile: Profile, grants: list[Grant], expires: float | None, message: str
) -> None:
    before = snapshot(profile.directory)
    with pytest.raises(Misuse) as caught:
        book.create("alice", grants, expires=expires)
    assert render(caught.value) == message
    assert snapshot(profile.directory) == before


def test_a_name_is_given_once(book: UserBook, profile: Profile) -> None:
    book.create("alice", [PSQL])
    before = snapshot(profile.directory)
    for grants in ([PSQL], [PLC]):
        with pytest.raises(Misuse) as caught:
            book.create("alice", grants)
        assert render(caught.value) == (
            "tw: exists: there is a user 'alice' already"
            " (try: tw edit user alice, tw export user alice for the file, or another name)"
        )
    assert snapshot(profile.directory) == before


def test_a_line_of_that_name_without_files_is_not_joined_by_another(book: UserBook, profile: Profile) -> None:
    profile.authorized_keys.write_text(f"restrict {new_ssh_key()[1]} alice@tw\n")
    with pytest.raises(Misuse, match="there is a user 'alice' already"):
        book.create("alice", [PSQL])
    book.delete("alice")
    book.create("alice", [PSQL])


def test_who_is_not_there_is_told_with_the_nearest_name(book: UserBook) -> None:
    book.create("alice", [PSQL])
    for act in (book.get, book.delete):
        with pytest.raises(Misuse) as caught:
            act("alica")
        assert render(caught.value) == "tw: no-such-name: there is no user 'alica' (try: did you mean alice?)"
    with pytest.raises(Misuse) as caught:
        book.get("zed")
    assert caught.value.hint == "tw list users shows them"


@pytest.mark.parametrize("mode", ["client", "relay"])
def test_only_a_server_has_users(tmp_path: Path, mode: str) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=mode))
    book = UserBook(profile)
    for act in (lambda: book.create("alice", [PSQL]), lambda: book.delete("alice")):
        with pytest.raises(Misuse, match=f"is a {mode}'s") as caught:
            act()
        assert caught.value.code == "wrong-role"
    with pytest.raises(Misuse) as caught:
        UserBook(Profile(tmp_path / "nothing")).create("alice", [PSQL])
    assert caught.value.code == "not-set-up"


def _lines_and_files_agree(book: UserBook, profile: Profile) -> bool:
    """Who is let in is known, with the same key; nobody else is let in."""
    found, faults = parse_record(_record(profile))
    assert faults == []
    known = {user.public_key for user in book.all()}
    assert set(found) <= known
    return bool(found)


@needs_fork
def test_a_creation_killed_anywhere_lets_nobody_in_halfway_and_is_completed_by_the_next_run(
    book: UserBook, profile: Profile
) -> None:
    def prepare() -> None:
        if (profile.users / "alice").exists():
            book.delete("alice")

    for _ in every_kill(lambda: book.create("alice", [PSQL], expires=CHRISTMAS), prepare):
        if not _lines_and_files_agree(book, profile):
            book.create("alice", [PSQL], expires=CHRISTMAS)
        assert _lines_and_files_agree(book, profile)
        own = Profile(profile.users / "alice")
        assert public_key_of(own.private_key.read_bytes()) == book.get("alice").public_key
        check_key_pair(own.client_cert.read_text(), own.client_key.read_text())
        assert len(list(own.directory.iterdir())) == 5


@needs_fork
def test_a_deletion_killed_anywhere_keeps_nobody_in_unseen_and_is_completed_by_the_next_run(
    book: UserBook, profile: Profile
) -> None:
    def prepare() -> None:
        shutil.rmtree(profile.users, ignore_errors=True)
        profile.authorized_keys.write_bytes(b"")
        book.create("alice", [PSQL])

    for _ in every_kill(lambda: book.delete("alice"), prepare):
        _lines_and_files_agree(book, profile)
        if (profile.users / "alice").exists():
            book.delete("alice")
        assert _record(profile) == ""
        assert not (profile.users / "alice").exists()


def test_a_full_disk_lets_nobody_in_and_keeps_nobody(
    book: UserBook, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.create("bob", [PSQL])
    before = snapshot(profile.directory)
    with monkeypatch.context() as patch:
        fill_disk(patch, 1, "fsync", lasting=True)
        for act in (lambda: book.create("alice", [PSQL]), lambda: book.delete("bob")):
            with pytest.raises(Misuse) as caught:
                act()
            assert caught.value.code == "state-not-written"
    assert snapshot(profile.directory) == before
    assert [user.name for user in book.all()] == ["bob"]


def test_files_that_cannot_be_removed_do_not_keep_a_user_in(
    book: UserBook, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.create("alice", [PSQL])
    with monkeypatch.context() as patch:
        fill_disk(patch, 1, "rmdir", lasting=True)
        with pytest.raises(Misuse, match="let in no more, but files are left"):
            book.delete("alice")
    assert _record(profile) == ""
    assert book.all() == []
    book.delete("alice")


def _spoil(profile: Profile, **fields: object) -> Path:
    path = profile.users / "alice" / "user.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 9}, "format: written by a newer tw (format 9, this one reads 1)"),
        ({"name": "bob"}, "name: is not 'alice'"),
        ({"name": "B"}, "name: 'B' is not a user name"),
        ({"public_key": "x"}, "public_key: a public key line begins with ssh-ed25519"),
        ({"grants": 5432}, "grants: is not a list of up to 256"),
        ({"grants": [5432]}, "grants[0]: is not local_port, host and port"),
        ({"grants": [{"local_port": 0, "host": "a", "port": 1}]}, "grants[0]: '0' is not a port number from 1 to 65535"),
        ({"grants": [{"local_port": 1, "host": "a b", "port": 1}]}, "grants[0]: 'a b' is not a host name or address"),
        ({"grants": [{"local_port": 1, "host": "a", "port": 1, "x": 1}]}, "grants[0]: is not local_port, host and port"),
        ({"expires": "never"}, "expires: is not a time in seconds since 1970"),
        ({"expires": float("inf")}, "this is no record of a user"),
        ({"single_session": 1}, "single_session: is not true or false"),
        ({"more": 1}, "more: is not a field of it"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_told_and_can_still_be_deleted(
    book: UserBook, profile: Profile, fields: dict[str, object], message: str
) -> None:
    book.create("alice", [PSQL])
    path = _spoil(profile, **fields)
    with pytest.raises(Misuse) as caught:
        book.get("alice")
    assert caught.value.code == "bad-record"
    assert str(caught.value) == f"{path}: {message}"
    book.delete("alice")
    assert _record(profile) == ""


def test_the_stamp_changes_with_the_users_only(book: UserBook, profile: Profile) -> None:
    stamps = [book.stamp(), book.stamp()]
    book.create("alice", [PSQL])
    stamps += [book.stamp(), book.stamp()]
    os.utime(profile.authorized_keys, (1, 1))
    stamps.append(book.stamp())
    assert stamps[0] == stamps[1]
    assert stamps[2] == stamps[3]
    assert len({stamps[0], stamps[2], stamps[4]}) == 3


@needs_fork
def test_two_processes_lose_no_line(book: UserBook, profile: Profile) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for n in range(8):
                book.create(f"a{n}", [PSQL])
            status = 0
        finally:
            os._exit(status)
    for n in range(8):
        book.create(f"b{n}", [PSQL])
    assert os.waitpid(child, 0)[1] == 0
    found, faults = parse_record(_record(profile))
    assert (len(found), faults) == (16, [])


def test_whom_something_is_left_of_is_told_from_whom_nothing_is(book: UserBook, profile: Profile) -> None:
    book.create("alice", [PSQL])
    (profile.users / "bob").mkdir()
    assert [book.leftovers(name) for name in ("alice", "bob", "carol")] == [True, True, False]
    book.check_new("bob")
    with pytest.raises(Misuse, match="there is a user 'alice' already"):
        book.check_new("alice")


def test_a_dry_run_checks_and_changes_nothing(book: UserBook, profile: Profile) -> None:
    book.create("alice", [PSQL])
    before = snapshot(profile.directory)
    told = book.edit("alice", lambda user: replace(user, own_grants=(PLC,)), dry_run=True)
    assert snapshot(profile.directory) == before
    assert told.needs_new_file
    with pytest.raises(Misuse, match="would have no port"):
        book.edit("alice", lambda user: replace(user, own_grants=()), dry_run=True)
    assert book.edit("alice", lambda user: replace(user, own_grants=(PLC,))) == told


def test_an_edit_needs_a_new_file_only_when_ports_or_targets_change(book: UserBook) -> None:
    book.create("alice", [PSQL, PLC])
    changes: list[tuple[Callable[[User], User], bool]] = [
        (lambda user: replace(user, expires=CHRISTMAS), False),
        (lambda user: replace(user, single_session=True), False),
        (lambda user: replace(user, own_grants=(PLC, PSQL)), False),
        (lambda user: replace(user, own_grants=(PLC,)), True),
        (lambda user: replace(user, own_grants=(PLC, PSQL)), True),
    ]
    for change, needs in changes:
        assert book.edit("alice", change).needs_new_file is needs
    assert book.get("alice").revision == 3
    assert book.get("alice").single_session


def test_an_unregistered_user_stays_out_until_named(book: UserBook, profile: Profile) -> None:
    user = book.create("alice", [PSQL])
    book.create("bob", [PSQL])
    change = book.unregister("alice")
    assert (change.stood, change.stands) == (Standing.LET_IN, Standing.UNREGISTERED)
    assert not change.needs_new_file
    assert "alice" not in _record(profile)
    assert (profile.users / "alice" / "id_ed25519").exists()
    assert book.unregister("alice").stood is Standing.UNREGISTERED
    book.edit("alice", lambda user: replace(user, expires=CHRISTMAS))
    assert [x.stands for x in book.apply()] == [Standing.UNREGISTERED, Standing.LET_IN]
    (change,) = book.apply(["alice", "alice"])
    assert (change.stood, change.stands) == (Standing.UNREGISTERED, Standing.LET_IN)
    assert change.after.public_key == user.public_key


def test_a_record_edited_by_hand_is_told_and_made_to_agree(book: UserBook, profile: Profile) -> None:
    alice, bob = book.create("alice", [PSQL]), book.create("bob", [PSQL, PLC])
    right = _record(profile)
    profile.authorized_keys.write_text(f'permitopen="*:*",port-forwarding {alice.public_key} alice@tw\n')
    assert book.standing(alice) is Standing.DIFFERS
    assert book.standing(bob) is Standing.OUT
    assert book.standings([bob, alice]) == [Standing.OUT, Standing.DIFFERS]
    assert book.is_active(alice)
    assert [x.stood for x in book.apply()] == [Standing.DIFFERS, Standing.OUT]
    assert _record(profile) == right


def test_apply_of_all_passes_over_who_cannot_be_read_and_names_one_who_is_named(
    book: UserBook, profile: Profile
) -> None:
    book.create("alice", [PSQL])
    book.create("bob", [PSQL])
    _spoil(profile, more=1)
    assert [x.after.name for x in book.apply()] == ["bob"]
    assert [fault.code for fault in book.survey()[1]] == ["bad-record"]
    for names, code in (
        (["alice"], "bad-record"),
        (["bob", "ghost"], "no-such-name"),
        (["a/b"], "bad-argument"),
    ):
        with pytest.raises(Misuse) as caught:
            book.apply(names)
        assert caught.value.code == code


def test_a_certificate_is_renewed_for_the_same_key_when_its_end_is_near(profile: Profile) -> None:
    now = [NOW]
    book = UserBook(profile, lambda: now[0])
    user = book.create("alice", [PSQL])
    assert book.renew_certificate("alice") is None
    end = book.certificate_end(user)
    key = Profile(profile.users / "alice").client_key.read_bytes()
    now[0] = (end - RENEW_BEFORE).timestamp() + 1
    assert book.renew_certificate("alice") == book.certificate_end(user) > end
    assert Profile(profile.users / "alice").client_key.read_bytes() == key
    check_key_pair(Profile(profile.users / "alice").client_cert.read_text(), key.decode())


@needs_fork
def test_an_edit_killed_anywhere_leaves_the_old_or_the_new_and_apply_completes_it(
    book: UserBook, profile: Profile
) -> None:
    book.create("alice", [PSQL, PLC])
    web = Grant.parse("80")

    def prepare() -> None:
        book.edit("alice", lambda user: replace(user, own_grants=(PSQL, PLC)))
        book.apply()

    for _ in every_kill(
        lambda: book.edit("alice", lambda user: replace(user, own_grants=(PSQL, web))), prepare
    ):
        grants = set(book.get("alice").grants)
        assert grants in ({PSQL, PLC}, {PSQL, web})
        (access,) = parse_record(_record(profile))[0].values()
        assert access.opens in ({PSQL.target, PLC.target}, {PSQL.target, web.target})
        book.apply()
        (access,) = parse_record(_record(profile))[0].values()
        assert access.opens == {grant.target for grant in grants}
