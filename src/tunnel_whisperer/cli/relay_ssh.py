"""``tw relay ssh``."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..daemon.stdio import carry_stdio
from ..profile import Config, Profile
from ..provision.standard.install_script import ADMIN_ACCOUNT
from ..service.plan import program
from .place import add_context_flag, configured, contexts_of

EXAMPLE = "tw relay ssh -- systemctl status caddy"

_MAX_NOTED_CHARS = 200
"""Of a command, in the audit record."""

_NOBODY = "/dev/null" if sys.platform != "win32" else "NUL"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="to run there (default: a shell)")
    parser.add_argument("--stdio", action="store_true", help=argparse.SUPPRESS)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """A shell at the relay's machine, by the system's own ssh and through the relay: port 22 may be
    shut. ``--stdio`` is the other half of it, for ssh's ProxyCommand."""
    profile, config = configured(args)
    need_role(config, "relay", profile, "tw create relay-server")
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"the relay {config.relay.domain} runs on this machine: there is nothing to log in to",
            where=str(profile.directory),
        )
    relay = StandardRelay(profile, config)
    if args.stdio:
        asyncio.run(carry_stdio(relay.open))
        return 0
    ssh = shutil.which("ssh")
    if ssh is None:
        raise Misuse(
            "bad-argument",
            "this needs the program ssh, and there is none here",
            hint="install OpenSSH's client; tw test relay and tw apply work without it",
        )
    note(profile, "machine-visited", command=" ".join(args.command)[:_MAX_NOTED_CHARS])
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        known = Path(folder) / "known_hosts"
        known.write_text("".join(f"{config.relay.domain} {key}\n" for key in relay.host_keys()), "ascii")
        options = _options(profile, known, _other_half(args, profile))
        return _wait([ssh, *options, *_tail(config, args.command)])


def _other_half(args: argparse.Namespace, profile: Profile) -> str:
    """This very command with ``--stdio``, as a shell takes it."""
    contexts = contexts_of(args)
    name = next(each.id for each in contexts.survey(tidy=False)[0] if each.profile == profile)
    where = ("--config-dir", str(contexts.base.absolute()), "--context", name)
    words = [*program(), "relay", "ssh", "--stdio", *where]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _options(profile: Profile, known: Path, other_half: str) -> list[str]:
    """Nothing of the user's own configuration: neither other keys, nor other hosts to believe."""
    values = {
        "ProxyCommand": other_half.replace("%", "%%"),
        "UserKnownHostsFile": f'"{known}"',
        "GlobalKnownHostsFile": _NOBODY,
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": "ssh-ed25519",
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "ServerAliveInterval": "15",
        "LogLevel": "ERROR",
    }
    words = ["-F", "none", "-i", str(profile.private_key), "-l", ADMIN_ACCOUNT]
    return words + [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


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
