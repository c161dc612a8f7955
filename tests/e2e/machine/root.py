"""A Debian 12 as small as it can be, with systemd and cloud-init, and the packages it may want later.

Built once, in one to three minutes, and kept: in ``$TW_MACHINE_CACHE``, else
``$XDG_CACHE_HOME/tunnel-whisperer/machine``, else ``~/.cache/tunnel-whisperer/machine`` (360 MB).
Removing that folder is safe at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SUITE", "Root", "built", "cache_folder"]

_INCLUDED = ("systemd-sysv", "dbus", "cloud-init", "openssh-server", "iproute2")
"""What a provider's image has at least. No sudo, no curl, no gnupg: the script has to get those."""
_OFFERED = (
    "ca-certificates", "curl", "gnupg", "nftables", "sudo", "unattended-upgrades", "unzip",
)  # fmt: skip
"""What the lab's mirror has, with what these need."""
_UNPACKED = ("caddy", "pebble")
"""Debian's Caddy lends its units and scripts to the newer one; Pebble runs outside the machine."""
SUITE = "bookworm"


@dataclass(frozen=True, slots=True)
class Root:
    """What was built; nobody writes to it."""

    folder: Path

    @property
    def system(self) -> Path:
        """The machine's root directory."""
        return self.folder / "system"

    @property
    def packages(self) -> Path:
        """Debian's packages for the mirror, and the unpacked ones."""
        return self.folder / "packages"

    def package(self, name: str) -> Path:
        """The .deb of that name."""
        (path,) = self.packages.glob(f"{name}_*.deb")
        return path


def cache_folder() -> Path:
    """Where it is kept."""
    own = os.environ.get("TW_MACHINE_CACHE")
    if own:
        return Path(own)
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "tunnel-whisperer" / "machine"


def built() -> Root:
    """The root, built now if it is not there yet. Two runs at once build one."""
    recipe = repr((_INCLUDED, _OFFERED, _UNPACKED, SUITE, _fetch_script()))
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    root = Root(folder / f"debian-12-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.folder.exists():
            _build(Root(folder / "unfinished"))
            (folder / "unfinished").rename(root.folder)
    return root


def _build(root: Root) -> None:
    shutil.rmtree(root.folder, ignore_errors=True)
    root.packages.mkdir(parents=True)
    done = subprocess.run(
        (
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(_INCLUDED)}",
            f"--customize-hook=chroot \"$1\" sh -euc '{_fetch_script()}'",
            f"--customize-hook=mv \"$1\"/fetched/*.deb '{root.packages}' && rm -r \"$1/fetched\"",
            SUITE, str(root.system),
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _fetch_script() -> str:
    """Whatever the install script asks apt for, at the versions of today."""
    get = "apt-get -qq -o APT::Sandbox::User=root"
    return f"""\
mkdir -p /fetched/partial
cd /fetched
{get} install -y --no-install-recommends --download-only -o Dir::Cache::archives=/fetched {" ".join(_OFFERED)}
{get} download {" ".join(_UNPACKED)}
"""
