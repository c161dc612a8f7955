"""The API as a program of ours uses it: over the Unix socket of the process that serves an identity."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import httpx

from ..base.errors import Misuse, TwError, Unreachable
from ..base.limits import API_ANSWER_TIMEOUT_S
from ..profile import Profile
from .socket_path import has_unix_sockets, short_path, socket_of

__all__ = ["ApiClient", "open_client"]

_BASE = "http://tw/api/v1"
"""The host is of no meaning on a Unix socket."""


class ApiClient:
    """Made by ``open_client``."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **params: Any) -> Any:
        """What is there.

        Raises:
            TwError: with the code and the words that the other process gave.
        """
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """Have something done; see ``get``."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, f"{_BASE}{path}", **more)
        except httpx.HTTPError as exc:
            raise Unreachable(
                "timeout" if isinstance(exc, httpx.TimeoutException) else "link-lost",
                f"the process that runs does not answer: {type(exc).__name__}",
                hint="tw status",
            ) from exc
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _error_of(answer)


def _error_of(answer: httpx.Response) -> TwError:
    try:
        told = answer.json()
        return Misuse(told["code"], told["detail"], where=told.get("where", ""), hint=told.get("hint", ""))
    except (ValueError, KeyError, TypeError, AssertionError):
        return Unreachable("protocol-fault", f"it answered {answer.status_code}")


@contextlib.contextmanager
def open_client(profile: Profile) -> Iterator[ApiClient]:
    """Speak to the process that serves this identity.

    Raises:
        Misuse: ``not-set-up`` where none listens.
    """
    path = socket_of(profile)
    if not has_unix_sockets() or not path.exists():
        raise Misuse(
            "not-set-up",
            "the process that serves this identity has no API (yet)",
            where=str(path),
            hint="tw dashboard starts one",
        )
    with short_path(path) as name:
        _knock(name)
        transport = httpx.HTTPTransport(uds=name)
        with httpx.Client(transport=transport, timeout=API_ANSWER_TIMEOUT_S, trust_env=False) as http:
            yield ApiClient(http)


def _knock(name: str) -> None:
    """What a process left that died takes no connection (and the library would leave a socket behind)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(API_ANSWER_TIMEOUT_S)
        try:
            sock.connect(name)
        except OSError as exc:
            raise Unreachable(
                "link-lost",
                f"the process that serves this identity takes no connection: {exc.strerror or exc}",
                hint="tw status",
            ) from exc
