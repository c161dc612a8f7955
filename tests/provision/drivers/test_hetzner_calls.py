"""What becomes of each answer of Hetzner's SDK."""

from __future__ import annotations

import pytest
import requests
from hcloud import APIException, HCloudException

from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.provision.drivers.hetzner_calls import call
from tunnel_whisperer.provision.drivers.words import Gone, Taken


def _raise(exc: Exception) -> None:
    raise exc


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("unauthorized", "cloud-token-refused"),
        (401, "cloud-token-refused"),
        ("token_readonly", "cloud-permission-missing"),
        ("forbidden", "cloud-permission-missing"),
        ("rate_limit_exceeded", "cloud-rate-limit"),
        ("resource_limit_exceeded", "cloud-quota"),
        ("resource_unavailable", "cloud-no-capacity"),
        ("placement_error", "cloud-no-capacity"),
        ("locked", "cloud-busy"),
        ("resource_in_use", "cloud-busy"),
        ("maintenance", "cloud-unreachable"),
        ("service_error", "cloud-unreachable"),
        (502, "cloud-unreachable"),
        ("protected", "cloud-refused"),
        ("invalid_input", "cloud-refused"),
        (418, "cloud-refused"),
    ],
)
def test_each_code_has_its_words(theirs: int | str, ours: str) -> None:
    with pytest.raises(TwError) as caught:
        call("make it", _raise, APIException(theirs, "their words", None))
    assert caught.value.code == ours


@pytest.mark.parametrize(("code", "kind"), [("uniqueness_error", Taken), ("not_found", Gone), (404, Gone)])
def test_what_a_driver_looks_up_has_a_class_of_its_own(code: int | str, kind: type[TwError]) -> None:
    with pytest.raises(kind):
        call("make it", _raise, APIException(code, "their words", None))


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (requests.ConnectionError("no route"), "cloud-unreachable"),
        (requests.ReadTimeout("silence"), "cloud-unreachable"),
        (HCloudException("anything"), "protocol-fault"),
        (KeyError("server"), "protocol-fault"),
        (TypeError("None"), "protocol-fault"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_of_the_way_has_its_words(exc: Exception, code: str) -> None:
    with pytest.raises(TwError) as caught:
        call("make it", _raise, exc)
    assert caught.value.code == code
