"""``tw --help``: every command, by who needs it, and the way from nothing to a first tunnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from .table import COMMANDS, CommandEntry

__all__ = ["GROUPS", "overview"]

_WIDTH = 80

GROUPS: Mapping[str, tuple[str, ...]] = {
    "anybody": ("demo", "status", "test relay", "doctor"),
    "who runs a relay": (
        "relay run",
        "create relay-server",
        "enroll",
        "list servers",
        "unenroll",
        "relay ssh",
        "relay close-ssh",
        "destroy relay-server",
    ),
    "who runs a server": (
        "join",
        "serve",
        "create user",
        "list users",
        "edit user",
        "export user",
        "unregister",
        "delete user",
        "create app",
        "list apps",
        "edit app",
        "delete app",
    ),
    "who runs a relay or a server": ("apply", "audit", "audit verify"),
    "who uses a tunnel": ("connect", "set-port", "listen"),
    "this machine": (
        "config view",
        "config set",
        "proxy",
        "proxy set",
        "proxy clear",
        "service install",
        "service start",
        "service stop",
        "service status",
        "service uninstall",
        "list contexts",
        "create context",
        "use",
        "rename context",
        "export context",
        "import",
        "delete context",
        "completion",
    ),
}
"""Each command under the one who needs it; what is named nowhere is shown at the end."""

_FIRST_TUNNEL = """\
from nothing to a tunnel:
  relay   tw relay run --domain relay.example.org
          tw enroll --invite --name plant    prints TOKEN, for the server
  server  tw join TOKEN
          tw create user alice -m 5432       writes alice-tw-config.zip
          tw serve
  client  tw connect alice-tw-config.zip     opens port 5432

tw COMMAND --help tells more, with an example."""


def overview() -> str:
    """The text, for a terminal of 80 columns."""
    known = {" ".join(entry.words): entry for entry in COMMANDS}
    width = max(map(len, known))
    lines = ["usage: tw COMMAND [ARGUMENTS]"]
    for title, names in GROUPS.items():
        entries = [known.pop(name) for name in names if name in known]
        lines += _group(title, entries, width)
    lines += _group("more", list(known.values()), width)
    return "\n".join([*lines, "", _FIRST_TUNNEL])


def _group(title: str, entries: Sequence[CommandEntry], width: int) -> list[str]:
    if not entries:
        return []
    lines = ["", f"{title}:"]
    for entry in entries:
        head = f"  {' '.join(entry.words):<{width}}  "
        lines += wrap(entry.summary, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
    return lines
