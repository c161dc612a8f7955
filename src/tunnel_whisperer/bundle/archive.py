"""Zip files from outside: a few plain files in memory, or a refusal. Nothing is ever unpacked to disk.

What is refused, and why: names that are not asked for (a path that leads elsewhere is never one),
directories, links and devices, a name twice, a password, more than was agreed on once unpacked (a
bomb; what an entry says of its own size is the sender's word), and directories of entries so long
that reading them alone takes seconds.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..base.errors import Misuse

__all__ = ["Accepted", "bad_bundle", "pack", "unpack"]

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can tell: the same content gives the same bytes each time."""

_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
)
"""What the standard library raises for zips that it cannot read."""

_END = b"PK\x05\x06"
_END_BYTES = 22
_LOCATOR_OF_64 = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_MAX_COMMENT = 65536
"""The end of a zip (APPNOTE 4.3.15, 4.3.16)."""

_ENTRY_BYTES = 256
"""What an entry of the directory takes at most, on average: 46 bytes, a name, and extra fields."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a zip may be."""

    is_name: Callable[[str], bool]
    """Whether a file of this name belongs into it."""
    max_bytes: int
    """Of the zip, and of all that is in it once unpacked."""
    max_entries: int
    many: str
    """How many files there usually are, for people: ``a bundle has 5 files``."""


def bad_bundle(why: str, where: str = "") -> NoReturn:
    """Refuse a file that somebody sent.

    Raises:
        Misuse: ``bad-bundle``, always.
    """
    raise Misuse("bad-bundle", why, where=where, hint="ask for the file again, and pass it on unchanged")


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of plain files that ``unzip`` writes with mode 0600, in this order."""
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, so that unzip sets the mode
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(info, content)
    return result.getvalue()


def unpack(data: bytes, accepted: Accepted) -> dict[str, bytes]:
    """All files of a zip.

    Raises:
        Misuse: ``bad-bundle``.
    """
    if len(data) > accepted.max_bytes:
        bad_bundle(f"more than {accepted.max_bytes // 1024} KiB are no bundle")
    if not data.startswith(b"PK\x03\x04"):
        bad_bundle("this is not a zip file")
    _check_directory_size(data, accepted)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, accepted)
            return _read_entries(archive, entries, accepted)
    except _ZIP_FAULTS:
        bad_bundle("the zip file is damaged")


def _check_directory_size(data: bytes, accepted: Accepted) -> None:
    """Before the library reads the directory, however long that is; it looks for the end as we do."""
    at = len(data) - _END_BYTES
    if at < 0 or data[at : at + 4] != _END or data[-2:] != b"\0\0":
        at = data.rfind(_END, max(0, len(data) - _MAX_COMMENT - _END_BYTES))
    if at < 0 or len(data) < at + _END_BYTES:
        bad_bundle("the zip file is damaged")
    (size,) = struct.unpack("<L", data[at + 12 : at + 16])
    is_64 = data[max(0, at - _LOCATOR_BYTES) : at].startswith(_LOCATOR_OF_64)
    if is_64 or size > max(accepted.max_entries * _ENTRY_BYTES, 64 * 1024):
        bad_bundle(f"{accepted.many}, this one far more")


def _check_entries(entries: Sequence[zipfile.ZipInfo], accepted: Accepted) -> None:
    if len(entries) > accepted.max_entries:
        bad_bundle(f"{accepted.many}, this one {len(entries)}")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.flag_bits & 0x1:
            bad_bundle("the zip file has a password", name[:64])
        if entry.is_dir() or kind not in (0, stat.S_IFREG):
            bad_bundle("this is not a plain file", repr(name[:64]))
        if not accepted.is_name(name) or entry.orig_filename != name:
            bad_bundle("this file does not belong into a bundle", repr(name[:64]))
        if name.lower() in seen:  # some file systems make no difference
            bad_bundle("this file is there twice", name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            bad_bundle("this file is compressed in an unusual way", name)
        seen.add(name.lower())


def _read_entries(
    archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], accepted: Accepted
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = accepted.max_bytes
    for entry in entries:
        with archive.open(entry) as file:
            # Not what the entry says of its size: that is the sender's word.
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            bad_bundle(f"more than {accepted.max_bytes // 1024} KiB are in it")
        files[entry.filename] = content
    return files
