"""``import tunnel_whisperer``: what it offers to programs, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tunnel_whisperer
from tunnel_whisperer.base import errors

HEAVY = ("argparse", "asyncio", "asyncssh", "cryptography", "logging", "ssl", "uvloop", "yaml")


def _imported(code: str) -> set[str]:
    """The packages of ``HEAVY`` that a fresh interpreter has imported after ``code``."""
    code += f"\nimport sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_import_alone_imports_nothing_heavy() -> None:
    assert _imported("import tunnel_whisperer as tw; tw.Misuse, tw.Unreachable, dir(tw)") == set()


def test_the_first_use_imports_what_it_needs() -> None:
    assert {"asyncio", "asyncssh"} <= _imported("import tunnel_whisperer as tw; tw.connect")


def test_help_imports_nothing_that_connects() -> None:
    code = "from tunnel_whisperer.cli.main import main; main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert loaded.isdisjoint({"asyncio", "asyncssh", "cryptography", "http", "ssl", "uvloop", "yaml"})


@pytest.mark.parametrize("name", tunnel_whisperer.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    thing = getattr(tunnel_whisperer, name)
    assert thing.__name__ == name
    assert thing.__doc__
    assert name in dir(tunnel_whisperer)


def test_every_kind_of_error_can_be_caught_by_name() -> None:
    kinds = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert kinds - {"Retry"} <= set(tunnel_whisperer.__all__)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tunnel_whisperer.nonsense  # type: ignore[attr-defined] # noqa: B018
