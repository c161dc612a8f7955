"""An invitation as one line of text, which is handed over as carefully as a password.

    "tw-join-" | "tw-connect-", then base64url without padding of

        01                            format
        2-byte length + bytes, times  secret, end (8 bytes, Unix time), relay host, relay port (2),
        the number of fields          relay's CA (33, see pki.pin; empty: a public certificate),
                                      host key (32, Ed25519), name
                      connect, also:  server id, its port at the relay (2), client certificate (DER)
        4 bytes                       of SHA-256 over all before: a part that is missing is noticed

``join``: the host key is the relay's, and the name is the id that the server is to have, or empty.
``connect``: the host key is the server's; the name is the user's, and the certificate, which the
server's CA issued for the secret's TLS key, opens the relay's gate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass, field

from ..base.errors import Misuse
from ..base.limits import MAX_TOKEN_CHARS
from ..base.values import HostPort
from ..pki import PIN_BYTES, SECRET_BYTES
from .names import check_server_id, check_user_name

__all__ = ["Token", "is_token"]

_FORMAT = 1
_CHECK_BYTES = 4
_PREFIX = re.compile(r"\s*tw-(join|connect)-")
_FIELDS = {"join": 7, "connect": 10}
_KEY_HEAD = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32)
"""Before the 32 bytes of an Ed25519 key in OpenSSH's format (RFC 8709 section 4)."""


def is_token(text: str) -> bool:
    """Whether the text is meant as an invitation, be it whole or not."""
    return _PREFIX.match(text) is not None


@dataclass(frozen=True, slots=True)
class Token:
    """What is in it."""

    kind: str
    """``join``: become a relay's tenant; ``connect``: become a server's user."""
    secret: bytes = field(repr=False)
    expires: int
    """Unix time in seconds."""
    relay: HostPort
    """Where the relay is reached."""
    relay_pin: bytes
    """See ``pki.pin``; empty where the relay's certificate is a public one."""
    host_key: str
    """``ssh-ed25519 AAAA..`` of who is asked: the relay, the server."""
    name: str
    """Server id or user name; empty: the guest chooses."""
    server_id: str = ""
    """``connect``: of the server."""
    remote_port: int = 0
    """``connect``: the server's port at the relay."""
    certificate: bytes = b""
    """``connect``: for the relay's gate, DER."""

    def to_text(self) -> str:
        """The line."""
        fields = [
            self.secret,
            struct.pack(">Q", self.expires),
            self.relay.host.encode(),
            struct.pack(">H", self.relay.port),
            self.relay_pin,
            base64.b64decode(self.host_key.split()[1])[len(_KEY_HEAD) :],
            self.name.encode(),
        ]
        if self.kind == "connect":
            fields += [self.server_id.encode(), struct.pack(">H", self.remote_port), self.certificate]
        data = bytes([_FORMAT]) + b"".join(struct.pack(">H", len(x)) + x for x in fields)
        return f"tw-{self.kind}-" + base64.urlsafe_b64encode(data + _check(data)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, kind: str) -> Token:
        """The token in a text; blanks and line ends, which mail programs add, do not count.

        Args:
            kind: that is wanted.

        Raises:
            Misuse: ``bad-token``.
        """
        match = _PREFIX.match(text)
        if match is None:
            raise _bad("this is no invitation", f"paste all of what begins with tw-{kind}-")
        if match[1] != kind:
            raise _bad(*_OTHER_KIND[kind])
        fields = _fields(text[match.end() :], kind)
        try:
            return cls(
                kind,
                _sized(fields[0], SECRET_BYTES),
                int.from_bytes(_sized(fields[1], 8)),
                HostPort.parse(f"[{fields[2].decode()}]:{int.from_bytes(_sized(fields[3], 2))}"),
                _sized(fields[4], PIN_BYTES) if fields[4] else b"",
                "ssh-ed25519 " + base64.b64encode(_KEY_HEAD + _sized(fields[5], 32)).decode(),
                *_rest(kind, fields[6:]),
            )
        except (ValueError, Misuse):
            raise _bad("the invitation is damaged", _AGAIN) from None


_AGAIN = "copy all of it, from tw- to its last character; or ask for a new one"
_OTHER_KIND = {
    "join": ("this invitation makes a client, not a server", "tw connect TOKEN"),
    "connect": ("this invitation makes a server, not a client", "tw join TOKEN"),
}


def _bad(why: str, hint: str) -> Misuse:
    return Misuse("bad-token", why, hint=hint)


def _check(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:_CHECK_BYTES]


def _sized(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError("of another size")
    return data


def _fields(text: str, kind: str) -> list[bytes]:
    text = "".join(text.split())
    if len(text) > MAX_TOKEN_CHARS:
        raise _bad("this is longer than an invitation is", _AGAIN)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _bad("the invitation is damaged", _AGAIN) from None
    data, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(data) < 1 or check != _check(data):
        raise _bad("a part of the invitation is missing or changed", _AGAIN)
    if data[0] != _FORMAT:
        raise _bad("this invitation was made by a newer tw", "update tw on this machine")
    fields, at = [], 1
    while at + 2 <= len(data):
        (size,) = struct.unpack_from(">H", data, at)
        fields.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    if at != len(data) or len(fields) != _FIELDS[kind]:
        raise _bad("the invitation is damaged", _AGAIN)
    return fields


def _rest(kind: str, fields: list[bytes]) -> tuple[str, str, int, bytes] | tuple[str]:
    """From the name on."""
    name = fields[0].decode("ascii")
    if kind == "join":
        return (check_server_id(name) if name else "",)
    port = int.from_bytes(_sized(fields[2], 2))
    return check_user_name(name), check_server_id(fields[1].decode("ascii")), port, fields[3]
