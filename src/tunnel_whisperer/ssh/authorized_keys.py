"""The access record: OpenSSH's ``authorized_keys``, read strictly, with nothing granted by default.

    line     = [options SP] "ssh-ed25519" SP base64 [SP comment]
    options  = option *("," option)
    option   = permitopen="host:port"        may open this target (repeatable)
             / permitlisten="host:port"      may publish this address (repeatable)
             / restrict / port-forwarding / no-port-forwarding
             / expiry-time="YYYYMMDD[HHMM[SS]][Z]"      local time without the Z
             / from="list"                   must name 127.0.0.1: every peer comes through the relay
           / environment="TW_SINGLE_SESSION=1"    one session at a time: a new one ends the old
             / those of OpenSSH that switch on or off what is not offered here anyway

Where this differs from OpenSSH it grants less: a key without ``permitopen`` may open nothing, no
wildcards, a line that is not understood in full lets nobody in, and so do two lines of one key.
Lines end where OpenSSH ends them, at a line feed and nowhere else: a form feed in a comment must
not begin a line of its own.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import HostPort
from .keys import normalise_public

__all__ = ["Access", "AccessRecord", "format_access", "parse_access", "parse_record"]

_log = logging.getLogger("tw.ssh.authorized_keys")

_KEY_TYPE = "ssh-ed25519"
_OPTION = re.compile(r'([A-Za-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?(,|[ \t]+|\Z)')
_NOT_OFFERED = ("pty", "agent-forwarding", "x11-forwarding", "user-rc")
_WITHOUT_EFFECT = frozenset(_NOT_OFFERED) | {f"no-{name}" for name in _NOT_OFFERED}
_EXPIRY_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_LOOPBACK = "127.0.0.1"
_SINGLE_SESSION = "TW_SINGLE_SESSION=1"
"""OpenSSH reads the option, and by default does nothing with it (sshd_config(5), PermitUserEnvironment)."""
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Nothing that a person writes, and some of it would look like a line end elsewhere."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NO_FILE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})
_SETTLED_NS = 2_100_000_000
"""A file that was changed less than this ago may be changed again without another time stamp: the
coarsest file systems count in 2 s."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one key may do."""

    public_key: str
    """``ssh-ed25519 AAAA...``, without comment."""
    comment: str = ""
    """Who it is, for people and logs."""
    opens: frozenset[HostPort] = frozenset()
    """Targets that it may open."""
    listens: frozenset[HostPort] = frozenset()
    """Addresses that it may publish."""
    forwarding: bool = True
    """False: neither, whatever is listed."""
    expires: float | None = None
    """Unix time from which on it may do nothing; None: never."""
    only_from: tuple[str, ...] = field(default=())
    """Addresses that the peer must come from; empty: any."""
    single_session: bool = False
    """One session at a time: a new one ends the old."""

    def permits_open(self, target: HostPort) -> bool:
        """Whether a channel to ``target`` may be opened."""
        return self.forwarding and target in self.opens

    def permits_listen(self, bind: HostPort) -> bool:
        """Whether ``bind`` may be published."""
        return self.forwarding and bind in self.listens

    def expired(self, now: float) -> bool:
        """Whether it is over at ``now`` (Unix time, seconds)."""
        return self.expires is not None and now >= self.expires


def _bad(why: str) -> Misuse:
    return Misuse("bad-access-record", why, hint="correct or remove the line; it lets nobody in")


def parse_access(line: str) -> Access | None:
    """One line; None if it is empty or a comment.

    Raises:
        Misuse: ``bad-access-record``, ``bad-key``.
    """
    line = line.strip(" \t\r\n")
    if not line or line.startswith("#"):
        return None
    if _CONTROL.search(line):
        raise _bad("there is a control character in the line")
    options: list[tuple[str, str | None]] = []
    at = 0
    while not line.startswith((f"{_KEY_TYPE} ", f"{_KEY_TYPE}\t"), at):
        match = _OPTION.match(line, at)
        if match is None or (options and line[at - 1] != ","):
            raise _bad(f"not an option or an {_KEY_TYPE} key: {line[at : at + 40]!r}")
        options.append((match[1].lower(), match[2]))
        at = match.end()
    if options and line[at - 1] == ",":
        raise _bad("an option is missing after the comma")
    words = line[at:].split(None, 2)
    return _with_options(normalise_public(line[at:]), words[2] if len(words) > 2 else "", options)


