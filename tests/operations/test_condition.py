"""What tw status looks at, in whatever state a machine is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.audit.chain import Chain
from tunnel_whisperer.audit.head import Loss
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.operations.condition import look
from tunnel_whisperer.profile import Contexts, Profile, load_config, running, save_config
from tunnel_whisperer.provision.state import Phase, begin, enter
from tunnel_whisperer.tenancy import (
    UserBook,
    make_relay_identity,
    make_server_identity,
    make_standard_relay_identity,
)

DAY_S = 86_400
ROWS = [{"layer": "relay", "state": "ok", "what": "TCP and TLS", "error": None}]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def _runs(profile: Profile, command: str, **state: Any) -> Iterator[None]:
    """As if a process served it and had written this."""
    with running(profile, command):
        value = {"format": 1, "pid": os.getpid(), "written": time.time(), "health": ROWS, **state}
        (profile.run / "state.json").write_text(json.dumps(value))
        yield


@pytest.fixture
def both(tmp_path: Path) -> Setting:
    return joined(tmp_path)


@pytest.fixture
def relay(both: Setting) -> Profile:
    return both.relay


@pytest.fixture
def server(both: Setting) -> Profile:
    return both.server


@pytest.fixture
def client(server: Profile, tmp_path: Path) -> Profile:
    """A user's identity, of ``server``."""
    user = UserBook(server).create("alice", (Grant.parse("15432:5432"),))
    profile = Profile(tmp_path / "client")
    install_bundle(profile, open_bundle(pack_client(server, user)))
    return profile


def test_a_machine_without_any_identity_is_told_how_to_begin(tmp_path: Path) -> None:
    found = look(Contexts(tmp_path / "none"))
    assert (found.value["context"], found.value["role"], found.value["well"]) == (None, None, None)
    assert found.problems == []
    assert any(step.startswith("tw connect") for step in found.next)
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_each_role_is_told_to_start_when_it_does_not_run(
    server: Profile, relay: Profile, client: Profile
) -> None:
    for directory, role, command in (
        (relay.directory, "relay", "tw relay run"),
        (server.directory, "server", "tw serve"),
        (client.directory, "client", "tw connect"),
    ):
        found = look(Contexts(directory))
        assert (found.value["role"], found.value["running"]) == (role, None)
        assert found.next[0] == command
        assert found.problems == []


def test_a_relay_on_a_machine_of_its_own_is_not_started_here(tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), "relay.test")
    found = look(Contexts(tmp_path))
    assert found.problems == []
    assert (found.value["role"], found.value["relay"], found.value["hosted"]) == ("relay", "relay.test", True)
    enroll = "tw enroll REQUEST, to admit one that asked"  # nobody there answers an invitation
    assert found.next == ["tw create relay-server, to make its machine or go on with it", enroll]
    begin(Profile(tmp_path), "manual", "")
    enter(Profile(tmp_path), Phase.MADE, ("9.9.9.9",))
    assert look(Contexts(tmp_path)).next == [enroll]
    (tmp_path / "relay" / "machine.json").write_text("damaged")
    assert look(Contexts(tmp_path)).next == [enroll]


