"""A file, made an identity of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant, Secret
from tunnel_whisperer.bundle import encrypt, pack_backup
from tunnel_whisperer.operations import importing
from tunnel_whisperer.operations.context_acts import context_named, create_context, use_context
from tunnel_whisperer.operations.importing import (
    Outcome,
    check_client_file,
    connect_file,
    import_contents,
    open_contents,
)
from tunnel_whisperer.operations.user_steps import with_grant
from tunnel_whisperer.operations.users import NewUser, create_user, edit_user, export_user
from tunnel_whisperer.profile import Contexts, Profile, load_config, running

PSQL, SSH = Grant.parse("5432"), Grant.parse("22")


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With alice."""
    profile = joined(tmp_path).server
    create_user(profile, NewUser("alice", (PSQL,)))
    return profile


@pytest.fixture
def machine(tmp_path: Path) -> Contexts:
    """Another one, on which nothing is yet."""
    return Contexts(tmp_path / "machine")


def _code(act: Callable[[], object]) -> str:
    with pytest.raises(Misuse) as caught:
        act()
    return caught.value.code


def test_a_file_is_opened_with_its_passphrase_or_without(server: Profile) -> None:
    plain = export_user(server, "alice").data
    locked = encrypt(plain, "correct horse")
    assert (
        open_contents(plain, "a.zip").files == open_contents(locked, "a.zip", Secret("correct horse")).files
    )
    for data, passphrase, code in (
        (locked, None, "wrong-passphrase"),
        (locked, Secret("wrong"), "wrong-passphrase"),
        (plain, Secret("correct horse"), "bad-argument"),
        (b"nothing of ours", None, "bad-bundle"),
    ):
        with pytest.raises(Misuse) as caught:
            open_contents(data, "a.zip", passphrase)
        assert caught.value.code == code
        assert caught.value.where.startswith("a.zip")


def test_a_huge_file_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_FILE_BYTES", 10)
    with pytest.raises(Misuse, match="larger than any file of ours"):
        open_contents(b"x" * 11, "a.zip")


def test_the_first_file_makes_the_active_context(server: Profile, machine: Contexts) -> None:
    done = import_contents(machine, open_contents(pack_of(server), "a.zip"), "a.zip")
    assert (done.outcome, done.active, done.before) == (Outcome.IMPORTED, True, None)
    assert done.context.name == "alice"
    assert load_config(done.context.profile.config).client.grants() == (PSQL,)


def test_another_one_is_there_beside_the_active_one(server: Profile, machine: Contexts) -> None:
    first = create_context(machine, "first").now
    contents = open_contents(pack_of(server), "a.zip")
    done = import_contents(machine, contents, "a.zip", name="lab")
    assert (done.context.name, done.active, done.before) == ("lab", False, first)
    assert machine.active() == first
    with running(first.profile, "tw connect"):
        again = import_contents(machine, contents, "a.zip", activate=True)
    assert again.active
    assert again.still_served is not None
    assert machine.active() == done.context


def test_a_newer_file_of_the_same_user_brings_its_context_up_to_date(
    server: Profile, machine: Contexts
) -> None:
    old = open_contents(pack_of(server), "a.zip")
    context = import_contents(machine, old, "a.zip").context
    edit_user(server, "alice", [with_grant(SSH)])
    new = open_contents(pack_of(server), "a.zip")
    assert import_contents(machine, new, "a.zip").outcome is Outcome.UPDATED
    assert load_config(context.profile.config).client.grants() == (PSQL, SSH)
    assert import_contents(machine, old, "a.zip").outcome is Outcome.NEWER_HERE
    assert load_config(context.profile.config).client.grants() == (PSQL, SSH)
    forced = import_contents(machine, old, "a.zip", force=True)
    assert (forced.outcome, forced.active) == (Outcome.IMPORTED, True)
    assert load_config(forced.context.profile.config).client.grants() == (PSQL,)
    assert len(machine.survey()[0]) == 1
    assert _code(lambda: import_contents(machine, new, "a.zip", name="another")) == "exists"


def test_a_name_that_another_identity_has_is_refused_or_replaced(server: Profile, machine: Contexts) -> None:
    create_user(server, NewUser("bob", (SSH,)))
    alice = open_contents(pack_of(server), "a.zip")
    bob = open_contents(pack_of(server, "bob"), "b.zip")
    import_contents(machine, alice, "a.zip", name="lab")
    assert _code(lambda: import_contents(machine, bob, "b.zip", name="lab")) == "exists"
    assert _code(lambda: import_contents(machine, bob, "b.zip", name="No Name")) == "bad-argument"
    done = import_contents(machine, bob, "b.zip", name="lab", force=True)
    assert load_config(done.context.profile.config).client.grants() == (SSH,)
    assert len(machine.survey()[0]) == 1


def test_a_backup_takes_the_place_of_its_identity_only_when_told_to(server: Profile) -> None:
    contexts = Contexts(server.directory)
    contents = open_contents(pack_backup(server), "plant.zip")
    assert _code(lambda: import_contents(contexts, contents, "plant.zip")) == "exists"
    record = sorted(path.name for path in server.audit.glob("*.jsonl"))
    done = import_contents(contexts, contents, "plant.zip", force=True)
    assert done.active, "as the one was that it replaces"
    assert done.context.profile.directory != server.directory
    kept = done.context.profile.audit
    assert sorted(path.name for path in kept.glob("*.jsonl")) == record
    text = "".join(path.read_text() for path in kept.glob("*.jsonl"))
    assert "all, by tw import" in text
    assert "user-created" in text, "what was done before is still there"


def test_what_is_served_is_not_replaced(server: Profile) -> None:
    contexts = Contexts(server.directory)
    contents = open_contents(pack_backup(server), "plant.zip")
    with running(server, "tw serve"):
        assert (
            _code(lambda: import_contents(contexts, contents, "plant.zip", force=True)) == "already-running"
        )
    assert contexts.active() == context_named(contexts, "plant")


def test_a_file_makes_a_client_of_the_context_in_use(server: Profile, machine: Contexts) -> None:
    made = create_context(machine, "first").now
    old = open_contents(pack_of(server), "a.zip")
    done = connect_file(made.profile, old, "a.zip")
    assert (done.config.mode, done.newer_here) == ("client", False)
    edit_user(server, "alice", [with_grant(SSH)])
    assert not connect_file(made.profile, open_contents(pack_of(server), "a.zip"), "a.zip").newer_here
    assert connect_file(made.profile, old, "a.zip").newer_here
    assert load_config(made.profile.config).client.grants() == (PSQL, SSH)
    create_user(server, NewUser("bob", (SSH,)))
    bob = open_contents(pack_of(server, "bob"), "b.zip")
    assert _code(lambda: connect_file(made.profile, bob, "b.zip")) == "exists"
    second = create_context(machine, "second").now
    assert connect_file(second.profile, bob, "b.zip").config.client.grants() == (SSH,)
    use_context(machine, made)


def test_the_backup_of_a_server_makes_no_client(server: Profile, machine: Contexts) -> None:
    contents = open_contents(pack_backup(server), "plant.zip")
    with pytest.raises(Misuse, match="this is the backup of a server") as caught:
        check_client_file(contents, "plant.zip")
    assert caught.value.where == "plant.zip"
    profile = machine.active_profile()
    assert _code(lambda: connect_file(profile, contents, "plant.zip")) == "wrong-role"
    assert not profile.directory.exists()


def pack_of(server: Profile, name: str = "alice") -> bytes:
    """The file of a user as it is now."""
    return export_user(server, name).data
