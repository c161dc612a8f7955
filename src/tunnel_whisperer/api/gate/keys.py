"""What lets a browser or a program in: the record of one key, without the key.

    tw-browser-<43 characters>   a browser's, in its cookie
    tw-token-<43 characters>     a program's, in its Authorization header

The 43 characters are 32 random bytes in base64url. The record holds SHA-256 of the whole, which
is enough for a secret of that length: there is nothing to guess, and so nothing to slow down.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ...base.limits import BROWSER_IDLE_S, BROWSER_LIFE_S

__all__ = [
    "Issued",
    "Key",
    "Kind",
    "Scope",
    "csrf_token",
    "digest_of",
    "new_browser",
    "new_token",
    "parse_key",
]

_MAX_TEXT_CHARS = 200
_LATEST = 253402300800.0
"""The year 10000: beyond it a moment has no date."""


class Kind(Enum):
    """Who has the key."""

    BROWSER = "browser"
    TOKEN = "token"  # noqa: S105 - the word, not one


class Scope(Enum):
    """What a key may do."""

    ALL = "all"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is kept and listed."""

    id: str
    """Twelve hexadecimal digits, public: names it where it is revoked."""
    kind: Kind
    scope: Scope
    name: str
    """A browser's user agent, or what a token was called."""
    address: str
    """Where it was last used from; empty before."""
    created: float
    """Seconds since 1970."""
    last_seen: float
    """The same; a minute behind at most."""
    expires: float | None
    """The same; None: when it is revoked."""
    digest: str
    """SHA-256 of the secret, in hexadecimal."""

    def is_over(self, now: float) -> bool:
        """Whether it lets nobody in any more, at ``now`` in seconds since 1970."""
        if self.expires is not None and now >= self.expires:
            return True
        return self.kind is Kind.BROWSER and now - self.last_seen >= BROWSER_IDLE_S

    def is_for(self, secret: str) -> bool:
        """Whether this is the key; takes the same time wherever the two differ."""
        return hmac.compare_digest(self.digest, digest_of(secret))

    def used(self, now: float, address: str) -> Key:
        """The record after it was used."""
        return replace(self, last_seen=max(now, self.last_seen), address=_shown(address) or self.address)

    def to_json(self) -> dict[str, Any]:
        """As ``parse_key`` reads it."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "scope": self.scope.value,
            "name": self.name,
            "address": self.address,
            "created": self.created,
            "last_seen": self.last_seen,
            "expires": self.expires,
            "sha256": self.digest,
        }


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, with the secret, which is nowhere else."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.key.id})"


def new_browser(agent: str, address: str, now: float) -> Issued:
    """A key for a browser that has just logged in."""
    return _new(Kind.BROWSER, Scope.ALL, agent, address, now, now + BROWSER_LIFE_S)


def new_token(name: str, scope: Scope, now: float, life_s: float | None) -> Issued:
    """A key for a program.

    Args:
        life_s: seconds; None: until it is revoked.
    """
    return _new(Kind.TOKEN, scope, name, "", now, None if life_s is None else now + life_s)


def _new(kind: Kind, scope: Scope, name: str, address: str, now: float, expires: float | None) -> Issued:
    secret = f"tw-{kind.value}-{secrets.token_urlsafe(32)}"
    key = Key(
        secrets.token_hex(6), kind, scope, _shown(name), _shown(address), now, now, expires, digest_of(secret)
    )
    return Issued(key, secret)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def csrf_token(secret: str) -> str:
    """What a page carries to show that it is ours: follows from the browser's key, as long as that lives,
    and tells nothing of it."""
    return hmac.new(secret.encode(), b"tw dashboard form", hashlib.sha256).hexdigest()


def parse_key(record: Any) -> Key:
    """A record as ``Key.to_json`` writes it.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    texts = [record[field] for field in ("id", "name", "address", "sha256")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError
    key_id, name, address, digest = texts
    if len(bytes.fromhex(key_id)) != 6 or len(bytes.fromhex(digest)) != 32:
        raise ValueError
    expires = record["expires"]
    return Key(
        key_id,
        Kind(record["kind"]),
        Scope(record["scope"]),
        _shown(name),
        _shown(address),
        _moment(record["created"]),
        _moment(record["last_seen"]),
        None if expires is None else _moment(expires),
        digest,
    )


def _moment(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise ValueError
    return float(value)


def _shown(text: str) -> str:
    """A stranger's words: one line, and not for ever."""
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_TEXT_CHARS])
