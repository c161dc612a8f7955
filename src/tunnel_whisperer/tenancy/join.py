"""The two files by which a server gets a slot at a relay that someone else owns.

    request   server -> relay admin: who I am (public material only)
    response  relay admin -> server: where your slot is, signed by the relay's SSH host key

The signature ties the slot to one server's id, UUID and key; it is checked against the host key
inside, which the server pins. Whoever can exchange the whole file on its way can still name another
relay: the file is handed over as carefully as a password, and a pinned relay is not replaced
without being asked to.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..base.errors import Misuse, Refused
from ..base.limits import MAX_JOIN_FILE_BYTES
from ..pki import check_ca, check_public_key, is_role_signed, public_key_of, sign, sign_role, verify
from ..profile import Config, Profile, check_field, locked, save_config
from .identity import need_mode
from .names import check_server_id
from .records import RecordReader, format_record

__all__ = [
    "STANDARD_ACCOUNT",
    "JoinRequest",
    "JoinResponse",
    "apply_response",
    "make_join_request",
    "make_join_response",
]

STANDARD_ACCOUNT = "tw"
"""The system account of all servers at a standard relay."""

_REQUEST_KIND = "tw join request"
_RESPONSE_KIND = "tw join response"
_SIGNED_FOR = b"tunnel-whisperer server role, format 1\n"
"""Before what is signed: the host key signs key exchanges as well, and neither must pass for the other."""


def _reader(text: str | bytes, what: str) -> RecordReader:
    return RecordReader(text, limit=MAX_JOIN_FILE_BYTES, code="bad-join-file", what=what)


def _as(reader: RecordReader, name: str, setting: str, value: str | int) -> Any:
    try:
        return check_field(setting, value)
    except Misuse as exc:
        reader.fail(name, exc.why, exc.hint)


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a server asks with."""

    server_id: str
    uuid: uuid.UUID
    """VLESS user id of the server itself."""
    ca_pem: str
    """CA of the server's and its users' client certificates."""
    ssh_public_key: str
    """``ssh-ed25519 AAAA..``: who will listen on the slot's port."""
    relay_host: str
    """Which relay is meant."""

    def to_text(self) -> str:
        """The file."""
        return format_record(
            {
                "kind": _REQUEST_KIND,
                "server_id": self.server_id,
                "uuid": str(self.uuid),
                "ca": self.ca_pem,
                "ssh_public_key": self.ssh_public_key,
                "relay_host": self.relay_host,
            }
        )

    @classmethod
    def parse(cls, text: str | bytes) -> JoinRequest:
        """The request in a file.

        Raises:
            Misuse: ``bad-join-file``, with the field.
        """
        reader = _reader(text, "join request")
        reader.kind(_REQUEST_KIND)
        request = cls(
            server_id=_server_id(reader),
            uuid=reader.uuid("uuid"),
            ca_pem=_ca(reader, "ca"),
            ssh_public_key=_key(reader, "ssh_public_key"),
            relay_host=_as(reader, "relay_host", "xray.relay_host", reader.text("relay_host", 255)),
        )
        reader.end()
        return request


