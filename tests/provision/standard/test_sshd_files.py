"""OpenSSH's files, as text and as sshd reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import key, site
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.sshd_files import admin_keys, authorized_keys, sshd_config

SSHD = shutil.which("sshd") or ""


def test_they_are_the_ones_that_were_read() -> None:
    check_golden("00-tw.conf", sshd_config(site()))
    check_golden("00-tw-open.conf", sshd_config(site(ssh_open=True)))
    check_golden("authorized_keys", authorized_keys(site()))


def test_an_administrator_comes_from_loopback_unless_the_port_is_open() -> None:
    assert admin_keys(site()) == f'from="127.0.0.1" {key(99)} tw-admin\n'
    assert admin_keys(site(ssh_open=True)) == f"{key(99)} tw-admin\n"


@pytest.mark.interop
@pytest.mark.skipif(not SSHD, reason="no sshd here")
def test_sshd_takes_it_and_means_what_we_mean(tmp_path: Path) -> None:
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "host")), check=True)
    folder = tmp_path / "sshd_config.d"
    folder.mkdir()
    (folder / "00-tw.conf").write_text(
        sshd_config(site(layout=Layout(account="daemon", host_key=f"{tmp_path}/host")))
    )
    # As cloud-init may write it. Ours ends with a Match, which must end with its file.
    (folder / "50-cloud-init.conf").write_text("PasswordAuthentication yes\nMaxAuthTries 3\n")
    file = tmp_path / "sshd_config"
    file.write_text(f"Include {folder}/*.conf\nPasswordAuthentication yes\n")

    def effective(user: str) -> dict[str, list[str]]:
        done = subprocess.run(
            (
                SSHD,
                "-T",
                "-f",
                str(file),
                "-C",
                f"user={user},host=x,addr=127.0.0.1,laddr=127.0.0.1,lport=22",
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            name, _, value = line.partition(" ")
            found.setdefault(name, []).append(value)
        return found

    anybody, tenant = effective("root"), effective("daemon")
    for settings in (anybody, tenant):
        assert settings["passwordauthentication"] == ["no"]
        assert settings["listenaddress"] == ["127.0.0.1:22"]
        assert settings["clientaliveinterval"] == ["15"]
        assert settings["maxauthtries"] == ["3"]
    assert tenant["allowtcpforwarding"] == ["remote"] and anybody["allowtcpforwarding"] == ["yes"]
    assert tenant["permitopen"] == ["none"] and tenant["permittty"] == ["no"]
    assert tenant["maxsessions"] == ["1"] and tenant["authorizedkeysfile"] == ["/etc/ssh/tw/authorized_keys"]
