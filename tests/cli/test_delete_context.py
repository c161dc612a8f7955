from __future__ import annotations

from pathlib import Path

from tests.kit.command import Tw
from tests.profile.crash import snapshot
from tunnel_whisperer.profile import Config, Profile, RelayConfig, running, save_config


def test_without_a_yes_nothing_is_deleted_and_what_would_go_is_told(server: Tw, tmp_path: Path) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    before = snapshot(tmp_path / "server")
    result = server("delete", "context", "plant")
    assert result.status == 2
    assert "plant (base): a server of relay.test, 1 user\n" in result.err
    assert "keys and records are lost for good.\nTo keep a copy: tw export context plant\n" in result.err
    assert "this resets tw on this machine" in result.err
    assert "add --yes" in result.err
    assert snapshot(tmp_path / "server").items() >= before.items()


def test_the_last_one_is_a_full_reset(server: Tw, tmp_path: Path) -> None:
    said = server.ok("delete", "context", "plant", "--yes")
    assert "deleted plant (base)" in said
    assert "its relay still has a slot for it; there: tw unenroll plant\n" in said
    assert "nothing is left here" in said
    assert snapshot(tmp_path / "server") == {}
    assert server.ok("list", "contexts").startswith("no contexts yet")


def test_the_active_one_of_several_is_refused_with_what_to_do_first(relay: Tw) -> None:
    relay.ok("create", "context", "lab")
    assert "first tw use relay.test" in relay.refused("bad-argument", "delete", "context", "lab", "--yes")
    said = relay.ok("delete", "context", "relay.test", "--yes")
    assert said == "deleted relay.test (base)\n"


def test_what_runs_is_refused_also_as_the_last_one(server: Tw, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "server")
    with running(Profile(tmp_path / "server"), "tw serve"):
        assert "stop it first" in server.refused("already-running", "delete", "context", "plant", "--yes")
    after = snapshot(tmp_path / "server")
    after.pop("run/lock")
    assert after == before


def test_one_that_cannot_be_read_is_deleted_as_well(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "server" / "config.yaml").write_text("mode: sailor\n")
    told = server("delete", "context", "base").err
    assert "config.yaml cannot be read\nIts keys" in told
    assert "tw export context" not in told
    server.ok("delete", "context", "base", "--yes")
    assert snapshot(tmp_path / "server") == {}


def test_a_relay_on_a_machine_of_its_own_loses_its_admin(tw: Tw, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    save_config(
        tmp_path / "new" / "config.yaml", Config(mode="relay", relay=RelayConfig(kind="standard", domain="r"))
    )
    told = tw("delete", "context", "r").err
    assert "r (base): the admin of the relay r\n" in told
    assert "The relay's machine goes on, and nobody can administer it any more.\n" in told


def test_an_empty_one_has_nothing_to_lose(tw: Tw) -> None:
    tw.ok("create", "context", "lab")
    told = tw("delete", "context", "lab").err
    assert "no role yet\nIt is the only context" in told


def test_an_unknown_one_is_refused(tw: Tw) -> None:
    tw.refused("no-such-name", "delete", "context", "x", "--yes")
    tw.refused("no-such-name", "delete", "context", "base", "--yes")
