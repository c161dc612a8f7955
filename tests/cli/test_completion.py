"""tw completion: the scripts. That the shells like them is tested in tests/e2e/commands."""

from __future__ import annotations

import re

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.cli.completion_scripts import PLACES, SCRIPTS


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_a_script_asks_tw_and_evaluates_nothing(shell: str, tw: Tw) -> None:
    script = tw.ok("completion", shell)
    assert script == SCRIPTS[shell]
    assert "tw --complete" in script or "--complete @typed" in script
    assert not re.search(r"\beval\b|compgen -W|Invoke-Expression|iex ", script)
    assert shell in PLACES


def test_another_shell_is_refused_with_those_that_there_are(tw: Tw) -> None:
    assert "bash" in tw.refused("bad-argument", "completion", "tcsh")
    tw.refused("bad-argument", "completion")
