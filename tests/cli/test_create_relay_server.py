"""The wizard of a relay, by flags and at a terminal; the provider is a double that its API's description checks."""

from __future__ import annotations

import getpass
import json
import stat
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.command import Tw
from tests.kit.terminal import typed
from tests.provision.doubles.trouble import Killed
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.provision.state import Phase, read_hint

DOMAIN = "relay.example.org"
FLAGS = ("--provider", "digitalocean", "--domain", DOMAIN)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)


def _machines(world: World) -> int:
    return sum(name.startswith("droplet") for name in world.bench.there())


def _written(directory: Path) -> str:
    return "".join(
        path.read_text(errors="replace") for path in sorted(directory.rglob("*")) if path.is_file()
    )


# -- by flags --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("token")
def test_from_nothing_to_a_relay_that_works(tw: Tw, world: World) -> None:
    world.names = [Seen(False, "not there yet"), Seen(False, "it points elsewhere (to 8.8.8.8)")]
    world.https = [Seen(False, "the certificate is not there yet")]
    done = tw("create", "relay-server", *FLAGS, "--yes")
    assert done.status == 0, done.err
    assert done.out.splitlines()[0] == f"the relay {DOMAIN} works" and "tw enroll REQUEST" in done.out
    config = load_config(Profile(tw.directory).config)
    assert (config.mode, config.relay.kind, config.relay.domain) == ("relay", "standard", DOMAIN)
    hint = read_hint(Profile(tw.directory))
    assert hint is not None and hint.phase is Phase.MADE and _machines(world) == 1
    order = [
        "a month",
        "identity  made",
        "droplet: made",
        f"address   {hint.addresses[0]}",
        f"the record to set:  {DOMAIN}.  A  {hint.addresses[0]}",
        "dns       not there yet",
        "dns       it points elsewhere (to 8.8.8.8)",
        "https     the certificate is not there yet",
        "tunnel    it works",
    ]
    places = [done.err.index(words) for words in order]
    assert places == sorted(places), done.err
    assert world.applied == [("relay-admin",)]
    assert "#cloud-config" in world.bench.user_data() and DOMAIN in world.bench.user_data()


@pytest.mark.usefixtures("token")
def test_credentials_are_written_nowhere(tw: Tw, world: World) -> None:
    done = tw("create", "relay-server", *FLAGS, "--yes", "--log-level", "debug")
    assert done.status == 0
    assert TOKEN not in done.out + done.err + _written(tw.directory) + world.bench.user_data()


def test_a_token_that_is_not_accepted_ends_it_before_anything_is_made(
    tw: Tw, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("wrong\n")
    line = tw.refused(
        "cloud-token-refused", "create", "relay-server", *FLAGS, "--yes", "--credentials-file", str(file)
    )
    assert "wrong" not in line
    assert not tw.directory.exists() and world.bench.there() == []


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ((), "--domain NAME"),
        (("--domain", DOMAIN), "--provider NAME"),
        (FLAGS, "--credentials-file FILE"),
    ],
)
def test_without_a_terminal_what_is_missing_is_named(
    tw: Tw, world: World, words: tuple[str, ...], flag: str
) -> None:
    assert flag in tw.refused("bad-argument", "create", "relay-server", *words)
    assert not tw.directory.exists()