def _with_options(key: str, comment: str, options: list[tuple[str, str | None]]) -> Access:
    opens: set[HostPort] = set()
    listens: set[HostPort] = set()
    forwarding = True
    expires: float | None = None
    only_from: tuple[str, ...] = ()
    single_session = False
    for name, value in options:
        match name, value:
            case "permitopen", str():
                opens.add(_address(value))
            case "permitlisten", str():
                listens.add(_address(value))
            case "restrict" | "no-port-forwarding", None:
                forwarding = False
            case "port-forwarding", None:
                forwarding = True
            case "expiry-time", str():
                expires = min(_expiry(value), float("inf") if expires is None else expires)
            case "from", str() if not only_from:
                only_from = _sources(value)
            case "environment", str() if value == _SINGLE_SESSION:
                single_session = True
            case _ if name in _WITHOUT_EFFECT and value is None:
                pass
            case _:
                raise _bad(f"option {name!r} is not understood here")
    return Access(
        key, comment, frozenset(opens), frozenset(listens), forwarding, expires, only_from, single_session
    )


def _address(text: str) -> HostPort:
    try:
        return HostPort.parse(text)
    except Misuse as exc:
        raise _bad(exc.why) from None


def _expiry(text: str) -> float:
    digits, utc = text.removesuffix("Z"), text.endswith("Z")
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in _EXPIRY_FORMATS:
        raise _bad(f"expiry-time {text!r} is not YYYYMMDDHHMMSSZ")
    try:
        # Without the Z it is local time, as OpenSSH has it.
        when = datetime.strptime(digits, _EXPIRY_FORMATS[len(digits)])  # noqa: DTZ007
        return (when.replace(tzinfo=UTC) if utc else when).timestamp()
    except (ValueError, OverflowError, OSError):
        raise _bad(f"expiry-time {text!r} is no such day or time") from None


def _sources(text: str) -> tuple[str, ...]:
    sources = tuple(text.split(","))
    if any(not source or "!" in source for source in sources):
        raise _bad(f"from={text!r} has an exception or a gap")
    if _LOOPBACK not in sources:
        raise _bad(f"from={text!r} shuts everybody out: peers come through the relay, from {_LOOPBACK}")
    return sources


def format_access(access: Access) -> str:
    """The line for ``access``, without line end; ``parse_access`` gives the same value back.

    For this module alone: OpenSSH takes the absence of ``permitopen`` or ``permitlisten`` for "any"
    (its ``sshd_config`` can say otherwise), and reads a line without them more generously than meant.
    """
    options = [f'from="{",".join(access.only_from)}"'] if access.only_from else []
    options += [f'permitopen="{target}"' for target in sorted(access.opens)]
    options += [f'permitlisten="{bind}"' for bind in sorted(access.listens)]
    options.append("restrict")
    if access.forwarding:
        options.append("port-forwarding")
    if access.expires is not None:
        options.append(f'expiry-time="{datetime.fromtimestamp(access.expires, UTC):%Y%m%d%H%M%SZ}"')
    if access.single_session:
        options.append(f'environment="{_SINGLE_SESSION}"')
    comment = " ".join(_CONTROL.sub(" ", access.comment).split())
    return f"{','.join(options)} {access.public_key} {comment}".rstrip()


def parse_record(text: str) -> tuple[dict[str, Access], list[tuple[int, Misuse]]]:
    """All lines: access by public key, and what is wrong with the others, by line number from 1."""
    found: dict[str, Access] = {}
    faults: list[tuple[int, Misuse]] = []
    twice: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            access = parse_access(line)
        except Misuse as exc:
            faults.append((number, exc))
            continue
        if access is None:
            continue
        if access.public_key in found or access.public_key in twice:
            twice.add(access.public_key)
            found.pop(access.public_key, None)
            faults.append((number, _bad("this key has a line already; none of them counts")))
            continue
        found[access.public_key] = access
    return found, faults


class AccessRecord:
    """The record in a file, as it stands at each question.

    A missing or unreadable file lets nobody in, nor does one that others may write to.

    Args:
        path: of ``authorized_keys``; replaced or edited at any time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | str | None = None
        self._settled = False
        self._text: str | None = None
        self._found: dict[str, Access] = {}

    def find(self, public_key: str) -> Access | None:
        """What ``public_key`` (``ssh-ed25519 AAAA...``) may do; None: not let in."""
        self._refresh()
        return self._found.get(public_key)

    def _refresh(self) -> None:
        stamp: tuple[int, int, int] | str = ""
        try:
            status = self._path.stat()
            if os.name == "posix" and status.st_mode & _OTHERS_WRITE:  # as OpenSSH's StrictModes
                raise PermissionError(errno.EPERM, "others may write to it: chmod 600")
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp == self._stamp and self._settled:
                return
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            if isinstance(exc, OSError) and exc.errno in _NO_FILE_LEFT and stamp == self._stamp:
                return  # it has been read as it stands; that was only to be sure
            reason = exc.strerror or "cannot be read" if isinstance(exc, OSError) else "is not UTF-8"
            if self._stamp != reason:
                _log.error("%s: nobody is let in: %s", self._path, reason)
            self._stamp, self._text, self._found = reason, None, {}
            return
        self._stamp = stamp
        self._settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
        if text == self._text:
            return
        self._text = text
        self._found, faults = parse_record(text)
        for number, fault in faults:
            _log.error("%s:%d: %s", self._path, number, fault)
