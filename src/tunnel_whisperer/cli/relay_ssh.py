"""``tw relay ssh``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys

from ..daemon.standard_relay import StandardRelay
from ..daemon.stdio import carry_stdio
from ..operations.relay_shell import need_shell, note_visit, shell_words
from ..profile import Config
from .place import add_context_flag, configured, contexts_of

EXAMPLE = "tw relay ssh -- systemctl status caddy"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="to run there (default: a shell)")
    parser.add_argument("--stdio", action="store_true", help=argparse.SUPPRESS)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """A shell at the relay's machine, by the system's own ssh and through the relay: port 22 may be
    shut. ``--stdio`` is the other half of it, for ssh's ProxyCommand."""
    profile, config = configured(args)
    need_shell(profile, config)
    if args.stdio:
        asyncio.run(carry_stdio(StandardRelay(profile, config).open))
        return 0
    with shell_words(contexts_of(args), profile, config) as words:
        note_visit(profile, " ".join(args.command))
        return _wait([*words, *_tail(config, args.command)])


def _tail(config: Config, command: list[str]) -> list[str]:
    """A command that somebody watches gets a terminal, as a shell does: it may ask something."""
    watched = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return [*(["-t"] if command and watched else []), config.relay.domain, *command]


def _wait(command: list[str]) -> int:
    """Run it in our place: Ctrl-C is its business."""
    process = subprocess.Popen(command)  # noqa: S603 - ssh, with words of ours and the command that was asked for
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else 128 - status
