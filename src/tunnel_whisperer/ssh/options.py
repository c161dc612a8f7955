"""What both sides of a session offer and ask for: ciphers first by speed, nothing but what we use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from asyncssh.kex import get_kex_algs

from ..base.limits import SSH_REKEY_BYTES, SSH_REKEY_INTERVAL_S

__all__ = ["common_options"]

_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp521",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp256",
)
"""The first where the cryptography library has it; no Diffie-Hellman over integers, no SHA-1."""
_SIGNATURES = ("ssh-ed25519",)
_MACS = ("hmac-sha2-256-etm@openssh.com",)
"""Must be named, and is not used: the ciphers authenticate."""
_GCM = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_CHACHA = ("chacha20-poly1305@openssh.com",)


@cache
def _cpu_has_aes() -> bool:
    """Whether AES is done by the CPU; assumed where the system does not say."""
    if sys.platform != "linux":
        return True
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return True
    return "aes" in words


def common_options() -> Mapping[str, object]:
    """Options of asyncssh for a client or a server."""
    return MappingProxyType(
        {
            "config": [],
            "encryption_algs": [*_GCM, *_CHACHA] if _cpu_has_aes() else [*_CHACHA, *_GCM],
            "kex_algs": [name for name in _KEX if name.encode() in get_kex_algs()],
            "signature_algs": _SIGNATURES,
            "mac_algs": _MACS,
            "compression_algs": ["none"],
            "x509_trusted_certs": None,
            "rekey_bytes": SSH_REKEY_BYTES,
            "rekey_seconds": SSH_REKEY_INTERVAL_S,
            "keepalive_interval": 0,  # pulse.py
            "host_based_auth": False,
            "kbdint_auth": False,
            "password_auth": False,
            "gss_host": None,
            "agent_forwarding": False,
        }
    )
