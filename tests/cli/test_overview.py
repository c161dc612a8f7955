"""tw --help, which is all that an administrator has to read."""

from __future__ import annotations

import re

from tunnel_whisperer.cli.overview import GROUPS, overview
from tunnel_whisperer.cli.table import COMMANDS, find


def test_every_command_is_there_once_on_a_line_that_fits() -> None:
    lines = overview().splitlines()
    assert max(map(len, lines)) <= 80
    for entry in COMMANDS:
        name = " ".join(entry.words)
        assert sum(bool(re.match(rf"  {re.escape(name)}   *\S", line)) for line in lines) == 1, name
        assert entry.summary.split()[0] in " ".join(lines)


def test_groups_name_commands_that_there_are_and_each_once() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert len(set(names)) == len(names)
    assert [name for name in names if find(name.split()) is None] == []


def test_the_way_to_a_first_tunnel_is_made_of_commands_that_there_are() -> None:
    told = re.findall(r"\btw ([a-z][a-z -]*)", overview().partition("from nothing to a tunnel:")[2])
    steps = [words for text in told if (words := text.split()) and words[0] != "COMMAND"]
    assert len(steps) >= 6
    assert [words for words in steps if find(words) is None] == []
