"""A shell at a standard relay's machine, by the system's own ssh and through the relay: port 22 may be shut.

Nothing of the user's own configuration counts: neither other keys, nor other hosts to believe. The way
is ssh's ProxyCommand, which is ``tw relay ssh --stdio`` for the same identity.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Contexts, Profile
from ..provision.standard.install_script import ADMIN_ACCOUNT
from ..service.plan import program

__all__ = ["need_shell", "note_visit", "shell_words"]

_MAX_NOTED_CHARS = 200
"""Of a command, in the audit record."""

_NOBODY = "/dev/null" if sys.platform != "win32" else "NUL"


def need_shell(profile: Profile, config: Config) -> None:
    """Refuse where there is no machine to log in to.

    Raises:
        Misuse: ``wrong-role``.
    """
    need_role(config, "relay", profile, "tw create relay-server")
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"the relay {config.relay.domain} runs on this machine: there is nothing to log in to",
            where=str(profile.directory),
        )


def note_visit(profile: Profile, command: str) -> None:
    """In the audit record, before the visit.

    Args:
        command: that is run there; empty for a shell.
    """
    note(profile, "machine-visited", command=command[:_MAX_NOTED_CHARS])


@contextmanager
def shell_words(contexts: Contexts, profile: Profile, config: Config) -> Iterator[list[str]]:
    """The words that start ssh, without the host; good as long as the block lasts.

    Raises:
        Misuse: ``wrong-role``; ``bad-argument`` where no ssh is installed.
    """
    need_shell(profile, config)
    ssh = shutil.which("ssh")
    if ssh is None:
        raise Misuse(
            "bad-argument",
            "this needs the program ssh, and there is none here",
            hint="install OpenSSH's client; tw test relay and tw apply work without it",
        )
    relay = StandardRelay(profile, config)
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        known = Path(folder) / "known_hosts"
        known.write_text("".join(f"{config.relay.domain} {key}\n" for key in relay.host_keys()), "ascii")
        yield [ssh, *_options(profile, known, _other_half(contexts, profile))]


def _other_half(contexts: Contexts, profile: Profile) -> str:
    """``tw relay ssh --stdio``, as a shell takes it."""
    name = next(each.id for each in contexts.survey(tidy=False)[0] if each.profile == profile)
    where = ("--config-dir", str(contexts.base.absolute()), "--context", name)
    words = [*program(), "relay", "ssh", "--stdio", *where]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _options(profile: Profile, known: Path, other_half: str) -> list[str]:
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
