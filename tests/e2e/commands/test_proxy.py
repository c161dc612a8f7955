from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_it_is_told_who_names_the_proxy(site: Site, machine: MachineFactory) -> None:
    assert "directly" in site.server.ok("proxy")
    done = machine("new").tw("proxy", HTTPS_PROXY="http://me:hunter2@proxy.test:3128")
    assert done.out.startswith("http://proxy.test:3128") and "HTTPS_PROXY" in done.out
    assert "hunter2" not in done.out + done.err
    assert json.loads(site.server.ok("proxy", "--json"))["proxy"] is None
