"""TLS for a dashboard that others reach, and what it takes to be reached at all.

Without a certificate of the administrator's, one is made: a CA whose key is thrown away at once, so
that it can never vouch for anything else, and a leaf for the names that were asked for. Browsers warn
of it; its fingerprint is what to compare.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...base.errors import Misuse
from ...base.values import is_loopback
from ...pki import certificate_ends, certificate_hosts, check_key_pair, issue_server, make_ca
from ...profile import Profile, locked, write_files

__all__ = ["TlsFiles", "check_exposure", "fingerprint", "own_certificate"]

_RENEW = timedelta(days=30)
_END = "-----END CERTIFICATE-----\n"
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a listener needs."""

    cert: Path
    """Leaf and CA, PEM."""
    key: Path
    """PEM."""
    fingerprint: str
    """SHA-256 of the leaf, as browsers show it: ``AB:CD:..``."""


def check_exposure(host: str, *, password_set: bool, tls: bool) -> None:
    """Refuse to listen where others reach us without both a password and TLS.

    Args:
        host: the address to listen on.
        tls: it is ours; what a proxy in front does cannot be seen from here.

    Raises:
        Misuse: ``not-exposed``.
    """
    if is_loopback(host):
        return
    missing, hint = [], ""
    if not password_set:
        missing.append("a password")
        hint = "tw dashboard --set-password first"
    if not tls:
        missing.append("TLS")
        hint = hint or "leave TLS on; without a certificate of your own, one is made"
    if missing:
        raise Misuse(
            "not-exposed",
            f"other machines reach this address, so it needs {' and '.join(missing)}",
            where=host,
            hint=f"{hint}, or listen on 127.0.0.1 and come through ssh -L",
        )


def own_certificate(
    directory: Path, hosts: Sequence[str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> TlsFiles:
    """The certificate that was made here before, or a new one when there is none for these names, or it
    ends within a month.

    Args:
        directory: ``<base>/dashboard``.
        hosts: names and addresses that people open, IPv6 with or without brackets; at least one.

    Raises:
        Misuse: ``bad-argument``, ``state-not-written``, ``timeout``.
    """
    hosts = [host.strip("[]").lower() for host in hosts]
    cert, key = directory / "tls.crt", directory / "tls.key"
    with locked(Profile(directory)):
        pem = _usable(cert, key, hosts, now())
        if pem is None:
            ca = make_ca("Tunnel Whisperer dashboard", now)
            leaf, key_pem = issue_server(ca, hosts, now=now)
            pem = leaf + ca.cert_pem
            write_files({key: key_pem, cert: pem})
    return TlsFiles(cert, key, fingerprint(pem))


def _usable(cert: Path, key: Path, hosts: Sequence[str], now: datetime) -> str | None:
    """What is there, if it can be used on."""
    try:
        pem, key_pem = _read(cert), _read(key)
        leaf = pem.partition(_END)[0] + _END
        check_key_pair(leaf, key_pem)
        known = {name.lower() for name in certificate_hosts(leaf)}
        return pem if known.issuperset(hosts) and now + _RENEW < certificate_ends(leaf) else None
    except (OSError, UnicodeDecodeError, Misuse):
        return None


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES).decode("ascii")


def fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate in PEM, as browsers show it.

    Raises:
        ValueError: there is none.
    """
    head, begin, rest = pem.partition("-----BEGIN CERTIFICATE-----")
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    if not begin or not end or head.strip():
        raise ValueError("no certificate")
    digest = hashlib.sha256(base64.b64decode(body)).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
