"""A machine that boots: Debian 12 with systemd as process 1, in a container with a network of its own.

The root is the cached one with a layer on top that lasts over reboots. Everything is mounted in the
container's own mount namespace, so that nothing is left when its process is gone.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import time
from pathlib import Path

from tests.e2e.machine.origins import MIRROR, NAMES, STAND_IN, Origins
from tests.e2e.machine.root import SUITE, Root

__all__ = ["ADDRESSES", "GATEWAYS", "Machine"]

GATEWAYS = ("10.77.0.1", "fd77::1")
"""The world's addresses, where the origins listen."""
ADDRESSES = ("10.77.0.2", "fd77::2")
"""The machine's."""

_NETWORK = f"""\
[Match]
Name=host0

[Network]
Address={ADDRESSES[0]}/24
Address={ADDRESSES[1]}/64
Gateway={GATEWAYS[0]}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
_CLOUD = """\
datasource_list: [NoCloud]
network: {config: disabled}
locale: false
"""
"""As a provider's image has it: which of all clouds this is."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """One machine; ``power_off`` at the end."""

    def __init__(self, folder: Path, root: Root, namespace: str, bridge: str) -> None:
        self._folder = folder
        self._root = root
        self._namespace = namespace
        self._bridge = bridge
        self._process: subprocess.Popen[bytes] | None = None
        self._first_pid = 0
        for name in ("layer", "work", "merged"):
            (folder / name).mkdir(parents=True)

    def write(self, path: str, content: str | bytes) -> None:
        """Put a file there before it boots."""
        place = self._folder / "layer" / path.lstrip("/")
        self._make_folder(place.parent)
        place.write_bytes(content.encode() if isinstance(content, str) else content)

    def furnish(self, origins: Origins, user_data: str | bytes) -> None:
        """The world around it, as a provider would: addresses, names, and what to do at the first boot."""
        self.write("/etc/systemd/network/10-lab.network", _NETWORK)
        for unit in ("systemd-networkd.service", "systemd-networkd-wait-online.service"):
            wanted = "multi-user" if unit == "systemd-networkd.service" else "network-online"
            place = self._folder / f"layer/etc/systemd/system/{wanted}.target.wants/{unit}"
            self._make_folder(place.parent)
            place.symlink_to(f"/lib/systemd/system/{unit}")
        names = "".join(f"{GATEWAYS[0]} {name}\n" for name in NAMES)
        self.write("/etc/hosts", f"127.0.0.1 localhost relay\n::1 localhost\n{names}")
        self.write("/etc/resolv.conf", "")
        self.write("/etc/apt/sources.list", f"deb http://{MIRROR}/debian {SUITE} main\n")
        self.write("/etc/apt/trusted.gpg.d/lab.asc", origins.debian_key)
        self.write("/usr/local/share/ca-certificates/lab.crt", origins.ca_pem)
        bundle = "etc/ssl/certs/ca-certificates.crt"  # made from all of them when the package came
        self.write(bundle, (self._root.system / bundle).read_text() + origins.ca_pem)
        self.write("/etc/cloud/cloud.cfg.d/99-lab.cfg", _CLOUD)
        self.write("/var/lib/cloud/seed/nocloud/meta-data", "instance-id: lab\nlocal-hostname: relay\n")
        self.write("/var/lib/cloud/seed/nocloud/user-data", user_data)

    # -- power ---------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Until process 1 takes commands."""
        (wheel,) = importlib.import_module("xray").__path__
        api = Path(__file__).parents[2] / "interop" / "xray_api.py"
        layers = f"lowerdir={self._root.system},upperdir={self._folder}/layer,workdir={self._folder}/work"
        nspawn = (
            "setpriv", "--pdeathsig", "TERM",  # with the tests, however they end
            "systemd-nspawn", "--quiet", "--boot", f"--directory={self._folder}/merged", "--machine=relay",
            "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
            "--suppress-sync=yes", "--console=pipe", f"--network-bridge={self._bridge}",
            f"--bind-ro={wheel}:{STAND_IN}/xray", f"--bind-ro={api}:{STAND_IN}/xray_api.py",
        )  # fmt: skip
        script = f'mount -t overlay overlay -o "{layers}" "{self._folder}/merged" && exec "$@"'
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                ("nsenter", f"--net=/run/netns/{self._namespace}", "unshare", "-m", "sh", "-c", script, "sh", *nspawn),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )  # fmt: skip
        self._await_first_process(self._process)

    @property
    def console(self) -> Path:
        """What it printed while booting."""
        return self._folder / "console.log"

    def power_off(self) -> None:
        """Orderly; safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()  # systemd-nspawn(1): a clean shutdown
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def reboot(self) -> None:
        """Off and on."""
        self.power_off()
        self.boot()

    def _await_first_process(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while True:
            said = self.console.read_text(errors="replace")
            assert process.poll() is None and time.monotonic() < deadline, said
            found = children.read_text().split()
            if found and Path(f"/proc/{found[-1]}/comm").read_text() == "systemd\n":
                self._first_pid = int(found[-1])
                if self.try_("systemctl", "is-system-running").stdout.strip() not in ("", "offline"):
                    return
            time.sleep(0.1)

    # -- inside --------------------------------------------------------------------------------------

    def try_(self, *command: str, feed: str = "", timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command there as root, whatever becomes of it."""
        return subprocess.run(
            ("nsenter", "-t", str(self._first_pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", *command),
            input=feed,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={"PATH": _PATH, "HOME": "/root", "LC_ALL": "C"},
            check=False,
        )

    def run(self, *command: str, feed: str = "", timeout_s: float = 300) -> str:
        """Run a command there as root; it must succeed. Returns what it printed."""
        done = self.try_(*command, feed=feed, timeout_s=timeout_s)
        assert done.returncode == 0, (
            f"{command[0]}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    def sh(self, script: str) -> str:
        """Run a line of shell; it must succeed."""
        return self.run("sh", "-euc", script)

    def await_success(self, script: str, timeout_s: float = 60) -> str:
        """Until a line of shell succeeds."""
        deadline = time.monotonic() + timeout_s
        while True:
            done = self.try_("sh", "-euc", script)
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, f"{script}: {done.stdout}{done.stderr}"
            time.sleep(0.3)

    def _make_folder(self, folder: Path) -> None:
        """With the modes that the root has: a new folder on top would hide them."""
        layer = self._folder / "layer"
        for part in reversed([folder, *folder.relative_to(layer).parents]):
            place = layer / part
            if not place.exists():
                place.mkdir()
                below = self._root.system / place.relative_to(layer)
                place.chmod(os.stat(below).st_mode & 0o7777 if below.exists() else 0o755)
