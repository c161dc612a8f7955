"""Login links: ``/login?token=tw-login-<43 characters>``, good once, for ten minutes.

They live in memory, as SHA-256: a link is made by the process that answers it. Nothing that only
looks at a link uses it up: not HEAD, not a browser that fetches ahead, not an image or a script.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...base.limits import LOGIN_LINK_S, MAX_LOGIN_LINKS
from .keys import digest_of

__all__ = ["LoginLinks", "is_visit"]


@dataclass(frozen=True, slots=True)
class _Link:
    digest: str
    ends: float


class LoginLinks:
    """The links that were made and not used yet.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._links: list[_Link] = []

    def make(self) -> str:
        """The token of a new link; above the limit, the oldest link works no more."""
        token = f"tw-login-{secrets.token_urlsafe(32)}"
        self._tidy()
        self._links.append(_Link(digest_of(token), self._clock() + LOGIN_LINK_S))
        del self._links[:-MAX_LOGIN_LINKS]
        return token

    def use(self, token: str) -> bool:
        """Whether the token is one of ours; it works no more after this."""
        self._tidy()
        digest = digest_of(token)
        # All of them, whichever it is: the time tells nothing.
        found = [link for link in self._links if hmac.compare_digest(link.digest, digest)]
        self._links = [link for link in self._links if link not in found]
        return bool(found)

    def _tidy(self) -> None:
        now = self._clock()
        self._links = [link for link in self._links if now < link.ends]


def is_visit(method: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody opens the page, and not a program that looks ahead or embeds it.

    Args:
        headers: names in lower case, or a mapping that does not care.
    """
    ahead = " ".join(
        headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")
    ).lower()
    if method != "GET" or "prefetch" in ahead or "preview" in ahead or "prerender" in ahead:
        return False
    return headers.get("sec-fetch-dest", "document") == "document" and (
        headers.get("sec-fetch-mode", "navigate") == "navigate"
    )