def test_a_relay_without_servers_is_told_both_ways_to_get_one(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test")
    assert look(Contexts(tmp_path)).next == [
        "tw relay run",
        "tw enroll --invite --name ID, to invite a server",
        "tw enroll REQUEST, to admit one that asked",
    ]


def test_a_server_that_is_not_enrolled_is_told_to_join(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")
    assert look(Contexts(tmp_path)).next == [
        "tw join --apply RESPONSE, with the file that the relay's admin sends back",
        "tw join RELAY, to write the request once more",
    ]


def test_what_the_process_tells_is_joined_with_the_records(server: Profile) -> None:
    profile = server
    book = UserBook(profile)
    for name in ("alice", "bob"):
        book.create(name, (Grant.parse("5432"),))
    book.unregister("bob")
    session = {"user": "alice", "since": 1, "connections": [{"target": "127.0.0.1:5432", "open": 2}]}
    stranger = {"user": "by-hand", "since": 1, "connections": []}
    with _runs(profile, "tw serve", role="server", sessions=[session, stranger]):
        found = look(Contexts(server.directory))
    users = {user["name"]: (user["let_in"], user["online"]) for user in found.value["users"]}
    assert users == {"alice": (True, True), "bob": (False, False), "by-hand": (True, True)}
    assert found.value["running"]["command"] == "tw serve"
    assert found.value["well"] is True
    assert found.next == []


def test_a_relays_servers_are_online_or_not(server: Profile, relay: Profile) -> None:
    assert look(Contexts(relay.directory)).value["servers"][0]["online"] is None
    tenants = [{"server": "plant", "port": 20000, "online": True, "since": 5, "streams": 3}]
    with _runs(relay, "tw relay run", role="relay", tenants=tenants):
        found = look(Contexts(relay.directory))
    assert found.value["servers"] == tenants


def test_a_clients_ports_are_told_before_it_runs_as_well(client: Profile) -> None:
    found = look(Contexts(client.directory))
    assert [(x["address"], x["target"], x["open"]) for x in found.value["ports"]] == [
        ("127.0.0.1:15432", "127.0.0.1:5432", None)
    ]
    port = {"address": "127.0.0.1:9", "target": "127.0.0.1:5432", "open": 1, "opened": 4, "error": None}
    with _runs(client, "tw connect", role="client", ports=[port]):
        assert look(Contexts(client.directory)).value["ports"] == [port]


def test_the_process_itself_tells_what_it_knows_and_not_what_it_wrote(client: Profile) -> None:
    port = {"address": "127.0.0.1:9", "target": "127.0.0.1:5432", "open": 1, "opened": 4, "error": None}
    live = {"role": "client", "health": ROWS, "ports": [port], "config": {"changed": ["proxy"]}}
    with _runs(client, "tw connect", role="client", ports=[]):
        found = look(Contexts(client.directory), lambda: time.time() + 60, live=live)
    assert found.problems == [], "it is not silent: it asks"
    assert found.value["ports"] == [port]
    assert found.value["state"]["pid"] == os.getpid()
    assert found.value["running"]["command"] == "tw connect"
    assert found.value["well"] is True
    assert found.next == ["start tw connect again: config.yaml changed since (proxy)"]


def test_a_process_without_a_lock_of_its_own_runs_all_the_same(server: Profile) -> None:
    live = {"role": "server", "health": ROWS, "sessions": []}
    found = look(Contexts(server.directory), live=live)
    assert found.value["running"]["pid"] == os.getpid()
    assert found.next == ["tw create user NAME -m PORT, to let somebody in"]


def test_another_context_than_the_active_one_can_be_looked_at(relay: Profile) -> None:
    contexts = Contexts(relay.directory)
    first = contexts.survey()[0][0]
    contexts.create("second", activate=True)
    assert look(contexts).value["context"]["name"] == "second"
    with running(relay, "tw relay run"):
        found = look(contexts, context=first)
        assert [x["name"] for x in look(contexts).value["elsewhere"]] == [first.name]
    assert (found.value["context"]["name"], found.value["role"]) == (first.name, "relay")
    assert found.value["elsewhere"] == []


def test_a_layer_that_failed_leads_to_the_test_of_the_way(client: Profile) -> None:
    rows = [{**ROWS[0], "state": "failed", "error": {"code": "dns-failed", "why": "x", "hint": ""}}]
    with _runs(client, "tw connect", role="client", health=rows):
        found = look(Contexts(client.directory))
    assert found.value["well"] is False
    assert found.next[-1].startswith("tw test relay")


def test_a_state_that_was_left_behind_is_not_believed(client: Profile) -> None:
    with _runs(client, "tw connect", role="client"):
        text = (client.run / "state.json").read_text()
    (client.run / "state.json").write_text(text)
    found = look(Contexts(client.directory))
    assert (found.value["running"], found.value["state"], found.value["well"]) == (None, None, None)


@pytest.mark.parametrize("text", [None, "{"])
def test_a_process_that_tells_nothing_hangs_or_has_no_disk(text: str | None, client: Profile) -> None:
    path = client.run / "state.json"
    with running(client, "tw connect"):
        if text is not None:
            path.write_text(text)
        assert look(Contexts(client.directory)).problems == []  # it began just now
        found = look(Contexts(client.directory), lambda: time.time() + 60)
    assert [problem.code for problem in found.problems] == ["timeout"]
    assert "disk" in found.problems[0].hint


def test_a_process_that_has_stopped_telling_is_named_with_the_time(client: Profile) -> None:
    with _runs(client, "tw connect", role="client"):
        found = look(Contexts(client.directory), lambda: time.time() + 60)
    assert "told nothing since" in found.problems[0].why
    assert found.value["well"] is False


def test_a_changed_configuration_asks_for_a_restart(client: Profile) -> None:
    config = {"changed": ["proxy", "log_level"], "error": None}
    with _runs(client, "tw connect", role="client", config=config):
        found = look(Contexts(client.directory))
    assert found.next == ["start tw connect again: config.yaml changed since (proxy, log_level)"]


def test_a_broken_configuration_is_a_problem_and_the_rest_is_told(client: Profile) -> None:
    client.config.write_text("mode: client\nprxy: x\n")
    with _runs(client, "tw connect", role="client"):
        found = look(Contexts(client.directory))
    assert [problem.code for problem in found.problems] == ["bad-config"]
    assert found.value["running"] is not None and found.value["state"] is not None
    assert look(Contexts(client.directory)).next == [], "it cannot be started like this"


def test_a_changed_role_is_a_problem(relay: Profile) -> None:
    profile = relay
    save_config(profile.config, replace(load_config(profile.config), mode="server"))
    codes = [problem.code for problem in look(Contexts(relay.directory)).problems]
    assert codes[0] == "wrong-role"


def test_a_context_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "contexts").mkdir()
    (tmp_path / "contexts" / "current").write_text("abcdef\n")
    found = look(Contexts(tmp_path))
    assert [problem.code for problem in found.problems] == ["not-set-up"]
    assert "tw list contexts" in found.problems[0].hint


def test_what_this_account_may_not_read_is_a_problem_each(
    client: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*args: object, **kwargs: object) -> Any:
        raise PermissionError(13, "Permission denied", str(client.config))

    monkeypatch.setattr(Contexts, "active", denied)
    monkeypatch.setattr(Contexts, "survey", denied)
    found = look(Contexts(client.directory))
    assert {problem.code for problem in found.problems} == {"file-unreadable"}
    assert "account" in found.problems[0].hint
    assert found.value["role"] == "client", "what can be read is told"


def test_a_damaged_record_does_not_hide_the_others(server: Profile) -> None:
    book = UserBook(server)
    for name in ("alice", "bob"):
        book.create(name, (Grant.parse("5432"),))
    (server.directory / "users" / "bob" / "user.json").write_text("{")
    found = look(Contexts(server.directory))
    assert [user["name"] for user in found.value["users"]] == ["alice"]
    assert [problem.code for problem in found.problems] == ["bad-record"]


def test_the_environments_proxy_is_told_with_its_variable(
    client: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.test:3128")
    found = look(Contexts(client.directory))
    assert found.value["proxy"] == {"url": "http://proxy.test:3128", "from": "HTTPS_PROXY"}
    assert "hunter2" not in json.dumps(found.to_json())
    monkeypatch.setenv("HTTPS_PROXY", "gopher://x")
    assert [problem.where for problem in look(Contexts(client.directory)).problems] == ["HTTPS_PROXY"]


def test_a_clients_certificate_that_ends_is_told_in_time(client: Profile) -> None:
    ends = datetime.fromisoformat(look(Contexts(client.directory)).value["certificate_ends"]).timestamp()
    assert not [x for x in look(Contexts(client.directory)).next if "new file" in x]
    soon = look(Contexts(client.directory), lambda: ends - 10 * DAY_S)
    assert "this one works until" in soon.next[0] and soon.problems == []
    late = look(Contexts(client.directory), lambda: ends + DAY_S)
    assert [problem.code for problem in late.problems] == ["bad-certificate"]
    assert "new file" in late.problems[0].hint


def test_a_gap_in_the_audit_record_is_told(server: Profile) -> None:
    now = time.time()
    Chain(server.audit).lose(Loss(3, now, now))
    found = look(Contexts(server.directory))
    assert found.value["audit"]["lost"] == 3
    assert "3 audit records are missing" in found.problems[0].why


def test_the_process_knows_best_of_its_audit_record(server: Profile) -> None:
    profile = server
    told = {"records": 5, "hash": "x", "lost": 7, "lost_since": None, "failing": True}
    row = {"layer": "audit", "state": "failed", "what": "x", "error": {"code": "x", "why": "x", "hint": ""}}
    with _runs(profile, "tw serve", role="server", sessions=[], audit=told, health=[*ROWS, row]):
        found = look(Contexts(server.directory))
    assert found.value["audit"] == told
    assert found.value["well"] is False
    assert not [step for step in found.next if "test relay" in step], "the way is not what failed"


def test_what_root_has_set_up_is_pointed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.operations.condition.SYSTEM_DIRECTORY", tmp_path / "etc")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo" not in " ".join(look(Contexts(tmp_path / "mine")).next)
    (tmp_path / "etc").mkdir()
    assert look(Contexts(tmp_path / "mine")).next[-1].startswith("sudo tw status")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "sudo" not in " ".join(look(Contexts(tmp_path / "mine")).next)


def test_another_context_that_runs_is_told(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test")
    contexts = Contexts(tmp_path)
    contexts.create("second", activate=True)
    with running(Profile(tmp_path), "tw relay run"):
        found = look(contexts)
    assert [(x["name"], x["command"]) for x in found.value["elsewhere"]] == [("relay.test", "tw relay run")]
    assert found.value["context"]["name"] == "second"
