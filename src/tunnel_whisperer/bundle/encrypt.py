"""Bundles under a passphrase, in the age format, so that the ``age`` tool opens them and makes them.

    age-encryption.org/v1
    -> scrypt <16 bytes of salt> <work factor>
    <the file key, under the passphrase>
    --- <authentication of the lines above>
    <content in chunks of 64 KiB, each authenticated>

Source: C2SP age.md. The work factor is the sender's word: scrypt takes 2**factor KiB of memory, and
with a file from outside that is looked at before anything is computed.
"""

from __future__ import annotations

import base64
import binascii
import re

import pyrage

from ..base.errors import Broken, Misuse
from ..base.limits import MAX_BACKUP_BYTES, MAX_PASSPHRASE_WORK

__all__ = ["decrypt", "encrypt", "is_encrypted"]

_MAGIC = b"age-encryption.org/v1\n"
_ANY_VERSION = b"age-encryption.org/"
_ARMOUR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_ARMOUR_END = b"-----END AGE ENCRYPTED FILE-----"

_OVERHEAD = 64 * 1024
"""What encryption adds at most: a header, and 16 bytes for each 64 KiB."""

_STANZA = re.compile(rb"-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n[A-Za-z0-9+/]{43}\n---")


def is_encrypted(data: bytes) -> bool:
    """Whether this claims to be an age file, binary or as text (``age -a``)."""
    return data.startswith(_ANY_VERSION) or data.lstrip()[: len(_ARMOUR)] == _ARMOUR


def encrypt(data: bytes, passphrase: str) -> bytes:
    """``data`` under ``passphrase``; takes a second and up to a gigabyte of memory, on purpose."""
    sealed: bytes = pyrage.passphrase.encrypt(data, passphrase)
    if _work(sealed) > MAX_PASSPHRASE_WORK:  # chosen by the library, by the speed of this machine
        raise Broken("internal", "this machine made a file that others would refuse to open")
    return sealed


def decrypt(data: bytes, passphrase: str) -> bytes:
    """What is in an age file.

    Raises:
        Misuse: ``wrong-passphrase``; ``bad-bundle`` when it is damaged, is encrypted to something
            other than a passphrase, or would take too much memory or time.
    """
    if len(data) > 2 * MAX_BACKUP_BYTES:
        raise _bad("it is larger than any file of ours")
    if not data.startswith(_ANY_VERSION):
        data = _without_armour(data)
    if len(data) > MAX_BACKUP_BYTES + _OVERHEAD:
        raise _bad("it is larger than any file of ours")
    work = _work(data)
    if work > MAX_PASSPHRASE_WORK:
        raise _bad(f"opening it would take {2**work // 2**20} GiB of memory (work factor {work})")
    try:
        opened: bytes = pyrage.passphrase.decrypt(data, passphrase)
    except pyrage.DecryptError:
        # The library does not tell these two apart: the passphrase authenticates everything.
        raise Misuse(
            "wrong-passphrase",
            "the passphrase does not open this file, or the file was changed on its way",
            hint="type it again; then ask who sent the file",
        ) from None
    return opened


def _bad(why: str) -> Misuse:
    return Misuse("bad-bundle", why, hint="ask for the file again, and pass it on unchanged")


def _work(data: bytes) -> int:
    """The work factor that the header names."""
    if not data.startswith(_MAGIC):
        raise _bad("this is an encrypted file of another version of the age format")
    stanza = _STANZA.match(data, len(_MAGIC))
    if stanza is None:
        if data.startswith(b"-> ", len(_MAGIC)) and not data.startswith(b"-> scrypt ", len(_MAGIC)):
            raise Misuse(
                "bad-bundle",
                "this file is encrypted to a key, not with a passphrase",
                hint="open it with age first, then use what was in it",
            )
        raise _bad("the head of the encrypted file is damaged")
    return int(stanza[1])


def _without_armour(data: bytes) -> bytes:
    """The bytes in the text form, RFC 7468 as age uses it."""
    text = data.strip().replace(b"\r\n", b"\n")
    try:
        if not text.endswith(_ARMOUR_END):
            raise ValueError
        body = text.removeprefix(_ARMOUR).removesuffix(_ARMOUR_END)
        return base64.b64decode(body.replace(b"\n", b""), validate=True)
    except (ValueError, binascii.Error):
        raise _bad("the encrypted file is damaged") from None
