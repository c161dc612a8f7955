"""A guest's side of an invitation: through the relay's gate, ask the one who invites, and go.

No key of the invitation is left anywhere, not even when the process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..base.errors import Misuse, PeerFault, Refused, TwError, Unreachable
from ..base.services import CLAIM, INVITED, JOIN
from ..base.values import HostPort
from ..bundle import BundleContents, check_client_files, install_bundle
from ..net.link import RelayEndpoint
from ..net.presented import presented_certificate
from ..net.proxy import Proxy
from ..net.uplink import Uplink, UplinkSettings
from ..pki import (
    InvitationKeys,
    certificate_uuid,
    invitation_leaf,
    new_ssh_key,
    new_tls_key,
    pinned_leaf,
    public_key_of,
    public_tls_key,
)
from ..profile import (
    Config,
    Profile,
    ensure_directory,
    load_config,
    locked,
    remove_file,
    write_files,
)
from ..relay.gate import RELAY_SSH
from ..ssh.service import ask
from ..ssh.session import open_session
from ..tenancy import (
    ClaimAnswer,
    ClaimRequest,
    JoinResponse,
    Token,
    apply_response,
    invitation_id,
    make_join_request,
    make_server_identity,
    read_answer,
)
from .watch import INTERVAL_S

__all__ = ["ask_inviter", "connect_by_invitation", "join_by_invitation"]

_log = logging.getLogger("tw")

_AT_THE_GATE = frozenset({"certificate-refused", "relay-refused", "user-not-active"})
"""What one hears who knocks with an invitation that nobody knows (any more)."""

_ASK = "ask for a new invitation"


@dataclass(frozen=True, slots=True)
class _Way:
    """To the one who invites."""

    path: str
    destination: HostPort
    user: str
    service: HostPort
    certificate: str
    key: str


def _way(token: Token, keys: InvitationKeys, now: float) -> _Way:
    if token.kind == "join":
        guest = invitation_id(keys.ssh_public)
        leaf = invitation_leaf(keys, (token.expires - now) / 86_400)
        return _Way(f"/tw/{guest}", RELAY_SSH, guest, JOIN, *leaf)
    listener = HostPort("127.0.0.1", token.remote_port)
    certificate = ssl.DER_cert_to_PEM_cert(token.certificate)
    return _Way(f"/tw/{token.server_id}", listener, INVITED, CLAIM, certificate, keys.tls_key)


def need_valid(token: Token, wall_clock: Callable[[], float] = time.time, *, hint: str = _ASK) -> None:
    """Refuse an invitation that has ended, before anything is made for it.

    Args:
        hint: what to do then.

    Raises:
        Refused: ``invitation-over``.
    """
    if wall_clock() >= token.expires:
        end = datetime.fromtimestamp(token.expires, UTC).astimezone()
        raise Refused("invitation-over", f"this invitation ended on {end:%Y-%m-%d at %H:%M}", hint=hint)


async def ask_inviter(
    token: Token, question: bytes, *, proxy: Proxy | None, wall_clock: Callable[[], float] = time.time
) -> str:
    """What the one who invited answers.

    Raises:
        Refused: ``invitation-over``, or as he says.
        TwError: he cannot be reached, or is somebody else.
    """
    need_valid(token, wall_clock)
    keys = InvitationKeys.of(token.secret)
    way = _way(token, keys, wall_clock())
    where = str(token.relay)
    ca_pem = ""
    if token.relay_pin:
        ca_pem = pinned_leaf(await presented_certificate(token.relay, proxy), token.relay_pin, where)
    uplink = _uplink(token, way, certificate_uuid(way.certificate) or keys.uuid, ca_pem, proxy)
    try:
        return read_answer(await _ask_soon(uplink, way, token, keys, question))
    except TwError as exc:
        if exc.code not in _AT_THE_GATE:
            raise
        why = "nobody there knows this invitation: it has expired, or was withdrawn"
        hint = f"is this machine's clock right? if it is, {_ASK}"
        raise Refused("invitation-over", why, where=where, hint=hint) from exc
    finally:
        await uplink.close()


def _uplink(token: Token, way: _Way, named: uuid.UUID, ca_pem: str, proxy: Proxy | None) -> Uplink:
    """OpenSSL reads certificate and key from files alone: they are there while it does."""
    with tempfile.TemporaryDirectory(prefix="tw-") as directory:
        shown = Profile(Path(directory))
        write_files({shown.client_cert: way.certificate, shown.client_key: way.key})
        endpoint = RelayEndpoint(
            token.relay, ca_pem=ca_pem, certificate=shown.client_cert, key=shown.client_key, proxy=proxy
        )
        return Uplink(UplinkSettings(endpoint, way.path, named))


async def _ask_soon(uplink: Uplink, way: _Way, token: Token, keys: InvitationKeys, question: bytes) -> bytes:
    """Ask, and once more: the invitation may be younger than the relay's last look at its files."""
    try:
        return await _ask(uplink, way, token, keys, question)
    except TwError as exc:
        if exc.code not in _AT_THE_GATE or token.kind != "join":
            raise
    await asyncio.sleep(2 * INTERVAL_S)
    return await _ask(uplink, way, token, keys, question)


