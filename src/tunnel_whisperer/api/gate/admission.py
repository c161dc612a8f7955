"""Who was let in, as the routes behind the gate see it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, MutableMapping
from typing import Any

from .keys import Key, Kind, Scope

__all__ = ["Admission", "admission", "check_form"]

_KEY = "tunnel_whisperer.admission"


class Admission:
    """Of one request.

    Args:
        key: what it showed; None for who needs none: the command line on the Unix socket, and
            anybody on the pages that are open.
        local: it came over the Unix socket.
        csrf: what a form of our pages carries in its field ``csrf``, and a script in the header
            ``X-CSRF-Token``; empty without a browser's key.
        unchecked: it is a form whose field nobody has looked at yet.
    """

    __slots__ = ("csrf", "key", "local", "unchecked")

    def __init__(self, key: Key | None, *, local: bool, csrf: str = "", unchecked: bool = False) -> None:
        self.key = key
        self.local = local
        self.csrf = csrf
        self.unchecked = unchecked

    @property
    def may_all(self) -> bool:
        """Whether it may do everything; a key of scope ``read`` may not, a stranger neither."""
        return self.local or (self.key is not None and self.key.scope is Scope.ALL)

    @property
    def who(self) -> str:
        """For the audit record: ``local``, ``browser 0a1b2c3d4e5f``, ``token 0a1b.. backup``."""
        if self.key is None:
            return "local" if self.local else ""
        name = f" {self.key.name}" if self.key.kind is Kind.TOKEN else ""
        return f"{self.key.kind.value} {self.key.id}{name}"

    def store(self, scope: MutableMapping[str, Any]) -> None:
        """Put it where ``admission`` finds it."""
        scope[_KEY] = self


def admission(scope: Mapping[str, Any]) -> Admission:
    """Who asks, out of the ASGI scope of a route: ``admission(request.scope)``."""
    found = scope[_KEY]
    assert isinstance(found, Admission)
    return found


def check_form(scope: Mapping[str, Any], field: object) -> bool:
    """Whether a form comes from a page of ours; each handler of a form asks before it does anything.

    One that forgot is answered with status 500, whatever it did.

    Args:
        field: the form's field ``csrf``, as it came.
    """
    found = admission(scope)
    if not found.unchecked:
        return True  # the gate has seen the header, or there was nothing to check
    given = field.encode("utf-8", "replace") if isinstance(field, str) else b""
    if not found.csrf or not hmac.compare_digest(found.csrf.encode(), given):
        return False
    found.unchecked = False
    return True
