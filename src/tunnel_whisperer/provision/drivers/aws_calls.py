"""One call of the AWS SDK, with a bound, and its failures in our words.

Source of the codes: the EC2 API reference, the section on error codes. The SDK repeats what may be
repeated (throttling, 5xx, a broken connection) by itself, three times at the most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from ...base.errors import TwError, Unreachable
from ...base.limits import CLOUD_CALL_TIMEOUT_S, CLOUD_CONNECT_TIMEOUT_S, CLOUD_TRIES, MAX_CLOUD_PAGES
from . import words
from .words import Gone, Taken

__all__ = ["CONFIG", "HERE", "Mismatch", "call", "fault", "list_all"]

P = ParamSpec("P")
T = TypeVar("T")

HERE = "aws"

CONFIG = Config(
    connect_timeout=CLOUD_CONNECT_TIMEOUT_S,
    read_timeout=CLOUD_CALL_TIMEOUT_S,
    retries={"mode": "standard", "total_max_attempts": CLOUD_TRIES},
    user_agent_extra="tunnel-whisperer",
)
"""Of every client."""

_KEY_HINT = "check the access key, its secret and this machine's clock: console.aws.amazon.com, IAM, Users"

_NOBODY = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_FULL = (
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "SecurityGroupLimitExceeded",
    "VcpuLimitExceeded",
    "VolumeLimitExceeded",
)
_SOLD_OUT = (
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "Unsupported",
)
_SLOW_DOWN = ("RequestLimitExceeded", "Throttling", "ThrottlingException")
_BUSY = ("DependencyViolation", "InvalidGroup.InUse", "ResourceInUse", "VolumeInUse")
_DOWN = ("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable")


class Mismatch(Unreachable):
    """A launch with the same token, but of something else, was seen before."""

    def __init__(self, doing: str) -> None:
        super().__init__("cloud-busy", f"{doing}: it was begun before with other values", where=HERE)


def fault(doing: str, code: str, said: str, permission: str) -> TwError:
    """An error of theirs, by its code.

    Args:
        permission: that the call needs, such as ``ec2:RunInstances``.
    """
    if code in _NOBODY:
        return words.token_refused(HERE, _KEY_HINT)
    if code in _FORBIDDEN:
        hint = f"allow {permission} to this user: docs/topics/providers.md has the whole policy"
        return words.not_allowed(HERE, doing, permission, hint)
    if code in _SLOW_DOWN:
        return words.too_fast(HERE, doing)
    if code in _FULL:
        hint = "remove what is not needed any more, or ask for more: console.aws.amazon.com, Service Quotas"
        return words.limit_reached(HERE, doing, said, hint)
    if code in _SOLD_OUT:
        return words.no_capacity(HERE, doing, said)
    if code in _BUSY:
        return words.busy(HERE, doing, said)
    if code == "IdempotentParameterMismatch":
        return Mismatch(doing)
    if code.endswith((".Duplicate", ".NotFound")):
        return Taken(HERE, doing, said) if code.endswith(".Duplicate") else Gone(HERE, doing, said)
    if code in _DOWN:
        return words.unreachable(HERE, doing, f"{said}, {code}")
    return words.other_refusal(HERE, doing, f"{said} ({code})")


def call(doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """One call of the SDK.

    Raises:
        TwError: ``Taken`` for a duplicate, ``Gone`` for what is not found.
    """
    try:
        return function(*args, **kwargs)
    except ClientError as exc:
        error, answer = exc.response.get("Error", {}), exc.response.get("ResponseMetadata", {})
        code, said = error.get("Code", ""), error.get("Message", "")
        if answer.get("HTTPStatusCode", 400) >= 500:
            raise words.unreachable(HERE, doing, f"{said}, {code}") from exc
        service = "sts" if exc.operation_name == "GetCallerIdentity" else "ec2"
        raise fault(doing, code, said, f"{service}:{exc.operation_name}") from exc
    except (HTTPClientError, BotoConnectionError, ResponseStreamingError) as exc:
        raise words.unreachable(HERE, doing, type(exc).__name__) from exc
    except ResponseParserError as exc:
        raise words.odd_answer(HERE, doing, type(exc).__name__) from exc
    except BotoCoreError as exc:  # its text may have our arguments in it
        raise words.other_refusal(HERE, doing, type(exc).__name__) from exc


def list_all(doing: str, function: Callable[..., Any], name: str, **filters: object) -> list[Any]:
    """All pages of a list.

    Args:
        name: of the list in the answer.
    """
    rows: list[Any] = []
    more: dict[str, object] = {}
    for _ in range(MAX_CLOUD_PAGES):
        answer = call(doing, function, **filters, **more)
        try:
            rows += answer[name]
        except KeyError as exc:
            raise words.odd_answer(HERE, doing, f"{name} is missing") from exc
        if not answer.get("NextToken"):
            return rows
        more = {"NextToken": answer["NextToken"]}
    raise words.odd_answer(HERE, doing, "its list has no end")
