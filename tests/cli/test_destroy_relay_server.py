"""A relay's machine is removed, and it is seen to be gone; the provider is a double."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.command import Tw
from tests.kit.terminal import typed
from tests.provision.doubles.trouble import Killed, Trouble
from tests.provision.drivers.contract import RELAY
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.state import read_hint

DOMAIN = "relay.example.org"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
    return world


@pytest.fixture
def made(tw: Tw, world: World) -> Tw:
    tw.ok("create", "relay-server", "--provider", "digitalocean", "--domain", DOMAIN, "--yes")
    return tw


def _saved(tw: Tw) -> Path:
    return tw.directory / "relay" / "certificates.tar"


def test_all_is_listed_removed_and_looked_for_again(
    made: Tw, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {path: path.read_bytes() for path in made.directory.glob("*key*")}
    typed(monkeypatch, DOMAIN)
    done = made("destroy", "relay-server")
    assert done.status == 0, done.err
    assert f"{DOMAIN} at digitalocean:" in done.err and f"tw-{RELAY} in nyc" in done.err.lower()
    assert "looked again, and nothing is left" in done.out
    assert world.bench.there() == [] and read_hint(Profile(made.directory)) is None
    assert keys and {path: path.read_bytes() for path in made.directory.glob("*key*")} == keys
    assert _saved(made).read_bytes() == b"tar" and stat.S_IMODE(_saved(made).stat().st_mode) == 0o600
    made.refused("not-set-up", "destroy", "relay-server", "--yes")


@pytest.mark.parametrize("answer", ["", "yes", "relay.example.com"])
def test_only_the_relays_own_name_is_a_yes(
    made: Tw, world: World, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    before = world.bench.there()
    typed(monkeypatch, answer)
    done = made("destroy", "relay-server")
    assert done.status == 1 and done.err.endswith("nothing was removed\n")
    assert world.bench.there() == before and read_hint(Profile(made.directory)) is not None


def test_without_a_terminal_the_flag_is_named(made: Tw, world: World) -> None:
    done = made("destroy", "relay-server")
    assert done.status == 2 and "--yes" in done.err.splitlines()[-1] and world.bench.there()


def test_a_machine_that_does_not_answer_is_removed_if_somebody_says_so(
    made: Tw, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.saved = Unreachable("relay-unreachable", "no way there")
    typed(monkeypatch, DOMAIN, "n")
    done = made("destroy", "relay-server")
    assert done.status == 1 and "cannot be saved: no way there" in done.err and world.bench.there()
    assert "cannot be saved" in made("destroy", "relay-server", "--yes").err
    assert world.bench.there() == [] and not _saved(made).exists()


def test_whatever_was_being_removed_when_it_died_the_next_run_removes_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = 0
    for number in range(20):
        world, tw = World(monkeypatch), Tw(tmp_path / str(number), capsys)
        monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
        tw.ok("create", "relay-server", "--provider", "digitalocean", "--domain", DOMAIN, "--yes")
        trouble = world.bench.trouble
        trouble.calm()
        _die_at_removal(trouble, number)
        try:
            tw("destroy", "relay-server", "--yes")
        except Killed:
            deaths += 1
            _die_at_removal(trouble, 100)
            tw.ok("destroy", "relay-server", "--yes")
        assert world.bench.there() == [] and read_hint(Profile(tw.directory)) is None
        if deaths <= number:
            break
    assert deaths >= 4, "one for each kind of thing"


def _die_at_removal(trouble: Trouble, number: int) -> None:
    """The process is gone when the removal of that number has had its effect."""

    def done() -> None:
        removals = [call for call in trouble.calls if call.startswith("DELETE")]
        if trouble.calls[-1].startswith("DELETE") and len(removals) == number + 1:
            raise Killed

    trouble.done = done  # type: ignore[method-assign]


def test_what_somebody_removed_by_hand_is_forgotten(made: Tw, world: World) -> None:
    for rows in world.bench.double.rows.values():
        rows.clear()
    assert "any more" in made.ok("destroy", "relay-server")
    assert read_hint(Profile(made.directory)) is None


def test_no_machine_gets_the_first_host_key_of_another(made: Tw, world: World) -> None:
    first = made.directory / "relay" / "first_host_key"
    before = first.read_text()
    made.ok("destroy", "relay-server", "--yes")
    assert not first.exists()
    made.ok("create", "relay-server", "--provider", "digitalocean", "--yes")
    assert first.read_text() != before


def test_the_same_relay_is_made_again(made: Tw, world: World) -> None:
    host_key = Profile(made.directory).host_public_key.read_text()
    made.ok("destroy", "relay-server", "--yes")
    made.ok("create", "relay-server", "--provider", "digitalocean", "--yes")
    assert Profile(made.directory).host_public_key.read_text() == host_key
    assert sum(name.startswith("droplet") for name in world.bench.there()) == 1


# -- what no context knows ---------------------------------------------------------------------------


def test_a_relay_that_no_context_knows_is_found_and_removed(
    made: Tw,
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Tw(tmp_path / "other", capsys)
    flags = ("destroy", "relay-server", "--provider", "digitalocean")
    assert other.ok(*flags).startswith(f"{RELAY}  droplet tw-{RELAY}")
    made.refused("bad-argument", *flags, "--id", RELAY, "--yes")
    other.refused("no-such-name", *flags, "--id", "ffff0000", "--yes")
    other.refused("bad-argument", "destroy", "relay-server", "--id", RELAY)
    typed(monkeypatch, RELAY)
    assert other(*flags, "--id", RELAY).status == 0 and world.bench.there() == []
    assert other.ok(*flags) == "no relay is at digitalocean\n"


# -- a machine of one's own, and other roles -------------------------------------------------------------


def test_a_machine_of_ones_own_is_forgotten(tw: Tw, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tw.ok("create", "relay-server", "--provider", "manual", "--domain", DOMAIN, "--ip", "9.9.9.9")
    typed(monkeypatch, "n")
    assert tw("destroy", "relay-server").status == 1
    assert "forgotten" in tw.ok("destroy", "relay-server", "--yes")
    assert read_hint(Profile(tw.directory)) is None and _saved(tw).exists()


def test_other_roles_are_refused(relay: Tw, server: Tw, world: World) -> None:
    assert "tw delete context" in relay.refused("wrong-role", "destroy", "relay-server", "--yes")
    server.refused("wrong-role", "destroy", "relay-server", "--yes")