@dataclass(frozen=True, slots=True)
class JoinResponse:
    """What a relay answers with."""

    server_id: str
    relay_host: str
    relay_port: int
    path: str
    """``/tw/<server-id>``."""
    remote_port: int
    """The slot's port at the relay."""
    relay_user: str
    """User at the relay's SSH."""
    relay_host_key: str
    """``ssh-ed25519 AAAA..``; also the signer."""
    relay_ca: str
    """The relay's private CA (PEM); empty where its certificate is a public one."""
    uuid: uuid.UUID
    """Of the server that it is for."""
    ssh_public_key: str
    """Of the server that it is for."""
    announce_users: bool
    """Whether the relay has to be told the UUIDs of the server's users."""
    role_signature: str
    """What the server keeps: that the relay made it one."""
    signature: bytes = b""
    """Ed25519, by the relay's SSH host key."""

    def signed_bytes(self) -> bytes:
        """What the signature is over: every other field, in canonical JSON."""
        fields = {**asdict(self), "uuid": str(self.uuid), "role": "server"}
        del fields["signature"]
        return _SIGNED_FOR + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    def signed(self, host_key: str | bytes) -> JoinResponse:
        """The same with a signature.

        Args:
            host_key: the private key of ``relay_host_key``, OpenSSH PEM.

        Raises:
            Misuse: ``bad-key``.
        """
        if public_key_of(host_key) != self.relay_host_key:
            raise Misuse("bad-key", "the response names another host key than the one that signs it")
        return replace(self, signature=sign(host_key, self.signed_bytes()))

    def to_text(self) -> str:
        """The file."""
        fields = asdict(self)
        fields |= {"uuid": str(self.uuid), "signature": base64.b64encode(self.signature).decode()}
        return format_record({"kind": _RESPONSE_KIND, "role": "server", **fields})

    @classmethod
    def parse(cls, text: str | bytes) -> JoinResponse:
        """The response in a file, its signature checked.

        Raises:
            Misuse: ``bad-join-file``, with the field.
        """
        reader = _reader(text, "join response")
        reader.kind(_RESPONSE_KIND)
        if reader.text("role", 16) != "server":
            reader.fail("role", "a join response makes a server")
        response = cls(
            server_id=_server_id(reader),
            relay_host=_as(reader, "relay_host", "xray.relay_host", reader.text("relay_host", 255)),
            relay_port=_as(reader, "relay_port", "xray.relay_port", reader.number("relay_port", 1, 65535)),
            path=_as(reader, "path", "xray.path", reader.text("path", 128)),
            remote_port=reader.number("remote_port", 1024, 65535),
            relay_user=_as(reader, "relay_user", "server.relay_ssh_user", reader.text("relay_user", 63)),
            relay_host_key=_key(reader, "relay_host_key"),
            relay_ca=_ca(reader, "relay_ca", optional=True),
            uuid=reader.uuid("uuid"),
            ssh_public_key=_key(reader, "ssh_public_key"),
            announce_users=reader.flag("announce_users"),
            role_signature=reader.text("role_signature", 128),
            signature=_signature(reader),
        )
        reader.end()
        if response.path != f"/tw/{response.server_id}":
            reader.fail("path", f"is not /tw/{response.server_id}")
        if not verify(response.relay_host_key, response.signature, response.signed_bytes()):
            reader.fail(
                "signature", "the relay did not sign this", "ask the relay's admin for the file again"
            )
        host_key, subject = response.relay_host_key, response.ssh_public_key
        if not is_role_signed(host_key, response.role_signature, "server", subject):
            reader.fail("role_signature", "the relay did not sign this")
        return response


def _server_id(reader: RecordReader) -> str:
    try:
        return check_server_id(reader.text("server_id", 64))
    except Misuse as exc:
        if exc.code != "bad-argument":
            raise
        reader.fail("server_id", exc.why, exc.hint)


def _key(reader: RecordReader, name: str) -> str:
    text = reader.text(name, 512)
    try:
        return check_public_key(text)
    except Misuse as exc:
        reader.fail(name, exc.why)


def _ca(reader: RecordReader, name: str, *, optional: bool = False) -> str:
    text = reader.text(name, MAX_JOIN_FILE_BYTES)
    if optional and not text:
        return ""
    try:
        check_ca(text)
    except Misuse as exc:
        reader.fail(name, exc.why)
    pem: str = _as(reader, name, "xray.relay_ca", text)
    return pem


def _signature(reader: RecordReader) -> bytes:
    try:
        return base64.b64decode(reader.text("signature", 128), validate=True)
    except (ValueError, binascii.Error):
        reader.fail("signature", "is not base64")


