"""``tw config set``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..base.errors import Misuse
from ..base.redact import redact
from ..operations.settings import FILE_FIELDS, change_fields
from .place import configured
from .settings import tell_running

EXAMPLE = "tw config set xray.transport packet-up"


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
    profile, _ = configured(args)
    done = change_fields(profile, [(name, _located(name, text)) for name, text in pairs])
    tell_running(done)
    before, after = done.before, done.after
    values = {name: value for name, _, _, value in after.fields()}
    for name in dict(pairs):
        print(f"{name}: {_shown(values[name])}{'' if after != before else ' (as it was)'}")
    return 0


def _located(name: str, text: str) -> str:
    """A file is named from wherever one is."""
    return str(Path(text).resolve()) if text and name in FILE_FIELDS else text


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value)) or "not set"


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    if len(words) % 2:
        raise Misuse("bad-argument", f"{words[-1][:70]!r} has no value behind it", hint=EXAMPLE)
    return list(zip(words[::2], words[1::2], strict=True))