@pytest.mark.usefixtures("token")
def test_without_a_yes_nothing_is_made(tw: Tw, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tw("create", "relay-server", *FLAGS)
    assert done.status == 2 and "--yes" in done.err.splitlines()[-1]
    typed(monkeypatch, "", "", "n")
    assert tw("create", "relay-server", *FLAGS).status == 1
    assert not tw.directory.exists() and world.bench.there() == []


@pytest.mark.parametrize(
    "words",
    [
        ("--provider", "digitalocean", "--ip", "9.9.9.9"),
        ("--provider", "digitalocean", "--out", "x"),
        ("--provider", "manual", "--region", "nyc3"),
        ("--provider", "manual", "--size", "small"),
        ("--provider", "manual", "--ip", "relay.example.org"),
    ],
)
def test_no_flag_is_taken_and_ignored(tw: Tw, world: World, words: tuple[str, ...]) -> None:
    tw.refused("bad-argument", "create", "relay-server", "--domain", DOMAIN, *words)
    assert not tw.directory.exists()


@pytest.mark.parametrize("domain", ["localhost", "9.9.9.9", "2001:db8::1", "a b.org", "-x.org", "relay"])
def test_a_name_that_gets_no_certificate_is_refused(tw: Tw, world: World, domain: str) -> None:
    tw.refused("bad-argument", "create", "relay-server", f"--domain={domain}", "--provider", "manual")


@pytest.mark.usefixtures("token")
def test_port_22_is_open_where_it_was_asked_for(tw: Tw, world: World) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    assert (world.bench.inbound(), world.ssh_open) == ([80, 443], False)
    tw.ok("create", "relay-server", "--ssh-open", "--yes")
    assert (world.bench.inbound(), world.ssh_open, _machines(world)) == ([22, 80, 443], True, 1)
    tw.ok("create", "relay-server", "--yes")
    assert world.bench.inbound() == [22, 80, 443]


# -- at a terminal -----------------------------------------------------------------------------------


def test_what_no_flag_says_is_asked(tw: Tw, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: TOKEN)
    typed(monkeypatch, "relay", f"{DOMAIN}.", "DigitalOcean", "digitalocean", "2", "", "y", "")
    done = tw("create", "relay-server")
    assert done.status == 0, done.err
    for question in ("Name of the relay", "Where is it to run?", "Region? [", "Size? [", "Make it? [y/N]"):
        assert question in done.err
    hint = read_hint(Profile(tw.directory))
    assert hint is not None and hint.region == [each.name for each in world.bench.driver().regions()][1]


# -- going on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_whatever_was_being_made_when_it_died_the_next_run_ends_with_one_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    calm = World(monkeypatch)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
    Tw(tmp_path / "calm", capsys).ok("create", "relay-server", *FLAGS, "--yes")
    calls = calm.bench.trouble.calls
    writes = [at for at, call in enumerate(calls) if call.startswith("POST")]
    assert len(writes) > 3
    for at in writes:
        world, tw = World(monkeypatch), Tw(tmp_path / str(at), capsys)
        monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
        world.bench.trouble.at, world.bench.trouble.after = at, after
        with pytest.raises(Killed):
            tw("create", "relay-server", *FLAGS, "--yes")
        world.bench.trouble.calm()
        tw.ok("create", "relay-server", *FLAGS, "--yes")
        assert _machines(world) == 1 and world.applied == [("relay-admin",)]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("part", ["names", "https", "tunnel"])
def test_a_closed_laptop_goes_on_where_it_was_without_credentials(
    tw: Tw, world: World, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setattr(world, part, [KeyboardInterrupt()])
    stopped = tw("create", "relay-server", *FLAGS, "--yes")
    assert stopped.status == 130 and "tw create relay-server goes on" in stopped.err
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    calls = len(world.bench.trouble.calls)
    done = tw("create", "relay-server")
    assert done.status == 0 and f"the relay {DOMAIN} works" in done.out, done.err
    assert len(world.bench.trouble.calls) == calls, "the provider was asked"


@pytest.mark.usefixtures("token")
def test_no_wait_ends_when_the_machine_is_there(tw: Tw, world: World) -> None:
    world.names = [AssertionError("nobody waits")]
    assert "next: tw create relay-server" in tw.ok("create", "relay-server", *FLAGS, "--yes", "--no-wait")
    assert _machines(world) == 1 and world.applied == []


@pytest.mark.usefixtures("token")
def test_a_machine_that_somebody_removed_is_not_made_again_without_a_yes(
    tw: Tw, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    world.bench.double.rows["droplets"].clear()
    assert "--yes" in tw("create", "relay-server").err.splitlines()[-1] and _machines(world) == 0
    tw.ok("create", "relay-server", "--yes")
    assert _machines(world) == 1


@pytest.mark.usefixtures("token")
def test_where_there_is_none_to_be_had_another_region_is_tried(tw: Tw, world: World) -> None:
    regions = [each.name for each in world.bench.driver().regions()]
    world.bench.trouble.calm()
    world.bench.double.refusals["POST /v2/droplets"] = [422, 422]
    failed = tw("create", "relay-server", *FLAGS, "--yes")
    assert failed.status not in (0, 70), failed
    world.bench.double.refusals.clear()
    tw.ok("create", "relay-server", "--region", regions[1], "--yes")
    hint = read_hint(Profile(tw.directory))
    assert hint is not None and hint.region == regions[1] and _machines(world) == 1
    tw("create", "relay-server", "--region", regions[0], "--yes")
    assert "destroy relay-server" in tw("create", "relay-server", "--region", regions[0], "--yes").err
    assert _machines(world) == 1


@pytest.mark.usefixtures("token")
def test_a_relay_is_at_one_provider_and_has_one_name(tw: Tw, world: World) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    line = tw.refused("exists", "create", "relay-server", "--provider", "manual")
    assert "destroy relay-server" in line
    tw.refused("exists", "create", "relay-server", "--domain", "other.example.org", "--yes")


@pytest.mark.usefixtures("token")
def test_a_failure_of_the_first_change_ends_it_with_its_reason(tw: Tw, world: World) -> None:
    world.tunnel = [Refused("host-key-mismatch", "another key")]
    done = tw("create", "relay-server", *FLAGS, "--yes")
    assert done.status == 3 and done.err.splitlines()[-1].startswith("tw: host-key-mismatch: ")
    tw.ok("create", "relay-server")


# -- a machine of one's own ------------------------------------------------------------------------------


def test_a_machine_of_ones_own_gets_a_script_that_only_its_owner_reads(
    tw: Tw, world: World, tmp_path: Path
) -> None:
    done = tw("create", "relay-server", "--provider", "manual", "--domain", DOMAIN, "--ip", "9.9.9.9")
    assert done.status == 0, done.err
    script = tmp_path / f"{DOMAIN}-install.sh"
    assert done.out.splitlines()[0] == script.name
    assert script.read_text().startswith("#!/bin/bash") and stat.S_IMODE(script.stat().st_mode) == 0o600
    assert "ssh root@9.9.9.9 bash tw-install.sh" in done.err and f"{DOMAIN}.  A  9.9.9.9" in done.err
    assert world.applied == [("relay-admin",)]


def test_a_machine_of_ones_own_is_remembered(tw: Tw, world: World) -> None:
    ips = ("--ip", "9.9.9.9", "--ip", "2001:DB8::1")
    world.https = [KeyboardInterrupt()]
    tw("create", "relay-server", "--provider", "manual", "--domain", DOMAIN, *ips)
    done = tw("create", "relay-server")
    assert done.status == 0 and f"{DOMAIN}.  AAAA  2001:db8::1" in done.err, done.err


# -- other roles -------------------------------------------------------------------------------------------


def test_other_roles_are_refused_with_the_way_out(relay: Tw, server: Tw, world: World) -> None:
    for other in (relay, server):
        line = other.refused("wrong-role", "create", "relay-server", *FLAGS, "--yes")
        assert "tw create context NAME, then tw create relay-server" in line


@pytest.mark.usefixtures("token")
def test_servers_of_before_are_brought_to_the_new_machine(
    tw: Tw, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tw.ok("create", "relay-server", *FLAGS, "--yes")
    request = str(tmp_path / "plant.json")
    Tw(tmp_path / "plant", capsys).ok("join", DOMAIN, "--id", "plant", "--out", request)
    tw.ok("enroll", request, "--out", str(tmp_path / "answer.json"))
    answer = tw.ok("create", "relay-server", "--yes")
    assert world.applied[-1] == ("plant", "relay-admin") and "its servers come back" in answer
    assert [row["server"] for row in json.loads(tw.ok("list", "servers", "--json"))] == ["plant"]
