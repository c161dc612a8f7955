from __future__ import annotations

import pytest

from tunnel_whisperer.base.services import ABOUT, CLAIM, JOIN, is_service
from tunnel_whisperer.base.values import HostPort


@pytest.mark.parametrize(
    "target", [ABOUT, CLAIM, JOIN, HostPort("later.tw.invalid", 7), HostPort("tw.invalid", 1)]
)
def test_reserved_names_are_never_targets(target: HostPort) -> None:
    assert is_service(target)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "xtw.invalid", "tw.invalid.example", "invalid", "about"]
)
def test_other_names_are_targets_as_any(host: str) -> None:
    assert not is_service(HostPort(host, 1))
