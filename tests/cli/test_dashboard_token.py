"""Tokens from the command line."""

from __future__ import annotations

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.api.gate.key_book import KeyBook
from tunnel_whisperer.api.gate.keys import Kind, Scope


@pytest.mark.parametrize(("flags", "scope"), [((), Scope.READ), (("--token-may-all",), Scope.ALL)])
def test_a_token_is_the_whole_answer_and_lets_a_program_in(
    tw: Tw, flags: tuple[str, ...], scope: Scope
) -> None:
    done = tw("dashboard", "--token", "prometheus", *flags)
    assert done.status == 0 and done.out.startswith("tw-token-") and done.out.count("\n") == 1
    assert done.out.strip() not in done.err
    key = KeyBook(tw.directory / "dashboard").find(done.out.strip(), Kind.TOKEN, "127.0.0.1")
    assert key is not None and key.name == "prometheus" and key.scope is scope
    assert key.expires is not None
    assert done.out.strip() not in (tw.directory / "dashboard" / "keys.json").read_text()


def test_what_is_no_name_is_refused(tw: Tw) -> None:
    tw.refused("bad-argument", "dashboard", "--token", "")
    tw.refused("bad-argument", "dashboard", "--token", "x" * 65)
    assert "--token NAME" in tw.refused("bad-argument", "dashboard", "--token-may-all")
