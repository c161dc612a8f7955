"""The scripts of a visit, run by a real shell."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.provision.standard.sites import key, site
from tunnel_whisperer.base.errors import PeerFault
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.errands import (
    admin_keys_script,
    parse_ports,
    parse_saved,
    ports_script,
    save_script,
)


def _run(script: str, folder: Path) -> list[str]:
    """``sh``, on a machine whose administrator's home is in that folder."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "getent").write_text(f"#!/bin/sh\necho tw-admin:x:1:1::{folder}/home:/bin/sh\n")
    (tools / "getent").chmod(0o755)
    done = subprocess.run(
        ("sh", "-s"),
        input=script,
        capture_output=True,
        text=True,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_our_keys_follow_the_port_and_foreign_ones_stay(tmp_path: Path) -> None:
    keys = tmp_path / "home" / ".ssh" / "authorized_keys"
    keys.parent.mkdir(parents=True)
    keys.write_text(f"ssh-rsa AAAA somebody@else\n{key(7)} tw-admin\n")
    shut, opened = f'from="127.0.0.1" {key(99)} tw-admin', f"{key(99)} tw-admin"
    for ssh_open, line in ((True, opened), (False, shut), (False, shut)):
        _run(admin_keys_script(site(ssh_open=ssh_open), "tw-admin"), tmp_path)
        assert keys.read_text().splitlines() == ["ssh-rsa AAAA somebody@else", line]
    assert [path.name for path in keys.parent.iterdir()] == ["authorized_keys"]
    before = keys.stat().st_ino
    _run(admin_keys_script(site(), "tw-admin"), tmp_path)
    assert keys.stat().st_ino == before


def test_caddys_certificates_come_as_a_tar(tmp_path: Path) -> None:
    layout = Layout(caddy_data=f"{tmp_path}/it's here")
    assert parse_saved(_run(save_script(layout), tmp_path)) == b""
    folder = Path(layout.caddy_data) / "certificates" / "acme" / "relay.example.org"
    folder.mkdir(parents=True)
    (folder / "relay.example.org.key").write_text("KEY")
    saved = parse_saved(_run(save_script(layout), tmp_path))
    shutil.rmtree(layout.caddy_data)
    with tarfile.open(fileobj=BytesIO(saved)) as archive:
        assert "certificates/acme/relay.example.org/relay.example.org.key" in archive.getnames()


def test_where_somebody_listens_is_told_in_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port in parse_ports(_run(ports_script(), tmp_path))
    assert parse_ports(["0.0.0.0:443", "[::1]:22", "127.0.0.1%lo:20000", "end"]) == {443, 22, 20000}
    for lines in ([], ["0.0.0.0:443"], ["x", "end"]):
        with pytest.raises(PeerFault):
            parse_ports(lines)


@pytest.mark.parametrize("lines", [[], ["AAAA"], ["!!", "end"], ["A" * (6 << 20), "end"]])
def test_half_an_answer_is_none(lines: list[str]) -> None:
    with pytest.raises(PeerFault):
        parse_saved(lines)
