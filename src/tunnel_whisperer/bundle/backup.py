"""A whole identity in one file: to keep, or to bring to another machine.

    <name>-tw-context.zip
      config.yaml ...         the files of the identity's directory, see profile.places
      users/<name>/<file>     a server's users
      servers/<id>.json       a relay's tenants
      invites/<id>.json       those that may become users or tenants
      relay/<file>            a relay's own CA

Of a client it is the same as the file that its server's admin made, with this machine's own
settings. Audit records stay where they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..base.errors import Misuse
from ..base.limits import MAX_BACKUP_BYTES, MAX_BACKUP_ENTRIES
from ..pki import check_key_pair, public_key_of
from ..profile import (
    IDENTITY_FILES,
    IDENTITY_FOLDERS,
    Profile,
    load_config,
    locked,
    parse_config,
    write_new_files,
)
from .archive import Accepted, bad_bundle, pack, unpack
from .contents import FILES, BundleContents, open_bundle

__all__ = ["install_backup", "open_any", "pack_backup"]

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
"""A part of a path below one of the folders; nothing that begins with a dot."""

_DEPTH = {"users": 3}
"""Parts of a path in a folder, where it is not two."""

_AS_TENANT = ("id_ed25519", "ssh_host_ed25519_key", "ca.crt", "ca.key", "client.crt", "client.key")

_NEEDED = {
    "embedded": ("ssh_host_ed25519_key", "relay/ca.crt", "relay/ca.key"),
    "standard": _AS_TENANT,  # its admin comes to its machine as a server would
    "server": (*_AS_TENANT, "authorized_keys"),
}
"""What cannot be made again, or decides who is let in; by role, or kind of relay."""

_SSH_KEYS = ("id_ed25519", "ssh_host_ed25519_key")
_PAIRS = (("ca.crt", "ca.key"), ("client.crt", "client.key"), ("relay/ca.crt", "relay/ca.key"))


def _is_name(name: str) -> bool:
    first, *rest = name.split("/")
    if not rest:
        return name in IDENTITY_FILES
    deep_enough = len(rest) + 1 == _DEPTH.get(first, 2)
    return first in IDENTITY_FOLDERS and deep_enough and all(map(_PART.fullmatch, rest))


_ACCEPTED = Accepted(
    _is_name, MAX_BACKUP_BYTES, MAX_BACKUP_ENTRIES, f"a context has at most {MAX_BACKUP_ENTRIES} files"
)


def pack_backup(profile: Profile) -> bytes:
    """The file of this identity, as it is at one moment.

    Raises:
        Misuse: ``not-set-up`` when it is not whole, ``bad-config``, ``file-unreadable``, ``too-many``.
    """
    mode = load_config(profile.config).mode
    with locked(profile):
        names = FILES if mode == "client" else _names(profile.directory)
        files = {name: profile.read(profile.directory / name) for name in names}
    if len(files) > MAX_BACKUP_ENTRIES or sum(map(len, files.values())) > MAX_BACKUP_BYTES * 3 // 4:
        raise Misuse(
            "too-many",
            f"{len(files)} files are more than one file of a context holds",
            where=str(profile.directory),
            hint="stop what runs there, and copy the directory as a whole",
        )
    data = pack(files)
    try:
        open_any(data)
    except Misuse as exc:  # found now, not on the day when the backup is needed
        raise Misuse(
            "not-set-up",
            f"this identity is not whole: {exc}",
            where=str(profile.directory),
            hint="mend that first: a file of it could not be imported",
        ) from exc
    return data


def _names(directory: Path) -> Iterator[str]:
    for name in IDENTITY_FILES:
        if (directory / name).is_file():
            yield name
    for folder in IDENTITY_FOLDERS:
        for path in sorted((directory / folder).rglob("*")):
            name = path.relative_to(directory).as_posix()
            if _is_name(name) and path.is_file() and not path.is_symlink():
                yield name


def open_any(data: bytes) -> BundleContents:
    """What is in the file of a context, or in the one that a user got; nothing is written.

    Raises:
        Misuse: ``bad-bundle``.
    """
    files = unpack(data, _ACCEPTED)
    try:
        config = parse_config(files.get("config.yaml", b""))
    except Misuse as exc:
        if "config.yaml" not in files:
            bad_bundle("this file is missing in the bundle", "config.yaml")
        bad_bundle(exc.why, exc.where)
    if config.mode == "client":
        return open_bundle(data)
    for name in _NEEDED[config.relay.kind if config.mode == "relay" else config.mode]:
        if name not in files:
            bad_bundle("this file is missing in the bundle", name)
    _check_keys(files)
    return BundleContents(config, files)


def _check_keys(files: Mapping[str, bytes]) -> None:
    name = ""
    try:
        for name in _SSH_KEYS:
            if name in files:
                public_key_of(files[name])
        for name, key in _PAIRS:
            if name in files:
                check_key_pair(*(files.get(x, b"").decode("ascii", "replace") for x in (name, key)))
    except Misuse as exc:
        bad_bundle(exc.why, name)


def install_backup(profile: Profile, contents: BundleContents) -> None:
    """Put a relay or a server into an empty directory; config.yaml last.

    Raises:
        Misuse: ``state-not-written``.
    """
    order = sorted(contents.files, key=lambda name: (name == "config.yaml", name))
    write_new_files({profile.directory / name: contents.files[name] for name in order})
