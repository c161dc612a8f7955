"""What is told of a context."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.operations.context_about import about, context_rows, still_served
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    Context,
    Contexts,
    Profile,
    RelayConfig,
    XrayConfig,
    running,
    save_config,
)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("base", "plant", Profile(tmp_path))


@pytest.mark.parametrize(
    ("config", "said", "elsewhere"),
    [
        (Config(mode="relay", relay=RelayConfig(domain="r.test")), "the relay r.test", False),
        (
            Config(mode="relay", relay=RelayConfig(kind="standard", domain="r.test")),
            "the admin of the relay r.test",
            True,
        ),
        (Config(mode="server"), "a server without a relay yet", False),
        (Config(mode="server", xray=XrayConfig(relay_host="r.test")), "a server of r.test", False),
        (
            Config(mode="client", client=ClientConfig(), xray=XrayConfig(relay_host="r.test")),
            "a client of r.test",
            False,
        ),
    ],
)
def test_each_role_is_told(context: Context, config: Config, said: str, elsewhere: bool) -> None:
    save_config(context.profile.config, config)
    known = about(context)
    assert (str(known), known.elsewhere) == (said, elsewhere)


def test_an_empty_one_has_no_role_yet(context: Context) -> None:
    assert str(about(context)) == "no role yet"


def test_a_damaged_one_says_so(context: Context) -> None:
    context.profile.config.write_text("mode: sailor\n")
    known = about(context)
    assert known.fault is not None
    assert (known.role, str(known)) == ("", "config.yaml cannot be read")


def test_all_are_listed_with_who_serves_them_and_what_is_wrong(tmp_path: Path) -> None:
    server = joined(tmp_path).server
    contexts = Contexts(server.directory)
    second = contexts.create("second", activate=True)
    second.profile.config.write_text("mode: sailor\n")
    with running(server, "tw serve"):
        rows, faults = context_rows(contexts)
    assert [(row.context.name, row.active, row.about.role) for row in rows] == [
        ("plant", False, "server"),
        ("second", True, ""),
    ]
    assert [fault.code for fault in faults] == ["bad-config"]
    first, other = (row.to_json() for row in rows)
    json.dumps([first, other])
    assert first["running"]["command"] == "tw serve"
    assert (first["id"], first["relay"], first["fault"]) == ("base", "relay.example", None)
    assert other["running"] is other["role"] is None
    assert other["fault"].startswith("tw: bad-config: ")


def test_an_active_one_that_is_gone_is_a_fault_of_the_list(tmp_path: Path) -> None:
    contexts = Contexts(joined(tmp_path).server.directory)
    contexts.create("second", activate=True)
    (contexts.base / "contexts" / "current").write_text("abcdef\n")
    rows, faults = context_rows(contexts)
    assert [row.active for row in rows] == [False, False]
    assert [fault.code for fault in faults] == ["not-set-up"]


def test_who_still_serves_the_one_of_before_is_known(context: Context, tmp_path: Path) -> None:
    other = Context("abcdef", "lab", Profile(tmp_path / "other"))
    assert still_served(None, other) is still_served(context, other) is None
    with running(context.profile, "tw serve"):
        assert still_served(context, context) is None
        who = still_served(context, other)
    assert who is not None
    assert who.command == "tw serve"
