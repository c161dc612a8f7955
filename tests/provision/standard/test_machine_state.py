"""What a machine says of itself, and what has to be done about it."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from tests.provision.standard.sites import site, tenant
from tunnel_whisperer.base.errors import PeerFault
from tunnel_whisperer.provision.standard import Layout, files
from tunnel_whisperer.provision.standard.machine_state import (
    MachineState,
    difference,
    parse_state,
    state_script,
)

SITE = site()
RIGHT = MachineState(
    {file.path: file.digest for file in files(SITE)},
    {each.tag: frozenset((each.server_mark, "plant/somebody")) for each in SITE.tenants},
    {"caddy": "active", "xray": "active", "ssh": "active"},
)


def test_a_machine_as_it_should_be_needs_nothing() -> None:
    assert not difference(SITE, RIGHT) and difference(SITE, RIGHT).in_words() == []


def test_an_empty_machine_needs_everything() -> None:
    found = difference(SITE, MachineState())
    assert found.write == files(SITE) and found.add_inbounds == ("slot-20000", "slot-20001")
    assert not found.remove_inbounds


def test_a_file_that_differs_is_written_and_a_foreign_ca_removed() -> None:
    paths = RIGHT.files | {SITE.layout.caddyfile: "0" * 64, "/etc/caddy/tenants/x.crt": "1" * 64}
    found = difference(SITE, replace(RIGHT, files=paths))
    assert [file.path for file in found.write] == [SITE.layout.caddyfile]
    assert found.remove == ("/etc/caddy/tenants/x.crt",)


def test_users_are_the_servers_own_business() -> None:
    users = RIGHT.users | {"slot-20000": frozenset(("plant/server", "plant/a", "plant/b"))}
    assert not difference(SITE, replace(RIGHT, users=users))


def test_a_door_that_its_server_cannot_use_is_made_anew() -> None:
    users = RIGHT.users | {"slot-20000": frozenset(("plant/a",))}
    found = difference(SITE, replace(RIGHT, users=users))
    assert found.add_inbounds == found.remove_inbounds == ("slot-20000",)


def test_a_slot_that_has_gone_to_another_server_is_made_anew() -> None:
    users = RIGHT.users | {"slot-20000": frozenset(("gone/server",))}
    found = difference(SITE, replace(RIGHT, users=users))
    assert found.add_inbounds == found.remove_inbounds == ("slot-20000",)


def test_a_door_of_nobody_is_shut() -> None:
    users = RIGHT.users | {"slot-20002": frozenset(("gone/server",))}
    assert difference(SITE, replace(RIGHT, users=users)).remove_inbounds == ("slot-20002",)


def test_a_service_that_does_not_run_is_named() -> None:
    found = difference(SITE, replace(RIGHT, services={"caddy": "failed", "xray": "active", "ssh": "active"}))
    assert found.in_words() == ["caddy does not run"]


def test_the_answer_is_read() -> None:
    text = "file ab /etc/x y\nservice caddy active\ninbound slot-20000\nuser slot-20000 plant/server\nend"
    state = parse_state(text)
    assert state == MachineState(
        {"/etc/x y": "ab"}, {"slot-20000": frozenset({"plant/server"})}, {"caddy": "active"}
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file ab /etc/x",
        "Sorry, try again.\nend",
        "file ab\nend",
        "inbound\nend",
        "end\nfile ab /x",
        "service caddy\nend",
        "file ab /etc/\x1b[2J\nend",
        100_001 * "inbound slot-1\n" + "end",
    ],
)
def test_another_answer_is_refused(text: str) -> None:
    with pytest.raises(PeerFault) as caught:
        parse_state(text)
    assert caught.value.code == "bad-answer"


def test_the_script_is_one_and_quotes_what_it_is_given() -> None:
    script = state_script(Layout(tenant_cas="/etc/it's here"))
    done = subprocess.run(("sh", "-n"), input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tenant("plant", 0).ca_pem not in script
