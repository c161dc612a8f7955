from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.profile.crash import fill_disk, snapshot
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    Context,
    Contexts,
    Profile,
    RelayConfig,
    XrayConfig,
    check_context_name,
    locked,
    running,
    save_config,
    suggested_name,
)


def _relay(profile: Profile, domain: str = "relay.example") -> None:
    profile.ensure()
    save_config(profile.config, Config(mode="relay", relay=RelayConfig(domain=domain)))
    profile.servers.mkdir()
    (profile.servers / "plant.json").write_text(domain)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "tw"


@pytest.fixture
def book(base: Path) -> Contexts:
    return Contexts(base)


def _names(book: Contexts) -> list[str]:
    found, faults = book.survey()
    assert not faults
    return [context.name for context in found]


def _refused(code: str, action: object) -> Misuse:
    assert callable(action)
    with pytest.raises(Misuse) as caught:
        action()
    assert caught.value.code == code, render(caught.value)
    return caught.value


def test_looking_at_a_machine_without_any_makes_nothing(book: Contexts, base: Path) -> None:
    assert book.survey() == ([], [])
    assert book.active() is None
    assert book.active_profile() == Profile(base)
    assert not base.exists()


def test_the_base_directory_is_an_identity_like_any_other(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    assert _names(book) == ["relay.example"]
    active = book.active()
    assert active == Context("base", "relay.example", Profile(base))
    assert str(active) == "relay.example (base)"
    assert not (base / "contexts").exists()


def test_a_new_one_is_active_and_empty_and_the_old_one_is_a_word_away(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("plant-7", activate=True)
    assert book.active() == made
    assert book.active_profile().directory == base / "contexts" / made.id
    assert _names(book) == ["relay.example", "plant-7"]
    book.use(book.find("relay.example"))
    assert book.active_profile() == Profile(base)
    book.use(made)
    assert book.active() == made


def test_one_that_is_filled_is_not_active_unless_that_is_asked_for(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("other", lambda profile: _relay(profile, "b.example"), activate=False)
    assert book.active_profile() == Profile(base)
    assert (made.profile.servers / "plant.json").read_text() == "b.example"


def test_what_cannot_be_filled_leaves_nothing(book: Contexts, base: Path) -> None:
    def fail(profile: Profile) -> None:
        _relay(profile)
        raise Misuse("bad-bundle", "no")

    _refused("bad-bundle", lambda: book.create("x", fail, activate=True))
    assert book.survey() == ([], [])
    assert snapshot(base) == {}


def test_they_are_found_by_name_id_and_the_beginning_of_an_id(book: Contexts) -> None:
    made = [book.create(f"n{i}", activate=False) for i in range(20)]
    for context in made:
        assert book.find(context.name) == context
        assert book.find(context.id) == context
        same = [x for x in made if x.id.startswith(context.id[:3])]
        if len(same) == 1:
            assert book.find(context.id[:3]) == context
    start = next(x.id[0] for x in made if sum(y.id[0] == x.id[0] for y in made) > 1)
    told = _refused("bad-argument", lambda: book.find(start))
    assert all(str(x) in told.why for x in made if x.id[0] == start)


def test_a_name_goes_before_an_id(book: Contexts) -> None:
    first = book.create("a", activate=False)
    second = book.create(first.id, activate=False)
    assert book.find(first.id) == second
    book.use(first)
    assert book.active() == first


def test_the_nearest_name_is_suggested(book: Contexts) -> None:
    book.create("plant-7", activate=False)
    assert _refused("no-such-name", lambda: book.find("plant-8")).hint == "plant-7"
    assert _refused("no-such-name", lambda: book.find("")).hint == "tw list contexts"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "A", "-x", "a b", "base", "x" * 64, "\N{SNOWMAN}", "a\n", "a\0b"]
)
def test_a_name_that_is_none_is_refused_before_anything_is_made(
    book: Contexts, base: Path, name: str
) -> None:
    _refused("bad-argument", lambda: check_context_name(name))
    _refused("bad-argument", lambda: book.create(name, activate=True))
    assert not base.exists()


def test_a_taken_name_is_refused_also_that_of_the_base_directory(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("b", activate=False)
    _refused("exists", lambda: book.create("b", activate=False))
    _refused("exists", lambda: book.create("relay.example", activate=False))
    _refused("exists", lambda: book.rename(made, "relay.example"))
    assert book.rename(made, "b").name == "b"


def test_renaming_keeps_the_id_and_everything_else(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("b", _relay, activate=True)
    renamed = book.rename(made, "c")
    assert (renamed.id, renamed.name, renamed.created) == (made.id, "c", made.created)
    assert book.active() == renamed
    assert book.rename(book.find("base"), "first").name == "first"
    assert _names(book) == ["first", "c"]


def test_one_name_that_two_have_is_refused_with_both(book: Contexts, base: Path) -> None:
    made = book.create("relay.example", activate=False)
    _relay(Profile(base))  # unzipped into the base directory later
    told = _refused("bad-argument", lambda: book.find("relay.example"))
    assert f"relay.example (base) or relay.example ({made.id})" in told.why
    assert book.find(made.id) == made


def test_the_active_one_is_not_deleted_while_there_are_others(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("b", activate=True)
    assert "tw use relay.example" in _refused("bad-argument", lambda: book.delete(made)).hint
    book.use(book.find("base"))
    book.delete(made)
    assert _names(book) == ["relay.example"]
    _refused("no-such-name", lambda: book.delete(made))


def test_deleting_the_last_one_leaves_nothing_of_it(book: Contexts, base: Path) -> None:
    made = book.create("a", _relay, activate=True)
    book.delete(made)
    assert book.active() is None
    assert snapshot(base) == {}
    assert book.active_profile() == Profile(base)


def test_the_base_directorys_own_is_deleted_and_what_is_somebody_elses_stays(
    book: Contexts, base: Path
) -> None:
    _relay(Profile(base))
    (base / "fullchain.pem").write_text("a certificate of the administrator")
    book.rename(book.find("base"), "first")
    book.delete(book.find("first"))
    assert list(snapshot(base)) == ["fullchain.pem"]
    assert book.survey() == ([], [])


def test_nothing_that_runs_is_deleted_or_replaced(book: Contexts, base: Path) -> None:
    made = book.create("a", _relay, activate=True)
    before = snapshot(made.profile.directory)
    with running(made.profile, "tw relay run"):
        assert "tw relay run (process" in _refused("already-running", lambda: book.delete(made)).why
        _refused("already-running", lambda: book.create("b", activate=False, replaces=made))
    assert _names(book) == ["a"]
    after = snapshot(made.profile.directory)
    after.pop("run/lock")
    assert after == before


def test_a_replaced_one_hands_its_name_and_its_place_on(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    old = book.find("base")
    new = book.create(
        "relay.example", lambda profile: _relay(profile, "b.example"), activate=False, replaces=old
    )
    assert _names(book) == ["relay.example"]
    assert book.active() == new
    assert not (base / "config.yaml").exists()
    assert not (base / "servers").exists()


def test_one_that_is_gone_is_not_silently_taken_for_another(book: Contexts, base: Path) -> None:
    _relay(Profile(base))
    made = book.create("b", activate=True)
    (made.profile.directory / "context.json").unlink()
    made.profile.directory.rmdir()
    assert "tw use NAME" in _refused("not-set-up", book.active_profile).hint
    book.use(book.find("base"))
    assert book.active_profile() == Profile(base)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": true, "name": "a", "created": null}',
        '{"format": 1, "name": "../a", "created": null}',
        '{"format": 1, "name": 7, "created": null}',
        '{"format": 1, "name": "a", "created": -1}',
        '{"format": 1, "name": "a", "created": "x"}',
        '{"format": 1, "name": "a", "created": NaN}',
        "[" * 4000,
        "{" + " " * 5000 + "}",
    ],
)
def test_a_damaged_description_is_named_and_hides_nothing(book: Contexts, note: str) -> None:
    made = book.create("a", activate=True)
    book.create("b", activate=False)
    (made.profile.directory / "context.json").write_text(note)
    found, faults = book.survey()
    assert sorted(context.name for context in found) == sorted([made.id, "b"])
    assert [fault.code for fault in faults] == ["bad-record"]
    assert f"tw rename context {made.id} NAME" in render(faults[0])
    assert book.rename(book.find(made.id), "a").name == "a"
    assert book.survey()[1] == []


def test_a_description_of_a_newer_program_says_so(book: Contexts) -> None:
    made = book.create("a", activate=True)
    (made.profile.directory / "context.json").write_text('{"format": 2}')
    assert "newer tw (format 2" in render(book.survey()[1][0])


def test_other_files_among_the_contexts_are_no_contexts(book: Contexts, base: Path) -> None:
    book.create("a", activate=True)
    (base / "contexts" / "notes").mkdir()
    (base / "contexts" / "ABCDEF").mkdir()
    (base / "contexts" / "x.txt").write_text("")
    (base / "contexts" / "abcdef").write_text("")
    assert _names(book) == ["a"]


def test_a_full_disk_leaves_the_old_state_or_is_carried_on_from(
    book: Contexts, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _relay(Profile(base))
    done = 0
    for step in range(1, 12):
        with monkeypatch.context() as patch:
            fill_disk(patch, step, "fsync")
            try:
                book.create(f"n{step}", lambda profile: _relay(profile, "b.example"), activate=True)
                done += 1
            except Misuse as exc:
                assert exc.code == "state-not-written"  # noqa: PT017 - it may succeed as well
        names = _names(book)
        assert (f"n{step}" in names) == (book.active_profile() != Profile(base))
        book.use(book.find("base"))
        for context in book.survey()[0][1:]:
            book.delete(context)
    assert done


@pytest.mark.parametrize(
    ("config", "line", "name"),
    [
        (Config(mode="relay", relay=RelayConfig(domain="Relay.Example")), "", "relay.example"),
        (Config(mode="relay", relay=RelayConfig(domain="2001:db8::1")), "", "2001-db8-1"),
        (Config(mode="relay"), "", "relay"),
        (Config(mode="server", xray=XrayConfig(path="/tw/plant-7")), "", "plant-7"),
        (Config(mode="server"), "", "server"),
        (Config(mode="client"), "ssh-ed25519 AAAA alice@tw", "alice"),
        (Config(mode="client"), "ssh-ed25519 AAAA Ünal Ö/../x\n", "nal"),
        (Config(mode="client"), "ssh-ed25519 AAAA base@tw", "client"),
        (Config(mode="client"), "ssh-ed25519 AAAA " + "a" * 300, "a" * 63),
        (Config(mode="client"), "ssh-ed25519 AAAA", "client"),
        (Config(mode="client"), "", "client"),
    ],
)
def test_an_identity_is_called_after_what_it_is(config: Config, line: str, name: str) -> None:
    assert suggested_name(config, line) == check_context_name(name)


def test_a_command_that_comes_too_late_brings_nothing_back(base: Path) -> None:
    book = Contexts(base)
    old = book.create("old", activate=False)
    book.create("new", activate=True)
    book.delete(old)
    with running(old.profile, "tw serve"), locked(old.profile):
        assert _names(book) == ["new"]
    assert _names(book) == ["new"]


def test_what_cannot_be_read_is_listed_without_a_name(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    profile.config.write_text("mode: sailor")
    assert _names(Contexts(tmp_path)) == ["unnamed"]
    save_config(profile.config, Config(mode="client", client=ClientConfig()))
    assert _names(Contexts(tmp_path)) == ["unnamed"]
    profile.public_key.write_bytes(b"\xff\xfe")
    assert _names(Contexts(tmp_path)) == ["client"]


def test_two_at_the_same_time_do_not_make_the_same_name_twice(base: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def make(number: int) -> bool:
        try:
            Contexts(base).create(f"n{number % 3}", activate=True)
        except Misuse as exc:
            assert exc.code == "exists"  # noqa: PT017 - one of them may succeed
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(12))) == 3
    assert _names(Contexts(base)) == ["n0", "n1", "n2"]
    assert json.loads((base / "contexts" / Contexts(base).find("n0").id / "context.json").read_text())
