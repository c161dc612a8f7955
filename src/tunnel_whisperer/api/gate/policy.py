"""What the gate of one listener lets through: names, paths, sizes. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...base.limits import MAX_LOGIN_BYTES, MAX_REQUEST_BYTES

__all__ = ["LOOPBACK_NAMES", "GuardPolicy"]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

_SECRETS = re.compile(r"/api/v1/(servers/[^/]+/response|join/request)")
"""They have a server's whole UUID in them, which no log shows either; who monitors needs none."""


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """One listener. Everything that is not named here needs a key."""

    port: int = 0
    """TCP port; of a Unix socket 0."""
    tls: bool = False
    """Whether we end TLS on it."""
    local: bool = False
    """A Unix socket that only this account can open: who comes there needs no key."""
    names: frozenset[str] = frozenset()
    """Host names and addresses that it is reached by besides loopback; IPv6 in brackets."""
    open_paths: frozenset[str] = frozenset({"/login", "/healthz"})
    """Need no key."""
    open_folders: tuple[str, ...] = ("/static/",)
    """The same, with all below; the same for everybody, so browsers may keep what is there."""
    read_folders: tuple[str, ...] = ("/api/", "/metrics")
    """What a key of scope ``read`` may GET: a folder with its slash, or one path."""
    secrets: re.Pattern[str] = _SECRETS
    """Of those, what it may not, such as a user's file: matched against the whole path."""
    uploads: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Bytes of a body by path, where it is not ``MAX_REQUEST_BYTES``; a path that ends with a slash
    stands for all below."""

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "https" if self.tls else "http"

    @property
    def cookie(self) -> str:
        """The cookie's name. Cookies do not know ports, so it has ours; under TLS the prefix keeps other
        hosts and plain HTTP from setting it (RFC 6265bis section 4.1.3.2)."""
        return f"{'__Host-' if self.tls else ''}tw_session_{self.port}"

    @property
    def address(self) -> str:
        """Where a person on this machine opens it."""
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    def origin(self, host: str, server: tuple[str, int | None] | None) -> str | None:
        """Our own origin, if a Host header is one of ours; None for a stranger's name.

        A page of a stranger whose name was made to point here (DNS rebinding) has that name in Host.
        An address cannot be made to point elsewhere, so that of the socket itself is good, too.

        Args:
            host: the header.
            server: the socket's own address, as ASGI has it.
        """
        name, port = self._split(host.lower())
        if port != self.port:
            return None
        if name not in LOOPBACK_NAMES and name not in self.names and not _is_address(name, server):
            return None
        default = 443 if self.tls else 80
        return f"{self.scheme}://{name}" + ("" if port == default else f":{port}")

    def _split(self, host: str) -> tuple[str, int]:
        found = re.fullmatch(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?", host, re.ASCII)
        if found is None:
            return "", -1
        return found[1], int(found[2]) if found[2] else (443 if self.tls else 80)

    def is_open(self, path: str) -> bool:
        """Whether anybody may ask for it."""
        return path in self.open_paths or self.is_static(path)

    def is_static(self, path: str) -> bool:
        """Whether it is the same for everybody."""
        return path.startswith(self.open_folders)

    def may_read(self, path: str) -> bool:
        """Whether a key of scope ``read`` may GET it."""
        inside = any(path.startswith(x) if x.endswith("/") else path == x for x in self.read_folders)
        return inside and self.secrets.fullmatch(path) is None

    def body_limit(self, path: str) -> int:
        """Bytes of a body that are taken, with a key; see ``is_open`` for those without."""
        if self.is_open(path):
            return MAX_LOGIN_BYTES
        if path in self.uploads:
            return self.uploads[path]
        folders = [x for x in self.uploads if x.endswith("/") and path.startswith(x)]
        return self.uploads[max(folders, key=len)] if folders else MAX_REQUEST_BYTES


def _is_address(name: str, server: tuple[str, int | None] | None) -> bool:
    try:
        own = ipaddress.ip_address(server[0].partition("%")[0]) if server is not None else None
        return own is not None and ipaddress.ip_address(name.strip("[]")) == own
    except ValueError:
        return False
