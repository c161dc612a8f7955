"""A small client of DigitalOcean's API v2: the calls that a relay needs, and what they answer.

Its own SDK is 115 MB, returns some errors as if they were answers, and repeats requests that make
droplets, whose names are not unique. So here nothing that makes something is ever repeated, and
everything else is, a few times: what was asked for again is the same thing.

Source: the OpenAPI description, github.com/digitalocean/openapi; the scopes are its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from ...base.errors import Refused, TwError
from ...base.limits import (
    CLOUD_CALL_TIMEOUT_S,
    CLOUD_CONNECT_TIMEOUT_S,
    CLOUD_PAUSE_S,
    CLOUD_TRIES,
    MAX_CLOUD_PAGES,
)
from ...base.values import Secret
from . import words
from .patience import Clock
from .words import Gone, Taken

__all__ = ["HERE", "Api", "Invalid", "Row"]

HERE = "digitalocean"

_HOST = "https://api.digitalocean.com"

_TOKEN_HINT = "make a token: cloud.digitalocean.com, API, Tokens"  # noqa: S105

_PAGE_ROWS = 200
"""The most that one page may have."""


class Invalid(Refused):
    """422: it could be read, and cannot be done; their text says why."""

    def __init__(self, doing: str, said: str) -> None:
        super().__init__("cloud-refused", f"{doing}: {said}", where=HERE)


@dataclass(frozen=True, slots=True)
class Row:
    """An object of an answer, read strictly.

    Raises:
        PeerFault: ``protocol-fault``, from each method, when the field is missing or of another kind.
    """

    doing: str
    fields: Mapping[str, Any]

    def _take(self, name: str, kind: type | tuple[type, ...]) -> Any:
        value = self.fields.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise words.odd_answer(HERE, self.doing, f"{name} is missing or of another kind")
        return value

    def text(self, name: str) -> str:
        """A string."""
        return str(self._take(name, str))

    def number(self, name: str) -> int:
        """A whole number."""
        return int(self._take(name, int))

    def amount(self, name: str) -> Decimal:
        """A number with decimals."""
        return Decimal(str(self._take(name, (int, float))))

    def flag(self, name: str) -> bool:
        """true or false."""
        return bool(self._take(name, bool))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; null is none."""
        if self.fields.get(name, "") is None:
            return ()
        return tuple(str(value) for value in self._take(name, list))

    def row(self, name: str) -> Row:
        """An object in this one."""
        return Row(self.doing, self._take(name, dict))

    def rows(self, name: str) -> tuple[Row, ...]:
        """A list of objects; null is none."""
        if self.fields.get(name, "") is None:
            return ()
        values = self._take(name, list)
        if not all(isinstance(value, dict) for value in values):
            raise words.odd_answer(HERE, self.doing, f"{name} has something else than objects")
        return tuple(Row(self.doing, value) for value in values)


class Api:
    """The API with somebody's token.

    Args:
        transport: in place of the network.
    """

    def __init__(self, token: Secret, clock: Clock, transport: httpx.BaseTransport | None = None) -> None:
        self._clock = clock
        self._http = httpx.Client(
            base_url=_HOST,
            headers={"authorization": f"Bearer {token.reveal()}", "user-agent": "tunnel-whisperer"},
            timeout=httpx.Timeout(CLOUD_CALL_TIMEOUT_S, connect=CLOUD_CONNECT_TIMEOUT_S),
            transport=transport,
        )

    def get(self, doing: str, scope: str, path: str, query: Mapping[str, str | int] | None = None) -> Row:
        """One object."""
        return self._call(doing, scope, "GET", path, query=query)

    def rows(
        self, doing: str, scope: str, path: str, name: str, query: Mapping[str, str] | None = None
    ) -> Iterator[Row]:
        """All objects of a list, over all its pages."""
        seen = 0
        for page in range(1, MAX_CLOUD_PAGES + 1):
            asked: dict[str, str | int] = {**(query or {}), "page": page, "per_page": _PAGE_ROWS}
            answer = self._call(doing, scope, "GET", path, query=asked)
            rows = answer.rows(name)
            yield from rows
            seen += len(rows)
            if not rows or seen >= answer.row("meta").number("total"):
                return
        raise words.odd_answer(HERE, doing, "its list has no end")

    def post(self, doing: str, scope: str, path: str, body: Mapping[str, object]) -> Row:
        """Make something; asked once."""
        return self._call(doing, scope, "POST", path, body=body)

    def put(self, doing: str, scope: str, path: str, body: Mapping[str, object]) -> Row:
        """Replace something."""
        return self._call(doing, scope, "PUT", path, body=body)

    def delete(self, doing: str, scope: str, path: str) -> None:
        """Remove something; content when it is gone already."""
        try:
            self._call(doing, scope, "DELETE", path)
        except Gone:
            return

    def _call(
        self,
        doing: str,
        scope: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Row:
        tries = 1 if method == "POST" else CLOUD_TRIES
        for attempt in range(1, tries + 1):
            try:
                response = self._http.request(method, path, params=query, json=body)
            except httpx.HTTPError as exc:
                if attempt == tries:
                    raise words.unreachable(HERE, doing, type(exc).__name__) from exc
                self._clock.sleep(2.0**attempt)
                continue
            if attempt == tries or not (response.status_code == 429 or response.status_code >= 500):
                return _read(doing, scope, response)
            self._clock.sleep(self._pause_s(response, attempt))
        raise AssertionError("unreachable")

    def _pause_s(self, response: httpx.Response, attempt: int) -> float:
        """Until the moment that they name, within bounds."""
        try:
            wanted = float(response.headers["ratelimit-reset"]) - self._clock.today()
        except (KeyError, ValueError):
            wanted = 0.0
        if response.status_code != 429 or math.isnan(wanted):
            wanted = 0.0
        return min(max(wanted, 2.0**attempt), CLOUD_PAUSE_S)


def _read(doing: str, scope: str, response: httpx.Response) -> Row:
    if response.status_code == 204:
        return Row(doing, {})
    try:
        fields = response.json()
    except ValueError:
        fields = None
    if response.is_success:
        if not isinstance(fields, dict):
            raise words.odd_answer(HERE, doing, "no JSON object")
        return Row(doing, fields)
    said = str(fields.get("message", "")) if isinstance(fields, dict) else ""
    raise _fault(doing, scope, response.status_code, said or response.reason_phrase)


def _fault(doing: str, scope: str, status: int, said: str) -> TwError:
    if status == 401:
        return words.token_refused(HERE, _TOKEN_HINT)
    if status == 403:
        return words.not_allowed(HERE, doing, f"the scope {scope}", _TOKEN_HINT)
    if status == 404:
        return Gone(HERE, doing, said)
    if status == 409:
        return Taken(HERE, doing, said)
    if status == 422:
        return Invalid(doing, said)
    if status == 429:
        return words.too_fast(HERE, doing)
    if status >= 500:
        return words.unreachable(HERE, doing, f"{said}, {status}")
    return words.other_refusal(HERE, doing, f"{said} ({status})")
