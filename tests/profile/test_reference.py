"""The reference page tells every field, and nothing that is not one."""

from __future__ import annotations

import re

from tunnel_whisperer.profile import Config, render_reference
from tunnel_whisperer.profile.schema import Many, Section, declared

ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.M)


def _names() -> list[str]:
    found = [row.name for row in declared(Config) if not isinstance(row.shape, Section)]
    for row in declared(Config):
        if isinstance(row.shape, Section):
            for entry in declared(row.shape.cls):
                found.append(f"{row.name}.{entry.name}")
                if isinstance(entry.shape, Many):
                    found += [f"{row.name}.{entry.name}[].{x.name}" for x in declared(entry.shape.cls)]
    return found


def test_every_field_has_one_row_in_the_order_of_the_file() -> None:
    assert [row[0] for row in ROW.findall(render_reference())] == _names()


def test_every_line_of_a_table_is_a_row() -> None:
    """No text breaks its table: four cells each, none empty."""
    lines = [line for line in render_reference().splitlines() if line.startswith("| `")]
    assert len(lines) == len(ROW.findall(render_reference()))


def test_a_row_tells_kind_default_and_meaning() -> None:
    rows = {name: rest for name, *rest in ROW.findall(render_reference())}
    assert rows["xray.relay_port"] == ["a whole number from 1 to 65535", "`443`", "TCP port of the relay"]
    assert rows["mode"][1] == "must be given"
    assert rows["relay.behind_proxy"][1] == "`false`"
    assert rows["xray.uuid"][1] == "none"
    assert rows["client.tunnels[].local_port"][1] == "must be given"


def test_a_field_without_effect_says_so() -> None:
    rows = {name: rest for name, *rest in ROW.findall(render_reference())}
    reserved = {name for name, rest in rows.items() if rest[2].endswith("has no effect yet")}
    assert "server.ssh_port" in reserved
    assert "xray.transport" not in reserved


def test_the_modes_of_a_group_and_of_a_field_that_differs_are_told() -> None:
    text = render_reference()
    assert "A server's own part (mode server).\n" in text
    assert "user at the server's SSH (mode client, server)" in text
