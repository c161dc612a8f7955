"""Keys, an sshd and an ssh of one stack, with files of their own and nothing of the machine's."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from .place import Machine
from .processes import Processes

__all__ = ["CIPHER", "OpenSsh", "missing"]

CIPHER = "aes128-gcm@openssh.com"
"""The fastest of OpenSSH's where the processor has AES; ours is the same."""

_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
{more}
HostKey {host_key}
AuthorizedKeysFile {authorized}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AllowTcpForwarding yes
Ciphers {cipher}
MaxStartups 100
UseDNS no
"""


def missing() -> str:
    """What this machine lacks; empty if nothing."""
    lacking = [name for name in ("ssh", "ssh-keygen") if shutil.which(name) is None]
    if not _sshd():
        lacking.append("sshd")
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def _sshd() -> str:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


class OpenSsh:
    """One user key, one host key, any number of daemons and clients."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._directory = processes.directory
        if os.geteuid() == 0:  # privilege separation wants it, and only a service manager makes it
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for name in ("user_key", "host_key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._directory / name)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        shutil.copy(self._directory / "user_key.pub", self._directory / "authorized")
        host_key = (self._directory / "host_key.pub").read_text().split()[:2]
        (self._directory / "known").write_text(f"peer {' '.join(host_key)}\n")

    def daemon(self, machine: Machine, name: str, port: int, address: str = "") -> None:
        """An sshd on loopback of that machine, and on ``address``."""
        config = self._directory / f"{name}.conf"
        config.write_text(
            _SSHD.format(
                port=port,
                more=f"ListenAddress {address}" if address not in ("", "127.0.0.1") else "",
                host_key=self._directory / "host_key",
                authorized=self._directory / "authorized",
                cipher=CIPHER,
            )
        )
        words = [_sshd(), "-D", "-e", "-f", str(config)]
        self._processes.start(machine, name, words, "Server listening on 127.0.0.1")

    def words(self, port: int, *options: str, host: str = "127.0.0.1") -> list[str]:
        """The command line of an ssh to ``host:port``."""
        return [
            *("ssh", "-F", "none", "-p", str(port), "-i", str(self._directory / "user_key")),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "HostKeyAlias=peer", "-o", f"UserKnownHostsFile={self._directory / 'known'}"),
            *("-o", "GlobalKnownHostsFile=none", "-o", f"Ciphers={CIPHER}", "-o", "Compression=no"),
            # As anyone sets it who wants a tunnel to last; the seed stack cuts what is idle for a minute.
            *(
                "-o",
                "ServerAliveInterval=15",
                "-o",
                "ExitOnForwardFailure=yes",
                *options,
                f"{getpass.getuser()}@{host}",
            ),
        ]
