"""What a bundle holds, and the checks that make it one.

    <name>-tw-config.zip
      config.yaml      mode client; relay, slot, server host key, tunnels
      id_ed25519       the user's SSH key           id_ed25519.pub   its public line
      client.crt       what the relay asks for      client.key       its key

Unzipping it into the configuration directory is the same as importing it.
"""

from __future__ import annotations

import io
import stat
import struct
import uuid
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from ..base.errors import Misuse
from ..base.limits import MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES
from ..base.values import Grant
from ..pki import (
    certificate_uuid,
    check_key_pair,
    check_public_key,
    is_role_signed,
    public_key_of,
    sign_role,
)
from ..profile import (
    ClientConfig,
    Config,
    Profile,
    TunnelEntry,
    XrayConfig,
    format_config,
    load_config,
    parse_config,
)

__all__ = ["FILES", "BundleContents", "BundleUser", "open_bundle", "pack_client"]

FILES = ("config.yaml", "id_ed25519", "id_ed25519.pub", "client.crt", "client.key")
"""Names in a bundle, in this order; those of the profile."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can tell: the same user gives the same bytes each time."""

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


class BundleUser(Protocol):
    """What must be known of a user; tenancy's User is one."""

    @property
    def name(self) -> str: ...
    @property
    def uuid(self) -> uuid.UUID: ...
    @property
    def grants(self) -> Sequence[Grant]: ...
    @property
    def revision(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BundleContents:
    """A bundle that passed all checks."""

    config: Config
    files: Mapping[str, bytes] = field(repr=False)
    """All of ``FILES``, config.yaml as it was packed."""


def pack_client(profile: Profile, user: BundleUser) -> bytes:
    """The bundle of a user.

    Args:
        profile: of the server.

    Raises:
        Misuse: ``not-set-up`` when the server has no relay yet or a file is missing, ``wrong-role``.
    """
    own = Profile(profile.users / user.name)
    files = {
        "config.yaml": format_config(_client_config(profile, user)).encode(),
        **{
            path.name: profile.read(path)
            for path in (own.private_key, own.public_key, own.client_cert, own.client_key)
        },
    }
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as archive:
        for name in FILES:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, so that unzip sets the mode
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(info, files[name])
    return result.getvalue()


def _client_config(profile: Profile, user: BundleUser) -> Config:
    server = load_config(profile.config)
    if server.mode != "server":
        raise Misuse(
            "wrong-role",
            f"this directory is a {server.mode}'s, not a server's",
            where=str(profile.directory),
            hint="tw list contexts, then tw use the server's",
        )
    if missing := server.missing():
        raise Misuse(
            "not-set-up",
            f"this server has no slot at a relay yet: {missing[0]} is not set",
            where=str(profile.config),
            hint="tw join RELAY, and tw join --apply with the response",
        )
    host_key = profile.read(profile.host_key)
    subject = public_key_of(profile.read(Profile(profile.users / user.name).private_key))
    return Config(
        mode="client",
        role_signature=sign_role(host_key, "client", subject),
        # How this server gets through its own network (proxy, transport, http) is not the client's business.
        xray=XrayConfig(
            uuid=user.uuid,
            relay_host=server.xray.relay_host,
            relay_port=server.xray.relay_port,
            path=server.xray.path,
            relay_ca=server.xray.relay_ca,
        ),
        client=ClientConfig(
            ssh_user=server.client.ssh_user,
            server_ssh_port=server.server.remote_port,
            server_host_key=public_key_of(host_key),
            tunnels=tuple(TunnelEntry(x.local_port, x.target.host, x.target.port) for x in user.grants),
            revision=user.revision,
        ),
    )


def _bad(why: str, where: str = "") -> NoReturn:
    raise Misuse("bad-bundle", why, where=where, hint="ask for the file again, and pass it on unchanged")


def open_bundle(data: bytes) -> BundleContents:
    """What is in a bundle, after all checks; nothing is written.

    Raises:
        Misuse: ``bad-bundle``.
    """
    files = _unpack(data)
    try:
        config = parse_config(files["config.yaml"])
    except Misuse as exc:
        _bad(exc.why, exc.where)
    if config.mode != "client":
        _bad(f"this is the bundle of a {config.mode}, not of a client", "config.yaml")
    if missing := config.missing():
        _bad(f"{missing[0]}: is not set", "config.yaml")
    _check_keys(files, config)
    return BundleContents(config, files)


def _check_keys(files: Mapping[str, bytes], config: Config) -> None:
    texts = {name: files[name].decode("ascii", "replace") for name in FILES[1:]}
    name = "id_ed25519"
    try:
        public = public_key_of(texts[name])
        name = "id_ed25519.pub"
        if check_public_key(texts[name]) != public:
            _bad("this is not the public key of id_ed25519", name)
        name = "client.crt"
        check_key_pair(texts[name], texts["client.key"])
        named = certificate_uuid(texts[name])
        name = "config.yaml"
        if not is_role_signed(config.client.server_host_key, config.role_signature, "client", public):
            _bad("role_signature: the server did not sign that this is a client", name)
    except Misuse as exc:
        if exc.code == "bad-bundle":
            raise
        _bad(exc.why, name)
    if named not in (None, config.xray.uuid):
        _bad("it is for another user than xray.uuid of config.yaml", "client.crt")


def _unpack(data: bytes) -> dict[str, bytes]:
    if len(data) > MAX_BUNDLE_BYTES:
        _bad(f"more than {MAX_BUNDLE_BYTES // 1024} KiB are no bundle")
    if not data.startswith(b"PK\x03\x04"):
        _bad("this is not a zip file")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return _read_entries(archive, entries)
    except _ZIP_FAULTS:
        _bad("the zip file is damaged")


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_BUNDLE_ENTRIES:
        _bad(f"a bundle has {len(FILES)} files, this one {len(entries)}")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.flag_bits & 0x1:
            _bad("the zip file has a password", name[:64])
        if entry.is_dir() or kind not in (0, stat.S_IFREG):
            _bad("this is not a plain file", repr(name[:64]))
        if name not in FILES or entry.orig_filename != name:
            _bad("this file does not belong into a bundle", repr(name[:64]))
        if name in seen:
            _bad("this file is there twice", name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _bad("this file is compressed in an unusual way", name)
        seen.add(name)
    for name in FILES:
        if name not in seen:
            _bad("this file is missing in the bundle", name)


def _read_entries(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = MAX_BUNDLE_BYTES
    for entry in entries:
        with archive.open(entry) as file:
            # Not what the entry says of its size: that is the sender's word.
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            _bad(f"more than {MAX_BUNDLE_BYTES // 1024} KiB are in it")
        files[entry.filename] = content
    return files
