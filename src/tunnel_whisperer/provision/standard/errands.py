"""Small scripts for a visit to the machine, besides its files: keys to it, and Caddy's certificates.

Caddy keeps what it got by ACME in its own data folder. It is saved before a machine is removed: the
number of certificates that a CA issues for one name in a week is limited.
"""

from __future__ import annotations

import base64
import binascii
from shlex import quote

from ...base.errors import PeerFault
from ...base.limits import SAVED_CERTIFICATES_BYTES
from .site import Layout, Site
from .sshd_files import admin_keys

__all__ = ["admin_keys_script", "parse_ports", "parse_saved", "ports_script", "save_script"]

_KEYS = """\
set -eu
umask 077
keys=$(getent passwd {account} | cut -d: -f6)/.ssh/authorized_keys
{{ grep -v ' tw-admin$' "$keys" || true; printf '%s' {lines}; }} >"$keys.new"
cmp -s "$keys" "$keys.new" && {{ rm "$keys.new"; exit 0; }}
chown --reference="$keys" "$keys.new"
mv -f "$keys.new" "$keys"
"""


def admin_keys_script(site: Site, account: str) -> str:
    """Renews our lines among the keys of ``account``; all others stay. They say where from one may
    come, which depends on whether port 22 is open."""
    lines = admin_keys(site)
    return _KEYS.format(account=account, lines=quote(lines))


def save_script(layout: Layout) -> str:
    """Prints Caddy's certificates as base64 of a tar, then ``end``; ``end`` alone where it has none."""
    folder = quote(layout.caddy_data)
    return f"[ ! -d {folder}/certificates ] || tar -C {folder} -cf - certificates | base64\necho end\n"


def ports_script() -> str:
    """Prints where somebody listens, a line each, then ``end``."""
    return "ss -Hltn | awk '{ print $4 }'\necho end\n"


def parse_ports(lines: list[str]) -> frozenset[int]:
    """The ports.

    Raises:
        PeerFault: ``bad-answer``.
    """
    ports = [line.rpartition(":")[2] for line in lines[:-1]]
    if lines[-1:] != ["end"] or not all(
        port.isascii() and port.isdigit() and len(port) < 6 for port in ports
    ):
        raise PeerFault("bad-answer", "the relay's machine did not tell to the end who is connected")
    return frozenset(map(int, ports))


def parse_saved(lines: list[str]) -> bytes:
    """The tar; empty where there are no certificates.

    Raises:
        PeerFault: ``bad-answer``.
    """
    try:
        saved = base64.b64decode("".join(lines[:-1]), validate=True)
    except (binascii.Error, ValueError):
        saved = None
    if saved is None or lines[-1:] != ["end"] or len(saved) > SAVED_CERTIFICATES_BYTES:
        raise PeerFault("bad-answer", "the relay's machine did not tell its certificates to the end")
    return saved
