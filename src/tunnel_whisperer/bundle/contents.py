"""What a bundle holds, and the checks that make it one.

    <name>-tw-config.zip
      config.yaml      mode client; relay, slot, server host key, tunnels
      id_ed25519       the user's SSH key           id_ed25519.pub   its public line
      client.crt       what the relay asks for      client.key       its key

Unzipping it into the configuration directory is the same as importing it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
from .archive import Accepted, bad_bundle, pack, unpack

__all__ = [
    "FILES",
    "BundleContents",
    "BundleUser",
    "check_client_files",
    "check_slot",
    "client_config",
    "open_bundle",
    "pack_client",
]

FILES = ("config.yaml", "id_ed25519", "id_ed25519.pub", "client.crt", "client.key")
"""Names in a bundle, in this order; those of the profile."""

_ACCEPTED = Accepted(
    FILES.__contains__, MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES, f"a bundle has {len(FILES)} files"
)


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
    check_slot(load_config(profile.config), profile)
    own = Profile(profile.users / user.name)
    subject = public_key_of(profile.read(own.private_key))
    files = {
        "config.yaml": format_config(client_config(profile, user, subject)).encode(),
        **{
            path.name: profile.read(path)
            for path in (own.private_key, own.public_key, own.client_cert, own.client_key)
        },
    }
    return pack(files)


def check_slot(server: Config, profile: Profile) -> None:
    """Whether this server can have users' bundles: they say how to reach it.

    Raises:
        Misuse: ``not-set-up`` when it has no relay yet, ``wrong-role``.
    """
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


def client_config(profile: Profile, user: BundleUser, subject: str) -> Config:
    """What a user's machine is told.

    Args:
        profile: of the server.
        subject: the user's public key line.

    Raises:
        Misuse: ``not-set-up`` when the server has no relay yet, ``wrong-role``, ``bad-key``.
    """
    server = load_config(profile.config)
    check_slot(server, profile)
    host_key = profile.read(profile.host_key)
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


def open_bundle(data: bytes) -> BundleContents:
    """What is in a bundle, after all checks; nothing is written.

    Raises:
        Misuse: ``bad-bundle``.
    """
    return check_client_files(unpack(data, _ACCEPTED))


def check_client_files(files: Mapping[str, bytes]) -> BundleContents:
    """The same checks, of files that did not come in a bundle.

    Raises:
        Misuse: ``bad-bundle``.
    """
    for name in FILES:
        if name not in files:
            bad_bundle("this file is missing in the bundle", name)
    files = {name: files[name] for name in FILES}
    try:
        config = parse_config(files["config.yaml"])
    except Misuse as exc:
        bad_bundle(exc.why, exc.where)
    if config.mode != "client":
        bad_bundle(f"this is the bundle of a {config.mode}, not of a client", "config.yaml")
    if missing := config.missing():
        bad_bundle(f"{missing[0]}: is not set", "config.yaml")
    _check_keys(files, config)
    return BundleContents(config, files)


def _check_keys(files: Mapping[str, bytes], config: Config) -> None:
    texts = {name: files[name].decode("ascii", "replace") for name in FILES[1:]}
    name = "id_ed25519"
    try:
        public = public_key_of(texts[name])
        name = "id_ed25519.pub"
        if check_public_key(texts[name]) != public:
            bad_bundle("this is not the public key of id_ed25519", name)
        name = "client.crt"
        check_key_pair(texts[name], texts["client.key"])
        named = certificate_uuid(texts[name])
        name = "config.yaml"
        if not is_role_signed(config.client.server_host_key, config.role_signature, "client", public):
            bad_bundle("role_signature: the server did not sign that this is a client", name)
    except Misuse as exc:
        if exc.code == "bad-bundle":
            raise
        bad_bundle(exc.why, name)
    if named not in (None, config.xray.uuid):
        bad_bundle("it is for another user than xray.uuid of config.yaml", "client.crt")
