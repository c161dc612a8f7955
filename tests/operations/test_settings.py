"""config.yaml, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.settings import change_fields, change_settings
from tunnel_whisperer.profile import Config, Profile, load_config, running


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    return joined(tmp_path).server


@pytest.fixture
def relay(tmp_path: Path) -> Profile:
    return joined(tmp_path).relay


def _level(level: str) -> Callable[[Config], Config]:
    return lambda config: replace(config, log_level=level)


def test_what_is_changed_is_kept_and_noted(server: Profile) -> None:
    done = change_settings(server, _level("debug"))
    assert (done.before.log_level, done.after.log_level) == ("info", "debug")
    assert done.changed == ("log_level",)
    assert load_config(server.config) == done.after
    record = "".join(path.read_text() for path in server.audit.glob("*.jsonl"))
    assert record.count('"log_level"') == 1
    again = change_settings(server, _level("debug"))
    assert (again.changed, again.before) == ((), again.after)
    assert "".join(path.read_text() for path in server.audit.glob("*.jsonl")) == record


def test_a_process_that_has_to_be_started_again_is_named(server: Profile) -> None:
    with running(server, "tw serve"):
        done = change_settings(server, _level("debug"))
        assert done.restart is not None
        assert done.restart.command == "tw serve"
        assert change_settings(server, _level("debug")).restart is None, "nothing changed"
    assert change_settings(server, _level("info")).restart is None, "nothing runs"


def test_what_is_refused_leaves_the_file_as_it_is(relay: Profile) -> None:
    before = relay.config.read_bytes()
    with pytest.raises(Misuse, match="on this machine alone"):
        change_fields(relay, [("log_level", "debug"), ("relay.behind_proxy", "true")])
    with pytest.raises(Misuse) as caught:
        change_settings(relay, _level("debug"), role="client")
    assert caught.value.code == "wrong-role"
    assert relay.config.read_bytes() == before


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        change_settings(Profile(tmp_path / "new"), _level("debug"))
    assert caught.value.code == "not-set-up"
    assert not (tmp_path / "new").exists()


def test_fields_are_changed_together_by_their_names(server: Profile) -> None:
    done = change_fields(server, [("log_level", "debug"), ("xray.http", "1.1")])
    assert done.changed == ("log_level", "xray.http")
    with pytest.raises(Misuse, match="is not one of auto"):
        change_fields(server, [("log_level", "error"), ("xray.http", "3")])
    assert load_config(server.config) == done.after
    assert change_fields(server, [("log_level", ""), ("xray.http", "")]).after == done.before


def test_a_file_is_named_by_its_whole_path(relay: Profile) -> None:
    with pytest.raises(Misuse, match="is not the whole path") as caught:
        change_fields(relay, [("relay.cert", "relay.pem"), ("relay.key", "relay.key")])
    assert caught.value.where == "relay.cert"
    pair = [("relay.cert", str(relay.relay_cert)), ("relay.key", str(relay.relay_key))]
    assert change_fields(relay, pair).after.relay.cert == str(relay.relay_cert)
    assert change_fields(relay, [("relay.cert", ""), ("relay.key", "")]).after.relay.cert == ""
