"""Where the files of one identity are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base.default_directory import default_directory
from ..base.errors import Misuse
from .files import ensure_directory, hold_lock

__all__ = ["IDENTITY", "IDENTITY_FILES", "IDENTITY_FOLDERS", "Profile", "default_directory", "locked"]

IDENTITY_FILES = (
    "config.yaml",
    "id_ed25519",
    "id_ed25519.pub",
    "ssh_host_ed25519_key",
    "ssh_host_ed25519_key.pub",
    "authorized_keys",
    "ca.crt",
    "ca.key",
    "client.crt",
    "client.key",
    "apps.yaml",
)
"""What an identity is made of; config.yaml first, without which it is none."""

IDENTITY_FOLDERS = ("users", "servers", "invites", "relay")
"""The same, directories: ``users/<name>/<file>``, and ``<directory>/<file>`` for the others."""

IDENTITY = (*IDENTITY_FILES, *IDENTITY_FOLDERS, "context.json", "audit", "run")
"""All of that, and what is about it on this machine; goes when the identity goes.

Whatever else is in the directory is somebody else's, and is neither removed nor packed with it.
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """One identity's directory; nothing of it has to exist."""

    directory: Path

    @property
    def config(self) -> Path:
        """What this machine is and how it reaches the others."""
        return self.directory / "config.yaml"

    @property
    def private_key(self) -> Path:
        """This machine's SSH key: a client's for its server, a server's for its relay."""
        return self.directory / "id_ed25519"

    @property
    def public_key(self) -> Path:
        """The public line of ``private_key``."""
        return self.directory / "id_ed25519.pub"

    @property
    def host_key(self) -> Path:
        """The SSH key that others pin: a server's, a relay's."""
        return self.directory / "ssh_host_ed25519_key"

    @property
    def host_public_key(self) -> Path:
        """The public line of ``host_key``."""
        return self.directory / "ssh_host_ed25519_key.pub"

    @property
    def authorized_keys(self) -> Path:
        """A server's access record."""
        return self.directory / "authorized_keys"

    @property
    def ca_cert(self) -> Path:
        """The CA of a server, which issues its own and its users' client certificates."""
        return self.directory / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """The key of ``ca_cert``."""
        return self.directory / "ca.key"

    @property
    def client_cert(self) -> Path:
        """What this machine shows to the relay."""
        return self.directory / "client.crt"

    @property
    def client_key(self) -> Path:
        """The key of ``client_cert``."""
        return self.directory / "client.key"

    @property
    def users(self) -> Path:
        """A server's users, a directory each."""
        return self.directory / "users"

    @property
    def servers(self) -> Path:
        """A relay's tenants, a file each."""
        return self.directory / "servers"

    @property
    def invites(self) -> Path:
        """Invitations of a relay or server, a file each."""
        return self.directory / "invites"

    @property
    def relay(self) -> Path:
        """A relay's own TLS files."""
        return self.directory / "relay"

    @property
    def relay_ca_cert(self) -> Path:
        """The relay's private CA, which its clients trust."""
        return self.relay / "ca.crt"

    @property
    def relay_ca_key(self) -> Path:
        """The key of ``relay_ca_cert``."""
        return self.relay / "ca.key"

    @property
    def relay_cert(self) -> Path:
        """What the relay shows to everybody."""
        return self.relay / "relay.crt"

    @property
    def relay_key(self) -> Path:
        """The key of ``relay_cert``."""
        return self.relay / "relay.key"

    @property
    def run(self) -> Path:
        """What the process that serves this identity leaves there while it runs."""
        return self.directory / "run"

    @property
    def audit(self) -> Path:
        """The audit record."""
        return self.directory / "audit"

    @property
    def lock_file(self) -> Path:
        """Held by the one process that changes the profile."""
        return self.directory / ".lock"

    def ensure(self) -> None:
        """Make the directory, 0700.

        Raises:
            Misuse: ``state-not-written``.
        """
        ensure_directory(self.directory)

    def read(self, path: Path) -> bytes:
        """The content of one of the files above.

        Raises:
            Misuse: ``not-set-up`` when it is missing, ``file-unreadable``.
        """
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise Misuse(
                "not-set-up",
                "this file is missing",
                where=str(path),
                hint="make or import an identity first, or name another directory with --config-dir",
            ) from None
        except OSError as exc:
            raise Misuse(
                "file-unreadable",
                exc.strerror or "cannot be read",
                where=str(path),
                hint="check that this account may read it",
            ) from exc


@contextlib.contextmanager
def locked(profile: Profile) -> Iterator[None]:
    """Nobody else changes the profile meanwhile; makes its directory. A thread may nest it.

    Raises:
        Misuse: ``timeout`` after 10 s, ``state-not-written``.
    """
    profile.ensure()
    with hold_lock(profile.lock_file):
        yield