def make_join_request(profile: Profile, relay_host: str) -> JoinRequest:
    """The request of this server.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``bad-argument`` for the host.
    """
    config = need_mode(profile, "server", "tw join RELAY", signed=False)
    if config.xray.uuid is None or not config.server_id:
        raise Misuse(
            "not-set-up", "this server has no id yet", where=str(profile.config), hint="tw join RELAY"
        )
    try:
        host: str = check_field("xray.relay_host", relay_host)
    except Misuse as exc:
        raise Misuse("bad-argument", exc.why, hint=exc.hint) from None
    return JoinRequest(
        server_id=config.server_id,
        uuid=config.xray.uuid,
        ca_pem=profile.read(profile.ca_cert).decode("ascii", "replace"),
        ssh_public_key=public_key_of(profile.read(profile.private_key)),
        relay_host=host,
    )


def make_join_response(
    profile: Profile, request: JoinRequest, port: int, *, relay_port: int = 443
) -> JoinResponse:
    """The signed response of this relay.

    Args:
        request: as it was enrolled.
        port: the tenant's, as the tenant book gave it.
        relay_port: where clients reach the relay.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``bad-key``.
    """
    config = need_mode(profile, "relay", "tw relay run --domain NAME")
    host_key = profile.read(profile.host_key)
    standard = config.relay.kind == "standard"
    own_ca = not (standard or config.relay.cert or config.relay.behind_proxy)
    response = JoinResponse(
        server_id=request.server_id,
        relay_host=config.relay.domain,
        relay_port=relay_port,
        path=f"/tw/{request.server_id}",
        remote_port=port,
        relay_user=STANDARD_ACCOUNT if standard else request.server_id,
        relay_host_key=public_key_of(host_key),
        relay_ca=profile.read(profile.relay_ca_cert).decode("ascii", "replace") if own_ca else "",
        uuid=request.uuid,
        ssh_public_key=request.ssh_public_key,
        announce_users=standard,
        role_signature=sign_role(host_key, "server", request.ssh_public_key),
    )
    return response.signed(host_key)


def apply_response(profile: Profile, response: JoinResponse, *, force: bool = False) -> Config:
    """Take the slot: config.yaml changes as a whole, or not at all.

    Args:
        force: also when this server has pinned another relay.

    Returns:
        The new configuration.

    Raises:
        Misuse: ``bad-join-file`` when it is for another server, ``wrong-role``, ``not-set-up``,
            ``state-not-written``.
        Refused: ``host-key-mismatch`` when the relay has another host key than before.
    """
    with locked(profile):
        config = need_mode(profile, "server", "tw join RELAY", signed=False)
        own_key = public_key_of(profile.read(profile.private_key))
        for name, ours, theirs in (
            ("server_id", config.server_id, response.server_id),
            ("uuid", config.xray.uuid, response.uuid),
            ("ssh_public_key", own_key, response.ssh_public_key),
        ):
            if ours != theirs:
                raise Misuse(
                    "bad-join-file",
                    f"{name}: this response is for another server",
                    hint="apply it in the directory (--config-dir) that made the request",
                )
        if not verify(response.relay_host_key, response.signature, response.signed_bytes()):
            raise Misuse("bad-join-file", "signature: the relay did not sign this")
        pinned = config.server.relay_host_key
        if pinned and pinned != response.relay_host_key and not force:
            raise Refused(
                "host-key-mismatch",
                f"this server has pinned another relay ({config.xray.relay_host})",
                where=response.relay_host,
                hint="if the relay was really replaced, apply with --force",
            )
        changed = replace(
            config,
            role_signature=response.role_signature,
            xray=replace(
                config.xray,
                relay_host=response.relay_host,
                relay_port=response.relay_port,
                path=response.path,
                relay_ca=response.relay_ca,
            ),
            server=replace(
                config.server,
                relay_ssh_user=response.relay_user,
                relay_host_key=response.relay_host_key,
                remote_port=response.remote_port,
                announce_users=response.announce_users,
            ),
        )
        if changed != config:
            save_config(profile.config, changed)
        return changed
