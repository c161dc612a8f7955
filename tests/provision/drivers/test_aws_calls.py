"""What becomes of each answer of AWS's SDK."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.provision.drivers.aws_calls import CONFIG, Mismatch, call, list_all
from tunnel_whisperer.provision.drivers.words import Gone, Taken


def _raise(exc: Exception) -> None:
    raise exc


def _refusal(code: str, status: int = 400, operation: str = "RunInstances") -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": "their words"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)  # type: ignore[arg-type]  # as it is on the wire


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("AuthFailure", "cloud-token-refused"),
        ("ExpiredToken", "cloud-token-refused"),
        ("InvalidClientTokenId", "cloud-token-refused"),
        ("RequestExpired", "cloud-token-refused"),
        ("SignatureDoesNotMatch", "cloud-token-refused"),
        ("UnauthorizedOperation", "cloud-permission-missing"),
        ("AccessDenied", "cloud-permission-missing"),
        ("VcpuLimitExceeded", "cloud-quota"),
        ("InstanceLimitExceeded", "cloud-quota"),
        ("InsufficientInstanceCapacity", "cloud-no-capacity"),
        ("Unsupported", "cloud-no-capacity"),
        ("RequestLimitExceeded", "cloud-rate-limit"),
        ("DependencyViolation", "cloud-busy"),
        ("ServiceUnavailable", "cloud-unreachable"),
        ("PendingVerification", "cloud-refused"),
        ("", "cloud-refused"),
    ],
)
def test_each_code_has_its_words(theirs: str, ours: str) -> None:
    with pytest.raises(TwError) as caught:
        call("make it", _raise, _refusal(theirs))
    assert caught.value.code == ours


def test_a_missing_permission_is_named_as_a_policy_names_it() -> None:
    for operation, name in (
        ("RunInstances", "ec2:RunInstances"),
        ("GetCallerIdentity", "sts:GetCallerIdentity"),
    ):
        with pytest.raises(TwError, match=name):
            call("make it", _raise, _refusal("UnauthorizedOperation", 403, operation))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidGroup.Duplicate", Taken),
        ("InvalidKeyPair.Duplicate", Taken),
        ("InvalidInstanceID.NotFound", Gone),
        ("IdempotentParameterMismatch", Mismatch),
    ],
)
def test_what_a_driver_looks_up_has_a_class_of_its_own(code: str, kind: type[TwError]) -> None:
    with pytest.raises(kind):
        call("make it", _raise, _refusal(code))


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (EndpointConnectionError(endpoint_url="https://ec2"), "cloud-unreachable"),
        (ConnectTimeoutError(endpoint_url="https://ec2"), "cloud-unreachable"),
        (ReadTimeoutError(endpoint_url="https://ec2"), "cloud-unreachable"),
        (_refusal("Anything", 503), "cloud-unreachable"),
        (ResponseParserError("no XML"), "protocol-fault"),
        (ParamValidationError(report="a field of ours"), "cloud-refused"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_of_the_way_has_its_words(exc: Exception, code: str) -> None:
    with pytest.raises(TwError) as caught:
        call("make it", _raise, exc)
    assert caught.value.code == code


def test_a_fault_of_ours_is_not_taken_for_theirs() -> None:
    with pytest.raises(KeyError):
        call("make it", _raise, KeyError("ours"))


def test_every_call_has_a_bound_and_few_attempts() -> None:
    config = vars(CONFIG)["_user_provided_options"]
    assert config["connect_timeout"] == 10 and config["read_timeout"] == 60
    assert config["retries"] == {"mode": "standard", "total_max_attempts": 4}


def test_lists_are_read_to_their_end_and_no_further() -> None:
    asked: list[dict[str, object]] = []

    def pages(**arguments: object) -> dict[str, object]:
        asked.append(arguments)
        return {"Rows": [len(asked)], "NextToken": "more"} if len(asked) < 3 else {"Rows": [3]}

    assert list_all("look", pages, "Rows", Filters=[]) == [1, 2, 3]
    assert asked == [{"Filters": []}] + [{"Filters": [], "NextToken": "more"}] * 2
    for odd in ({"Rows": [], "NextToken": "more"}, {}):
        with pytest.raises(TwError) as caught:
            list_all("look", lambda odd=odd, **_: odd, "Rows")
        assert caught.value.code == "protocol-fault"
