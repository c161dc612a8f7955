"""A service of an identity: which one it is, and who is in its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.managers import fake_manager
from tests.kit.identities import client_in, relay_in
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.service_acts import Service, service_advice, service_of
from tunnel_whisperer.profile import Contexts, Profile, load_config, running


def _service(directory: Path) -> Service:
    contexts = Contexts(directory)
    context = contexts.active()
    assert context is not None
    return service_of(contexts, context, system=False)


def test_it_is_installed_and_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    relay_in(tmp_path)
    service = _service(tmp_path)
    service.install(start=False)
    assert (manager.done, service.state().installed, service.holder()) == (["install"], True, None)
    service.install(start=True)
    service.start()
    assert manager.done == ["install", "install", "start", "start"]


def test_another_process_is_in_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    relay_in(tmp_path)
    service = _service(tmp_path)
    with running(Profile(tmp_path), "tw relay run"):
        for act in (service.start, lambda: service.install(start=True)):
            with pytest.raises(Misuse) as caught:
                act()
            assert caught.value.code == "already-running"
        assert manager.done == []
        manager.state = replace(manager.state, running=True)  # then it is the service's own
        service.start()
    assert manager.done == ["start"]


def test_what_a_service_lacks_is_told(tmp_path: Path) -> None:
    config = load_config(client_in(tmp_path / "client", tmp_path).config)
    proxy = {"HTTPS_PROXY": "http://u:secret@proxy.test:3128"}
    (words,) = service_advice(config, "systemd", system=True, environ=proxy)
    assert "tw proxy set URL" in words and "secret" not in words
    assert service_advice(config, "systemd", system=True, environ={}) == []
    (words,) = service_advice(config, "systemd --user", system=False, environ={})
    assert "enable-linger" in words
