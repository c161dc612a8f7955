"""The relay under test, with what the tests ask of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.machine.machine import ADDRESSES, Machine
from tests.e2e.machine.origins import Origins
from tests.e2e.machine.outside import DOMAIN, Outside
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Site
from tunnel_whisperer.provision.standard.install_script import Sources, install_script
from tunnel_whisperer.tenancy import make_standard_relay_identity

__all__ = ["Relay"]

PROBE = str(Path(__file__).parents[1] / "probe.py")
_APPLY = """\
import asyncio, sys
from pathlib import Path
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import Profile, load_config
profile = Profile(Path(sys.argv[1]))
print(asyncio.run(StandardRelay(profile, load_config(profile.config)).apply(print)).in_words())
"""
_KNOCK = """\
import socket, sys, threading
def knock(address, port):
    try:
        socket.create_connection((address, port), 1.5).close()
    except OSError:
        return
    open_doors.append(f"{address} {port}\\n")
open_doors = []
doors = [(address, int(port)) for address in sys.argv[1].split() for port in sys.argv[2].split()]
threads = [threading.Thread(target=knock, args=door) for door in doors]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("".join(open_doors))
"""


@dataclass(frozen=True, slots=True)
class Relay:
    """A machine, the world outside it, and the administrator's identity."""

    outside: Outside
    machine: Machine
    origins: Origins
    profile: Profile
    first_site: Site

    def path(self, name: str) -> str:
        """A file of the test's."""
        return str(self.outside.directory / name)

    def unpack(self, bundle: str, identity: str) -> None:
        """A user's file, as an identity."""
        directory = Path(self.path(identity))
        directory.mkdir(mode=0o700)
        shutil.unpack_archive(self.path(bundle), directory)
        for path in directory.iterdir():
            path.chmod(0o600)

    # -- changing it ---------------------------------------------------------------------------------

    def install(
        self, *, ssh_open: bool = False, sources: Sources | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the script, as the first boot did."""
        script = install_script(replace(self.first_site, ssh_open=ssh_open), sources or self.origins.sources)
        return self.machine.try_("bash", "-s", feed=script)

    def apply(self, *, ssh_open: bool = False) -> str:
        """Change it live; returns what was done."""
        make_standard_relay_identity(self.profile, DOMAIN, ssh_open=ssh_open)
        done = self.outside.run(sys.executable, "-c", _APPLY, str(self.profile.directory))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # -- looking at it -------------------------------------------------------------------------------

    def progress(self) -> dict[str, str]:
        """What the script left of itself."""
        said: dict[str, str] = json.loads(self.machine.run("cat", "/var/lib/tw/install.json"))
        return said

    def listening(self) -> set[str]:
        """TCP and UDP, as ``tcp 127.0.0.1:22``."""
        lines = self.machine.run("ss", "-Hltun").splitlines()
        return {f"{line.split()[0]} {line.split()[4]}" for line in lines}

    def answering(self, *ports: int) -> set[tuple[str, int]]:
        """Which of these take connections from outside, on either address."""
        words = (" ".join(ADDRESSES), " ".join(map(str, ports)))
        said = self.outside.run(sys.executable, "-c", _KNOCK, *words).stdout
        return {(line.split()[0], int(line.split()[1])) for line in said.split("\n") if line}

    def ssh(self, address: str, *options: str) -> subprocess.CompletedProcess[str]:
        """The administrator's ``ssh`` from outside."""
        known = Path(self.path("known_hosts"))
        key = self.profile.read(self.profile.host_public_key).decode().split()[:2]
        known.write_text("".join(f"{host} {' '.join(key)}\n" for host in ADDRESSES))
        return self.outside.run(
            "ssh", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
            "-o", "IdentitiesOnly=yes", *options, f"tw-admin@{address}", "sudo -n id -u",
        )  # fmt: skip

    def contents(self) -> str:
        """What there is on it that lasts, and the rules of its firewall."""
        files = "find /etc /usr/local /usr/share/keyrings /home /root /var/lib/tw -type f ! -path '/var/lib/tw/old/*'"
        return self.machine.sh(
            f"{files} ! -name install.json -exec sha256sum {{}} + | sort -k2; nft list table inet tw; nft list tables | sort; getent passwd"
        )

    # -- through it ----------------------------------------------------------------------------------

    def carries(self, timeout_s: float = 60) -> None:
        """The user's bytes pass, both ways; a client that has lost its way has that long."""
        deadline = time.monotonic() + timeout_s
        while True:
            done = [
                self.outside.run(sys.executable, PROBE, verb, "15000", str(1 << 22))
                for verb in ("fetch", "push")
            ]
            if not any(run.returncode for run in done):
                return
            logs = "".join(self.outside.log_path(name).read_text()[-2000:] for name in ("plant", "alice"))
            assert time.monotonic() < deadline, f"{done}\n{logs}"
            time.sleep(0.5)
