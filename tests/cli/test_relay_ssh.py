"""How ssh is called; a script stands in for it. The way itself is walked in tests/e2e."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.cli.main import main
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.pki import public_key_of
from tunnel_whisperer.profile import Contexts, Profile
from tunnel_whisperer.tenancy import make_standard_relay_identity

_SSH = """\
#!{python}
import json, sys
words = sys.argv[1:]
options = dict(word.split("=", 1) for word, before in zip(words[1:], words) if before == "-o")
known = open(options["UserKnownHostsFile"].strip('"')).read()
json.dump({{"words": words, "options": options, "known": known}}, open("called.json", "w"))
sys.exit(7)
"""


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only ssh of this machine."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(_SSH.format(python=sys.executable))
    (tools / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tw:
    """A context of a standard relay, which is not the active one, in a directory that shells stumble over."""
    contexts = Contexts(tmp_path / "100% mine")
    make_standard_relay_identity(contexts.create("relay", activate=False).profile, "relay.example.org")
    return Tw(tmp_path / "100% mine", capsys)


def _called(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "called.json").read_text())


@pytest.mark.usefixtures("ssh")
def test_ssh_is_told_the_key_the_host_and_the_way(standard: Tw, tmp_path: Path) -> None:
    where = ("--config-dir", str(standard.directory), "--context", "relay")
    assert main(["relay", "ssh", *where, "--", "systemctl", "--failed"]) == 7, "its status is ours"
    called = _called(tmp_path)
    context = Contexts(standard.directory).find("relay")
    assert called["words"][-3:] == ["relay.example.org", "systemctl", "--failed"]
    assert called["words"][:2] == ["-F", "none"]
    assert called["words"][called["words"].index("-i") + 1] == str(context.profile.private_key)
    assert called["words"][called["words"].index("-l") + 1] == "tw-admin"
    line = public_key_of(context.profile.read(context.profile.host_key))
    assert called["known"] == f"relay.example.org {line}\n"
    assert called["options"]["StrictHostKeyChecking"] == "yes"
    half = shlex.split(called["options"]["ProxyCommand"].replace("%%", "%"))
    assert half[-7:] == [
        "relay",
        "ssh",
        "--stdio",
        "--config-dir",
        str(standard.directory),
        "--context",
        context.id,
    ]
    standard.ok("use", "relay")
    assert "systemctl --failed" in standard.ok("audit")
    assert not Path(called["options"]["UserKnownHostsFile"].strip('"')).exists(), "the temporary file stays"


@pytest.mark.usefixtures("ssh")
def test_before_the_first_change_the_machine_has_its_first_key(standard: Tw, tmp_path: Path) -> None:
    profile = Contexts(standard.directory).find("relay").profile
    config = make_standard_relay_identity(profile, "")
    StandardRelay(profile, config).first_site()
    standard("relay", "ssh", "--context", "relay")
    called = _called(tmp_path)
    assert len(called["known"].splitlines()) == 2 and called["words"][-1] == "relay.example.org"


def test_without_ssh_it_is_said(standard: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "OpenSSH" in standard.refused("bad-argument", "relay", "ssh", "--context", "relay")


def test_other_roles_and_relays_on_this_machine_are_refused(relay: Tw, server: Tw) -> None:
    assert "runs on this machine" in relay.refused("wrong-role", "relay", "ssh")
    assert "create relay-server" in server.refused("wrong-role", "relay", "ssh")


def test_the_other_half_says_why_it_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_standard_relay_identity(Profile(tmp_path / "x"), "tw-unit.invalid")
    Tw(tmp_path / "x", capsys).refused("dns-failed", "relay", "ssh", "--stdio")
