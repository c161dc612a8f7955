"""Writes flags.py, from which shells complete: so that a press of TAB imports no command.

Only docs/generate.py and the tests import this.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from ..profile import settable_fields
from .main import build_parser
from .table import COMMANDS, CommandEntry

__all__ = ["FLAGS", "render_flags"]

FLAGS = Path(__file__).with_name("flags.py")

_HEAD = '''"""Arguments of each command as data; written by docs/generate.py: change the command, then run make docs.

An argument is its name (empty for one by position), its kind and its help. Kinds: ``flag`` has no
value; ``file``, ``dir``, ``user``, ``app``, ``server``, ``context``, ``field`` and its ``value`` have one
of these; ``=a|b`` one of these words; ``text`` any. A ``*`` behind the kind: as many as one likes.
"""

# fmt: off

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ARGUMENTS", "EVERYWHERE", "FIELDS", "Argument"]

Argument = tuple[str, str, str]
'''

_NAMED = {
    ("apply",): "user",
    ("unregister",): "user",
    ("use",): "context",
    ("unenroll",): "server",
}
_NEW = ("create",)
"""What is named there is not there yet."""
_NOUNS = ("user", "app", "context")
_OPTIONS = {
    "--from": "user",
    "--app": "app",
    "--user": "user",
    "--context": "context",
    "--config-dir": "dir",
}
_FILE_WORDS = ("FILE", "REQUEST", "RESPONSE", "BUNDLE")


def render_flags() -> str:
    """The text of cli/flags.py."""
    everywhere = {name for name, _, _ in _own(build_parser(COMMANDS[0], _Bare), COMMANDS[0])}
    lines = [_HEAD, "EVERYWHERE: tuple[Argument, ...] = ("]
    lines += [f"    {_tuple(x)}," for x in _own(build_parser(COMMANDS[0], _Bare), COMMANDS[0])]
    lines += [")", "", "ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {"]
    for entry in COMMANDS:
        parser = build_parser(entry, importlib.import_module(f".{entry.module}", __package__))
        own = [x for x in _own(parser, entry) if x[0] not in everywhere or not x[0]]
        lines += [f"    {_quoted(' '.join(entry.words))}: ("]
        lines += [f"        {_tuple(x)}," for x in own]
        lines += ["    ),"]
    lines += ["}", "", "FIELDS: Mapping[str, str] = {"]
    for name, row in settable_fields().items():
        if row.fixed is None and not row.reserved_for:
            words = getattr(row.shape, "words", ())
            lines += [f"    {_quoted(name)}: {_quoted('|'.join(words))},"]
    lines += ["}", '"""Those of ``tw config set``, and the words that each may be."""', ""]
    return "\n".join(lines)


class _Bare:
    EXAMPLE = ""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Nothing of its own."""


def _own(parser: argparse.ArgumentParser, entry: CommandEntry) -> list[tuple[str, str, str]]:
    found = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:  # for programs alone
            continue
        help_text = (action.help or "").partition("\n")[0]
        names = [name for name in action.option_strings or [""] if name != "-h"]
        found += [(name, _kind(action, name, entry.words), help_text) for name in names]
    return found


def _kind(action: argparse.Action, name: str, words: tuple[str, ...]) -> str:
    if action.option_strings and action.nargs == 0:
        return "flag"
    many = "*" if action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction) else ""
    if action.choices is not None:
        return f"={'|'.join(map(str, action.choices))}{many}"
    metavar = str(action.metavar or action.dest).upper()
    if name in _OPTIONS:
        return _OPTIONS[name] + many
    if any(word in metavar for word in _FILE_WORDS):
        return f"file{many}"
    if words == ("config", "set") and not name:
        return f"{'value' if action.dest == 'value' else 'field'}{many}"
    if words[0] == "rename" and action.dest == "name":
        return "text"
    if not name and action.dest in (
        "name",
        "names",
        "user",
        "users",
        "context",
        "app",
        "server",
        "server_id",
        "old",
    ):
        return _thing(words) + many
    return f"text{many}"


def _thing(words: tuple[str, ...]) -> str:
    if words in _NAMED:
        return _NAMED[words]
    return words[-1] if words[0] not in _NEW and words[-1] in _NOUNS else "text"


def _tuple(argument: tuple[str, str, str]) -> str:
    return f"({', '.join(map(_quoted, argument))})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
