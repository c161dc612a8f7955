"""How a machine's condition is told at a terminal."""

from __future__ import annotations

from typing import Any

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.condition_text import describe
from tunnel_whisperer.operations.condition import Condition

NOW = 1_800_000_000.0


def _value(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "context": {"id": "abc123", "name": "plant"},
        "directory": "/etc/tw/config/contexts/abc123",
        "role": "server",
        "relay": "relay.test:443",
        "hosted": False,
        "running": {"pid": 4711, "command": "tw serve", "since": NOW - 60},
        "proxy": {"url": "http://proxy.test:3128", "from": "HTTPS_PROXY"},
        "users": None,
        "servers": None,
        "ports": None,
        "audit": None,
        "elsewhere": [],
    }
    rows = [
        {"layer": "relay", "state": "ok", "what": "TCP and TLS to relay.test:443", "error": None},
        {
            "layer": "tunnel",
            "state": "failed",
            "what": "a stream through the relay",
            "error": {"code": "relay-refused", "why": "it says no " * 12, "hint": "ask its admin"},
        },
        {"layer": "session", "state": "waiting", "what": "SSH with the relay", "error": None},
    ]
    value["state"] = {"health": rows, "session": {"retry_at": NOW + 8}}
    return {**value, **changes}


def _text(found: Condition, width: int = 80) -> str:
    return "\n".join(describe(found, width, NOW))


def test_each_layer_is_told_in_words_with_the_reason_and_what_to_try() -> None:
    text = _text(Condition(_value()))
    assert "plant (abc123): a server" in text
    assert "relay.test:443, through http://proxy.test:3128 (as HTTPS_PROXY says)" in text
    assert "tw serve, process 4711, since" in text
    assert "FAILED" in text and "relay-refused: it says no" in text and "try: ask its admin" in text
    assert "trying again in 8 s" in text


def test_what_runs_is_told_with_the_proxy_that_it_uses() -> None:
    value = _value()
    value["state"] |= {"relay": "old.test:443", "proxy": None}
    assert "old.test:443, dialled directly" in _text(Condition(value))


def test_no_line_is_longer_than_the_terminal_is_wide() -> None:
    users = [
        {
            "name": "a-name-of-some-length",
            "let_in": True,
            "online": True,
            "sessions": [
                {
                    "since": NOW,
                    "connections": [{"target": f"10.0.0.{x}:5432", "open": x} for x in range(1, 12)],
                }
            ],
        }
    ]
    found = Condition(_value(users=users), [Misuse("timeout", "a long story " * 20)], ["do this " * 30])
    for width in (80, 60, 40):
        assert max(map(len, describe(found, width, NOW))) <= width


def test_many_are_counted_and_not_all_listed() -> None:
    servers = [
        {"server": f"s{x}", "port": 20000 + x, "online": True, "since": NOW, "streams": x} for x in range(500)
    ]
    text = _text(Condition(_value(role="relay", relay=None, servers=servers)))
    assert "500 of 500 connected" in text
    assert "and 480 more: tw list servers" in text
    assert "no client, port 20000" in text and "1 client stream, port" in text and "2 client streams" in text
    assert len(text.splitlines()) < 45


def test_users_who_are_there_are_listed_and_those_who_are_kept_out() -> None:
    users = [
        {"name": "alice", "let_in": True, "online": True, "sessions": [{"since": NOW, "connections": []}]},
        {"name": "bob", "let_in": True, "online": False, "sessions": []},
        {"name": "carol", "let_in": False, "online": False, "sessions": []},
    ]
    text = _text(Condition(_value(users=users)))
    assert "1 of 3 connected" in text
    assert "alice" in text and "nothing open" in text
    assert "bob" not in text
    assert "not let in" in text
    for user in users:
        user["online"] = None
    text = _text(Condition(_value(users=users, running=None, state=None)))
    assert "nobody can be connected" in text
    assert "none yet" in _text(Condition(_value(users=[])))


def test_a_port_that_is_closed_or_failed_says_so() -> None:
    error = {"code": "target-refused", "why": "refused", "hint": ""}
    ports = [
        {"address": "127.0.0.1:1", "target": "127.0.0.1:2", "open": None, "opened": None, "error": None},
        {"address": "127.0.0.1:3", "target": "127.0.0.1:4", "open": 2, "opened": 9, "error": error},
    ]
    text = _text(Condition(_value(role="client", ports=ports)))
    assert "-> 127.0.0.1:2  closed" in text
    assert "-> 127.0.0.1:4  2 open, 9 so far" in text
    assert "the last one failed: target-refused: refused" in text


def test_nothing_that_is_told_can_steer_the_terminal_or_give_a_secret_away() -> None:
    found = Condition(_value(), [Misuse("timeout", "http://me:hunter2@x \x1b[31mred")], [])
    text = _text(found)
    assert "\x1b" not in text
    assert "hunter2" not in text


def test_a_machine_without_an_identity_and_one_that_does_not_run() -> None:
    empty = _value(context=None, role=None, relay=None, running=None, state=None, proxy=None)
    text = _text(Condition(empty, [], ["tw demo"]))
    assert text.splitlines()[0].startswith("context   none yet")
    assert text.splitlines()[-1] == "next      tw demo"
    stopped = _value(running=None, state=None, proxy=None)
    assert "running   no" in _text(Condition(stopped))
    assert "dialled directly" in _text(Condition(stopped))


def test_a_context_without_a_role_is_told_from_one_that_cannot_be_read() -> None:
    fresh = _value(role=None, relay=None, running=None, state=None, proxy=None, well=None)
    assert "no role yet" in _text(Condition(fresh))
    assert "role unknown" in _text(Condition({**fresh, "well": False}))


def test_a_relay_on_a_machine_of_its_own_is_not_told_to_run_here() -> None:
    servers = [{"server": "plant", "port": 20000, "online": None, "since": None, "streams": 0}]
    value = _value(role="relay", relay="relay.test", hosted=True, running=None, state=None, proxy=None)
    text = _text(Condition({**value, "servers": servers}))
    assert "on a machine of its own" in text
    assert "servers   1\n" in text + "\n"
    assert "does not run" not in text


def test_what_else_runs_here_is_named() -> None:
    other = {"id": "base", "name": "old", "command": "tw connect", "pid": 12}
    assert "tw connect, process 12, serves old (base)" in _text(Condition(_value(elsewhere=[other])))
