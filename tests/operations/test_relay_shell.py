"""The words that start ssh to a relay's machine."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.relay_shell import need_shell, note_visit, shell_words
from tunnel_whisperer.profile import Contexts, Profile
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity, make_standard_relay_identity


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "ssh").write_text("#!/bin/sh\n")
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_they_name_the_key_the_hosts_and_the_way_and_leave_nothing_behind(
    tools: Path, tmp_path: Path
) -> None:
    contexts = Contexts(tmp_path / "base")
    profile = contexts.active_profile()
    config = make_standard_relay_identity(profile, "relay.example.org")
    with shell_words(contexts, profile, config) as words:
        options = dict(
            word.split("=", 1) for word, before in zip(words[1:], words, strict=False) if before == "-o"
        )
        known = Path(options["UserKnownHostsFile"].strip('"'))
        assert words[0] == str(tools / "ssh") and words[-1] != "relay.example.org"
        assert words[words.index("-i") + 1] == str(profile.private_key)
        assert known.read_text().startswith("relay.example.org ssh-ed25519 ")
        half = shlex.split(options["ProxyCommand"])
        assert half[half.index("--config-dir") + 1] == str(contexts.base)
    assert not known.parent.exists()


def test_without_ssh_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    contexts = Contexts(tmp_path / "base")
    profile = contexts.active_profile()
    config = make_standard_relay_identity(profile, "relay.example.org")
    with pytest.raises(Misuse) as refused, shell_words(contexts, profile, config):
        pass
    assert refused.value.code == "bad-argument" and "OpenSSH" in refused.value.hint


def test_only_a_machine_can_be_logged_in_to(tmp_path: Path) -> None:
    relay, server = Profile(tmp_path / "relay"), Profile(tmp_path / "server")
    for profile, config in (
        (relay, make_relay_identity(relay, "relay.test", listen="127.0.0.1:8443")),
        (server, make_server_identity(server, "plant")),
    ):
        with pytest.raises(Misuse) as refused:
            need_shell(profile, config)
        assert refused.value.code == "wrong-role"


def test_a_visit_is_noted_with_the_beginning_of_its_command(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_standard_relay_identity(profile, "relay.example.org")
    note_visit(profile, "x" * 5000)
    (record,) = select(profile.audit, lambda each: each.event == "machine-visited")
    assert record.fields["command"] == "x" * 200
