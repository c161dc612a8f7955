from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.service_of import add_service_flags, is_system, service_of
from tunnel_whisperer.operations import service_acts as module
from tunnel_whisperer.profile import Profile, running
from tunnel_whisperer.service import Launchd, Systemd, TaskScheduler


def _args(directory: Path, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_service_flags(parser)
    return parser.parse_args(
        list(words), argparse.Namespace(config_dir=str(directory), log_level=None, log_format=None)
    )


@pytest.mark.parametrize(
    ("uid", "words", "system"),
    [(0, (), True), (0, ("--user",), False), (7, (), False), (7, ("--system",), True)],
)
def test_root_means_the_machine_and_others_themselves(
    uid: int, words: tuple[str, ...], system: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert is_system(_args(tmp_path, *words)) is system


@pytest.mark.parametrize(
    ("kind", "cls"), [("systemd", Systemd), ("launchd", Launchd), ("windows", TaskScheduler)]
)
def test_each_system_has_its_manager(
    kind: str, cls: type[object], relay: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "manager_of", lambda: kind)
    plan, manager, config = service_of(_args(relay.directory, "--user"))
    assert isinstance(manager, cls)
    assert (plan.name, plan.directory, config.mode) == ("tw", relay.directory, "relay")


def test_the_context_that_is_named_is_meant(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "manager_of", lambda: "systemd")
    plan, _, _ = service_of(_args(relay.directory, "--context", "base"))
    assert plan.command[-2:] == ("--context", "base")
    with pytest.raises(Misuse) as caught:
        service_of(_args(relay.directory, "--context", "another"))
    assert caught.value.code == "no-such-name"


def test_without_an_identity_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        service_of(_args(tmp_path))
    assert caught.value.code == "not-set-up" and "tw connect FILE.zip" in caught.value.hint


def test_an_owner_that_is_no_account_cannot_run_it(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(self: Path) -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(Path, "owner", unknown)
    with pytest.raises(Misuse) as caught:
        service_of(_args(relay.directory))
    assert caught.value.code == "not-set-up" and "chown" in caught.value.hint


def test_what_runs_by_hand_is_in_the_services_way(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    with running(Profile(relay.directory), "tw relay run"):
        for words in (("install",), ("start",)):
            line = relay.refused("already-running", "service", *words)
            assert "tw relay run (process" in line and "--no-start" in line
        assert manager.done == []
        relay.ok("service", "install", "--no-start")
        manager.state = replace(manager.state, running=True)  # then it is the service's own process
        relay.ok("service", "start")
    assert manager.done == ["install", "start"]
