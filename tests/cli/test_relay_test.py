from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.doctor import Report, State, Step, Tell
from tunnel_whisperer.operations import relay_testing


def _report(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    async def told(profile: object, config: object, tell: Tell) -> Report:
        for step in report.steps:
            tell(step)
        return report

    monkeypatch.setattr(relay_testing, "try_relay", told)


def test_a_free_way_is_a_success(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    _report(monkeypatch, Report((Step("dns", State.OK, "found", 1.0),)))
    assert server.ok("test", "relay").splitlines()[-1] == "all is well"
    _report(monkeypatch, Report((Step("http", State.NOTE, "HTTP/1.1", 1.0, hint="slower"),)))
    assert server.ok("test", "relay").splitlines()[-1] == "it works; see the notes"


def test_the_step_that_failed_is_the_commands_error(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    error = Unreachable("timeout", "no answer", where="relay.test:443", hint="open the port")
    _report(
        monkeypatch, Report((Step("tcp", State.FAILED, "no answer", 9.0, "timeout", "open the port"),), error)
    )
    done = server("test", "relay")
    assert (done.status, done.err) == (4, "tw: timeout: relay.test:443: no answer (try: open the port)\n")
    assert done.out.startswith("failed  tcp")
    assert "well" not in done.out


def test_json_says_the_same(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    _report(monkeypatch, Report((), Unreachable("timeout", "no answer")))
    done = server("test", "relay", "--json")
    value = json.loads(done.out)
    assert (value["role"], value["relay"], value["ok"], done.status) == ("server", "relay.test", False, 4)


def test_without_an_identity_there_is_nothing_to_test(tw: Tw) -> None:
    tw.refused("not-set-up", "test", "relay")
