"""Repositories that a machine's apt takes: signed, by a key of the lab's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from email.utils import formatdate
from pathlib import Path

__all__ = ["Signer", "newer_caddy", "write_repository"]


class Signer:
    """A key that signs packages. ``close`` ends its agent."""

    def __init__(self, home: Path, name: str) -> None:
        self._home = home
        home.mkdir(mode=0o700)
        self._gpg("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
        listed = self._gpg("--with-colons", "--list-keys").decode()
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        self.public = self._gpg("--armor", "--export")

    def clear_sign(self, text: str) -> bytes:
        """The text with its signature around it."""
        return self._gpg("--clear-sign", data=text.encode())

    def close(self) -> None:
        """Nothing of it runs any more."""
        subprocess.run(("gpgconf", "--homedir", str(self._home), "--kill", "all"), check=False)

    def _gpg(self, *words: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            (
                "gpg",
                "--homedir",
                str(self._home),
                "--batch",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                *words,
            ),
            input=data,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def write_repository(folder: Path, suite: str, packages: Iterable[Path], signer: Signer) -> None:
    """What ``deb <folder> <suite> main`` reads; for amd64."""
    pool = folder / "pool"
    pool.mkdir(parents=True)
    entries = []
    for package in sorted(packages):
        name = package.name.replace("%3a", "_")  # apt's way to write the colon of an epoch
        shutil.copyfile(package, pool / name)
        control = _run("dpkg-deb", "-f", str(package)).strip()
        data = package.read_bytes()
        where = f"Filename: pool/{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        entries.append(f"{control}\n{where}\n")
    index = "".join(entries).encode()
    listed = folder / "dists" / suite / "main" / "binary-amd64"
    listed.mkdir(parents=True)
    (listed / "Packages").write_bytes(index)
    release = (
        f"Suite: {suite}\nCodename: {suite}\nDate: {formatdate(usegmt=True)}\n"
        f"Architectures: amd64\nComponents: main\n"
        f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages\n"
    )
    (folder / "dists" / suite / "InRelease").write_bytes(signer.clear_sign(release))


def newer_caddy(debians: Path, program: Path, version: str, folder: Path) -> Path:
    """A package of that program, with the units and scripts of Debian's own."""
    tree = folder / "caddy"
    _run("dpkg-deb", "-R", str(debians), str(tree))
    shutil.copyfile(program, tree / "usr/bin/caddy")
    control = tree / "DEBIAN" / "control"
    kept = [
        line
        for line in control.read_text().splitlines()
        if not line.startswith(("Version:", "Depends:", "Built-Using:"))
    ]
    control.write_text("\n".join((kept[0], f"Version: {version}", *kept[1:])) + "\n")
    package = folder / f"caddy_{version}_amd64.deb"
    _run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", str(tree), str(package))
    return package


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
