"""The password of a dashboard that listens beyond its own machine, as scrypt in password.json."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...base.errors import Misuse, Refused, Retry
from ...base.limits import (
    MAX_PASSWORD_CHARS,
    MAX_PASSWORD_CHECKS,
    MAX_PASSWORD_WAITING,
    MIN_PASSWORD_CHARS,
)
from .stored import StoredFile

__all__ = ["Password", "check_password"]

_N, _R, _P = 2**15, 8, 3
"""OWASP Password Storage Cheat Sheet, scrypt: N=2^15, r=8, p=3 is as hard to guess as its other rows,
and takes 32 MiB at a time (RFC 7914: 128 * N * r bytes)."""

_MAX_MEMORY = 64 * 1024 * 1024
"""For OpenSSL, which wants a little more than RFC 7914 says."""

_SALT_BYTES, _HASH_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class _Hashed:
    salt: bytes
    digest: bytes
    n: int
    r: int
    p: int

    def is_of(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, _scrypt(password, self.salt, self.n, self.r, self.p))


def check_password(password: str) -> str:
    """A password that may be set.

    There are no rules about kinds of characters: they make passwords that are forgotten, not ones
    that are hard to guess (NIST SP 800-63B section 3.1.1.2).

    Raises:
        Misuse: ``weak-password``, with the reason.
    """
    text = _normal(password)
    why = ""
    if len(text) < MIN_PASSWORD_CHARS:
        why = f"the password has {len(text)} characters, and needs {MIN_PASSWORD_CHARS}"
    elif len(text) > MAX_PASSWORD_CHARS:
        why = f"the password has more than {MAX_PASSWORD_CHARS} characters"
    elif len(set(text)) == 1:
        why = "the password is one character over and over"
    if why:
        raise Misuse("weak-password", why, hint="four or five words that do not belong together")
    return text


class Password:
    """The one password of a machine's dashboard.

    ``set`` and ``remove`` write to the disk: call them in a thread.

    Args:
        directory: ``<base>/dashboard``.
    """

    def __init__(self, directory: Path) -> None:
        self._file = StoredFile(directory / "password.json")
        # A pool, not a semaphore: a check goes on when who asked has left, and keeps its place.
        self._pool = ThreadPoolExecutor(MAX_PASSWORD_CHECKS, thread_name_prefix="tw-password")
        self._under_way = 0

    def is_set(self) -> bool:
        """Whether there is one that can be logged in with.

        Raises:
            Misuse: ``bad-record``, ``file-unreadable``.
        """
        return self._read() is not None

    def set(self, password: str) -> None:
        """Set or replace it. Browsers that are logged in stay so: revoke them where that is meant.

        Raises:
            Misuse: ``weak-password``, ``state-not-written``, ``timeout``.
        """
        text = check_password(password)
        salt = secrets.token_bytes(_SALT_BYTES)
        digest = _scrypt(text, salt, _N, _R, _P)
        record = {"scrypt": {"n": _N, "r": _R, "p": _P}, "salt": salt.hex(), "hash": digest.hex()}
        with self._file.locked():
            self._file.write(record)

    def remove(self) -> None:
        """Nobody logs in by password any more.

        Raises:
            Misuse: ``state-not-written``, ``timeout``.
        """
        with self._file.locked():
            self._file.remove()

    async def verify(self, password: str) -> bool:
        """Whether this is the password; False when none is set. Works in a thread.

        Raises:
            Misuse: ``bad-record``, ``file-unreadable``.
            Refused: ``too-many`` wait already.
        """
        hashed = self._read()
        if hashed is None or len(password) > MAX_PASSWORD_CHARS:
            return False
        if self._under_way >= MAX_PASSWORD_CHECKS + MAX_PASSWORD_WAITING:
            raise Refused(
                "too-many",
                "too many passwords are being checked",
                hint="try again in a few seconds",
                retry=Retry.BACKOFF,
            )
        self._under_way += 1
        check = asyncio.get_running_loop().run_in_executor(self._pool, hashed.is_of, password)
        check.add_done_callback(self._checked)
        return await asyncio.shield(check)

    def _checked(self, _: asyncio.Future[bool]) -> None:
        self._under_way -= 1

    def _read(self) -> _Hashed | None:
        record: Any = self._file.read()
        if record is None:
            return None
        try:
            cost = record["scrypt"]
            n, r, p = (cost[name] for name in ("n", "r", "p"))
            salt, digest = bytes.fromhex(record["salt"]), bytes.fromhex(record["hash"])
            if not all(type(number) is int for number in (n, r, p)) or n & (n - 1) or n < 2**14:
                raise ValueError
            if not (1 <= r <= 16 and 1 <= p <= 16 and 128 * n * r <= _MAX_MEMORY // 2):
                raise ValueError
            if len(salt) < _SALT_BYTES or len(digest) != _HASH_BYTES:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            raise self._file.damaged() from None
        return _Hashed(salt, digest, n, r, p)


def _normal(password: str) -> str:
    # The same key press makes other characters on other systems (NIST SP 800-63B section 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    secret = _normal(password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=_HASH_BYTES)
