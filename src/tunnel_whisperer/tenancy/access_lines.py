"""Our lines in ``authorized_keys``, among lines of others that stay as they are, byte for byte.

permitopen="127.0.0.1:5432",...,restrict,port-forwarding[,expiry-time="20261224180000Z"][,SINGLE] KEY NAME@tw

SINGLE is ``environment="TW_SINGLE_SESSION=1"``: OpenSSH reads it, and by default does nothing with it
(sshd_config(5), PermitUserEnvironment); our server lets such a key have one session at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..base.values import HostPort

__all__ = [
    "SINGLE_SESSION",
    "LineIndex",
    "add_line",
    "format_line",
    "has_line",
    "lines_of",
    "name_of",
    "remove_lines",
]

SINGLE_SESSION = 'environment="TW_SINGLE_SESSION=1"'
"""The option of a key that may have one session at a time."""


def format_line(
    name: str,
    public_key: str,
    targets: Sequence[HostPort],
    expires: float | None,
    *,
    single_session: bool = False,
) -> str:
    """A user's line, without its end.

    Args:
        expires: Unix time; the part of a second is cut off.
    """
    options = [f'permitopen="{target}"' for target in dict.fromkeys(targets)]
    options.append("restrict")
    if options[:-1]:  # to OpenSSH, forwarding without permitopen is forwarding to anywhere
        options.append("port-forwarding")
    if expires is not None:
        options.append(f'expiry-time="{datetime.fromtimestamp(int(expires), UTC):%Y%m%d%H%M%S}Z"')
    if single_session:
        options.append(SINGLE_SESSION)
    return f"{','.join(options)} {public_key} {_comment(name)}"


def _comment(name: str) -> str:
    return f"{name}@tw"


def _is_of(line: bytes, name: str, public_key: str) -> bool:
    """Whether the line lets this user in: by its key, or by the comment that only we give."""
    comment = _comment(name).encode()
    key = public_key.split()[1].encode() if public_key else b""
    if comment not in line and not (key and key in line):
        return False  # nearly all lines: every user is looked for in the lines of all
    keys, last = _keys_and_comment(line)
    return bool(keys) and (key in keys or last == comment)


def _keys_and_comment(line: bytes) -> tuple[list[bytes], bytes]:
    """The keys in a line that could let somebody in, and its last word."""
    words = line.split()
    if len(words) < 2 or words[0].startswith(b"#"):
        return [], b""
    keys = [word for word, before in zip(words[1:], words, strict=False) if before == b"ssh-ed25519"]
    return keys, words[-1]


class LineIndex:
    """The same lines for many users: read once, where ``lines_of`` reads all of them for each.

    Args:
        data: the file.
    """

    def __init__(self, data: bytes) -> None:
        self._lines = data.splitlines()
        self._by_key: dict[bytes, list[int]] = {}
        self._by_comment: dict[bytes, list[int]] = {}
        for number, line in enumerate(self._lines):
            keys, last = _keys_and_comment(line)
            for key in keys:
                self._by_key.setdefault(key, []).append(number)
            if keys:
                self._by_comment.setdefault(last, []).append(number)

    def lines_of(self, name: str, public_key: str) -> list[bytes]:
        """This user's lines, without their ends."""
        found = set(self._by_comment.get(_comment(name).encode(), ()))
        if public_key:
            found.update(self._by_key.get(public_key.split()[1].encode(), ()))
        return [self._lines[number] for number in sorted(found)]


def has_line(data: bytes, name: str, public_key: str) -> bool:
    """Whether some line is this user's."""
    return any(_is_of(line, name, public_key) for line in data.splitlines())


def name_of(data: bytes, public_key: str) -> str:
    """The name in the comment of the line with this key; empty where there is no such line of ours.

    Args:
        public_key: ``ssh-ed25519 AAAA..``.
    """
    for line in data.splitlines():
        words = line.split()
        if public_key.split()[1].encode() in words and words[-1].endswith(b"@tw"):
            return words[-1].removesuffix(b"@tw").decode("ascii", "replace")
    return ""


def lines_of(data: bytes, name: str, public_key: str) -> list[bytes]:
    """This user's lines, without their ends."""
    return [line for line in data.splitlines() if _is_of(line, name, public_key)]


def add_line(data: bytes, line: str) -> bytes:
    """The file with one more line at its end."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    return data + line.encode() + b"\n"


def remove_lines(data: bytes, name: str, public_key: str) -> bytes:
    """The file without this user's lines.

    Args:
        public_key: may be empty where it is lost; then the comment alone tells.
    """
    return b"".join(line for line in data.splitlines(keepends=True) if not _is_of(line, name, public_key))
