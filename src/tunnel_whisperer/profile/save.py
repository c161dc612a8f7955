"""Writing config.yaml so that a person can read and edit it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from ..base.errors import Broken
from .files import write_file
from .load import parse_config
from .schema import Config, Many, Pairs, Section, declared

__all__ = ["format_config", "save_config"]

_HEAD = "# Tunnel Whisperer, written by tw. You may edit this file; docs/reference/config.md explains it.\n"


def save_config(path: Path, config: Config) -> None:
    """Replace the file; a reader sees the old or the new one.

    Raises:
        Misuse: ``state-not-written``; ``bad-config`` when a value would not be read back.
    """
    write_file(path, format_config(config))


def format_config(config: Config) -> str:
    """The text of the file: the sections that the mode uses, and any other that has a value.

    Raises:
        Misuse: ``bad-config`` when a value would not be read back.
    """
    # Code may set a value in any spelling; the file has the canonical one.
    canonical = parse_config(_dump(config).encode())
    text = _dump(canonical)
    if parse_config(text.encode()) != canonical:
        raise Broken("internal", "the configuration does not survive being written")
    return text


def _dump(config: Config) -> str:
    body = yaml.dump(
        _plain(config, config.mode), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return f"{_HEAD}{body}"


class _Dumper(yaml.SafeDumper):
    pass


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _plain(group: Any, mode: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for row in declared(type(group)):
        value = getattr(group, row.name)
        match row.shape:
            case Section(cls=cls, modes=modes):
                if mode in modes or value != cls():
                    result[row.name] = _plain(value, mode)
            case Many():
                if value:
                    result[row.name] = [_plain(entry, mode) for entry in value]
            case Pairs():
                if value:
                    result[row.name] = dict(value)
            case _:
                # A default of "not set" is not written; any other is, so that a person sees it.
                if value != row.default or row.default:
                    result[row.name] = str(value) if isinstance(value, uuid.UUID) else value
    return {"version": result.pop("version"), **result} if "version" in result else result