async def _ask(uplink: Uplink, way: _Way, token: Token, keys: InvitationKeys, question: bytes) -> bytes:
    answered = False

    async def open_stream(
        factory: Callable[[], asyncio.Protocol],
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        nonlocal answered
        result = await uplink.open(way.destination, factory)
        answered = True
        return result

    private_key = keys.ssh_private.encode()
    name = "relay" if token.kind == "join" else "server"
    try:
        session = await open_session(
            open_stream, user=way.user, private_key=private_key, host_key=token.host_key, name=name
        )
    except Unreachable as exc:
        if not answered or name == "relay":
            raise
        raise Unreachable(
            "server-not-there",
            "the relay answers, but the server's side does not",
            hint="is tw serve running there? the invitation is not used up: try again then",
        ) from exc
    try:
        return await ask(session, way.service, question)
    finally:
        session.close()


def proxy_for(profile: Profile, relay: HostPort, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that this identity is told to use, else the environment's.

    Raises:
        Misuse: ``bad-argument``, ``bad-config``.
    """
    config = load_config(profile.config) if profile.config.exists() else None
    if config is not None and config.proxy:
        return Proxy.parse(config.proxy)
    return Proxy.from_environment(relay.host, environ)


async def join_by_invitation(
    profile: Profile, token: Token, server_id: str, environ: Mapping[str, str] = os.environ
) -> Config:
    """Make this directory a tenant of the relay that invites; after a crash the same call completes it.

    Args:
        server_id: that it will have.

    Raises:
        TwError: then it is not enrolled; the invitation can be used again by this machine.
    """
    need_valid(token)
    before = load_config(profile.config) if profile.config.exists() else None
    pinned = before.server.relay_host_key if before is not None else ""
    if before is not None and pinned and pinned != token.host_key:
        raise Refused(
            "host-key-mismatch",
            f"this server has pinned another relay ({before.xray.relay_host})",
            where=str(token.relay),
            hint="for a second relay: tw create context NAME, then tw join there",
        )
    make_server_identity(profile, server_id)
    request = make_join_request(profile, token.relay.host)
    answer = await ask_inviter(
        token, request.to_text().encode(), proxy=proxy_for(profile, token.relay, environ)
    )
    try:
        response = JoinResponse.parse(answer)
    except Misuse as exc:
        raise _unusable(exc) from None
    if response.relay_host_key != token.host_key:
        raise Refused(
            "host-key-mismatch", "the answer names another relay's key", where=str(token.relay), hint=_ASK
        )
    return apply_response(profile, response)


async def connect_by_invitation(
    profile: Profile, token: Token, environ: Mapping[str, str] = os.environ
) -> Config:
    """Make this directory the invited user's, with keys made here; after a crash the same call
    completes it. A directory that is that user's already keeps its keys, and gets the rest anew.

    Raises:
        TwError: then it is not that user's; the invitation can be used again by this machine.
    """
    is_known = _is_that_user(profile, token)
    need_valid(token, hint=f"this machine is {token.name} already: tw connect" if is_known else _ASK)
    proxy = proxy_for(profile, token.relay, environ)
    keys = profile if is_known else _new_keys(profile, token)
    ssh_key, tls_key = (
        keys.read(path).decode("ascii", "replace") for path in (keys.private_key, keys.client_key)
    )
    request = ClaimRequest(public_key_of(ssh_key), public_tls_key(tls_key))
    answer = await ask_inviter(token, request.to_text().encode(), proxy=proxy)
    try:
        contents = _contents(ClaimAnswer.parse(answer), token, ssh_key, tls_key)
    except Misuse as exc:
        raise _unusable(exc) from None
    config = install_bundle(profile, contents)
    aside = _aside(profile, token)
    for path in (aside.private_key, aside.client_key):
        remove_file(path)
    with contextlib.suppress(OSError):
        aside.directory.rmdir()
    return config


def _contents(answer: ClaimAnswer, token: Token, ssh_key: str, tls_key: str) -> BundleContents:
    """What a bundle would have held: the same checks, and the server that was meant.

    Raises:
        Misuse: ``bad-bundle``, ``bad-key``.
    """
    files = {
        "config.yaml": answer.config,
        "id_ed25519": ssh_key,
        "id_ed25519.pub": f"{public_key_of(ssh_key)} {token.name}@tw\n",
        "client.crt": answer.certificate,
        "client.key": tls_key,
    }
    contents = check_client_files({name: text.encode() for name, text in files.items()})
    if contents.config.client.server_host_key != token.host_key:
        raise Misuse("bad-bundle", "it is for another server")
    return contents


def _unusable(exc: Misuse) -> PeerFault:
    return PeerFault("protocol-fault", f"the answer cannot be used: {exc}", hint=_ASK)


def _is_that_user(profile: Profile, token: Token) -> bool:
    """Whether this directory is the invited user's already; nobody's else.

    Raises:
        Misuse: ``exists``, ``wrong-role``: it is somebody else's.
    """
    hint = "make a place for it first: tw create context NAME"
    if profile.config.exists():
        config = load_config(profile.config)
        if config.mode != "client":
            why = f"this directory is a {config.mode}'s, and this invitation makes a client"
            raise Misuse("wrong-role", why, where=str(profile.directory), hint=hint)
        named = certificate_uuid(ssl.DER_cert_to_PEM_cert(token.certificate))
        if config.xray.uuid == named and config.client.server_host_key == token.host_key:
            return True
    elif all(_is_begun(profile.directory / name, token, profile) for name in ("id_ed25519", "client.key")):
        return False
    raise Misuse("exists", "there is another identity here already", where=str(profile.directory), hint=hint)


def _is_begun(path: Path, token: Token, profile: Profile) -> bool:
    """Whether the key is not there, or was put there by an earlier try with this invitation."""
    aside = _aside(profile, token).directory / path.name
    return not path.exists() or (aside.exists() and profile.read(path) == profile.read(aside))


def _aside(profile: Profile, token: Token) -> Profile:
    """Where keys wait until the server has answered."""
    guest = invitation_id(InvitationKeys.of(token.secret).ssh_public)
    return Profile(profile.run / f"claim{guest}")


def _new_keys(profile: Profile, token: Token) -> Profile:
    """Keys for this invitation, aside until the server has answered; those that are there are used."""
    aside = _aside(profile, token)
    with locked(profile):
        if not (aside.private_key.exists() and aside.client_key.exists()):
            ensure_directory(profile.run)
            ensure_directory(aside.directory)
            write_files({aside.client_key: new_tls_key(), aside.private_key: new_ssh_key()[0]})
    return aside
