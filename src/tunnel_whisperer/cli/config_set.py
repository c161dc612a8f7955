"""``tw config set``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..base.errors import Misuse
from ..base.redact import redact
from ..profile import Config, change_field
from .settings import change_settings

EXAMPLE = "tw config set xray.transport packet-up"

_FILES = ("relay.cert", "relay.key")
"""Named from wherever one is; a relay is started from anywhere."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "key", metavar="KEY", help="field of config.yaml, as tw config view --json names it: xray.http"
    )
    parser.add_argument("value", metavar="VALUE", help="what it is to be; '' for its default")
    parser.add_argument(
        "more",
        nargs="*",
        default=[],
        metavar="KEY VALUE",
        help="further pairs, all of them taken over together",
    )


def run(args: argparse.Namespace) -> int:
    """Change one field or several."""
    pairs = _pairs([args.key, args.value, *args.more])

    def change(config: Config) -> Config:
        for name, text in pairs:
            config = change_field(
                config, name, str(Path(text).resolve()) if text and name in _FILES else text
            )
        return config

    before, after = change_settings(args, change)
    values = {name: value for name, _, _, value in after.fields()}
    for name in dict(pairs):
        print(f"{name}: {_shown(values[name])}{'' if after != before else ' (as it was)'}")
    return 0


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value)) or "not set"


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    if len(words) % 2:
        raise Misuse("bad-argument", f"{words[-1][:70]!r} has no value behind it", hint=EXAMPLE)
    return list(zip(words[::2], words[1::2], strict=True))
