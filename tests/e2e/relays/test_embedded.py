"""The contract of a relay, by the embedded one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.relays.contract import *  # noqa: F403 - its tests
from tests.e2e.relays.contract import made, marks
from tests.e2e.relays.relays import World

pytestmark = [*marks, pytest.mark.xdist_group("relay-embedded")]  # one machine for all


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from made("embedded", tmp_path_factory.mktemp("embedded"))
