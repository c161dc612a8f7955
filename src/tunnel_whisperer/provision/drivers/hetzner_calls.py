"""One call of Hetzner's SDK, with a bound, and its failures in our words.

Source of the codes: docs.hetzner.cloud, the section on errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hcloud import APIException, HCloudException
from hcloud.core.domain import Meta

from ...base.errors import TwError
from ...base.limits import MAX_CLOUD_PAGES
from . import words
from .words import Gone, Taken

__all__ = ["HERE", "call", "fault", "list_all"]

P = ParamSpec("P")
T = TypeVar("T")

HERE = "hetzner"

TOKEN_HINT = "make a token with Read & Write in the project: console.hetzner.com, Security, API tokens"  # noqa: S105

_CAPACITY = ("resource_unavailable", "placement_error", "no_space_left_in_location")
_BUSY = ("locked", "conflict", "resource_in_use")
_DOWN = (
    "maintenance",
    "unavailable",
    "service_error",
    "server_error",
    "timeout",
    "bad_gateway",
    "robot_unavailable",
)


def fault(doing: str, code: int | str, message: str) -> TwError:
    """An error of theirs, by its code."""
    if code in ("unauthorized", 401):
        return words.token_refused(HERE, TOKEN_HINT)
    if code in ("token_readonly", "forbidden", 403):
        return words.not_allowed(HERE, doing, "the right to write", TOKEN_HINT)
    if code in ("rate_limit_exceeded", 429):
        return words.too_fast(HERE, doing)
    if code == "resource_limit_exceeded":
        hint = "remove what is not needed any more, or ask for more: console.hetzner.com, Limits"
        return words.limit_reached(HERE, doing, message, hint)
    if code in _CAPACITY:
        return words.no_capacity(HERE, doing, message)
    if code in _BUSY:
        return words.busy(HERE, doing, message)
    if code in ("uniqueness_error", "not_found", 404):
        return Taken(HERE, doing, message) if code == "uniqueness_error" else Gone(HERE, doing, message)
    if code in _DOWN or (isinstance(code, int) and code >= 500):
        return words.unreachable(HERE, doing, f"{message}, {code}")
    return words.other_refusal(HERE, doing, f"{message} ({code})")


def call(doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """One call of the SDK, its failures in our words.

    Raises:
        TwError: ``Taken`` for uniqueness_error, ``Gone`` for not_found.
    """
    try:
        return function(*args, **kwargs)
    except APIException as exc:
        raise fault(doing, exc.code, exc.message) from exc
    except (HCloudException, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise words.odd_answer(HERE, doing, type(exc).__name__) from exc
    except OSError as exc:  # what the SDK's HTTP library raises
        raise words.unreachable(HERE, doing, type(exc).__name__) from exc


def list_all(doing: str, get_list: Callable[..., tuple[list[T], Meta]], **filters: object) -> list[T]:
    """All pages of a list; their own get_all ends only where the provider says so."""
    rows: list[T] = []
    for page in range(1, MAX_CLOUD_PAGES + 1):
        more, meta = call(doing, get_list, page=page, per_page=50, **filters)
        rows += more
        if meta.pagination is None or meta.pagination.next_page is None:
            return rows
    raise words.odd_answer(HERE, doing, "its list has no end")
