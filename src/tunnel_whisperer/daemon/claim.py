"""A guest's side of an invitation: through the relay's gate, ask the one who invites, and go.

What is shown at the gate lives in a temporary directory for the time of the question.
"""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..base.errors import Refused, TwError
from ..base.services import CLAIM, INVITED, JOIN
from ..base.values import HostPort
from ..net.link import RelayEndpoint
from ..net.presented import presented_certificate
from ..net.proxy import Proxy
from ..net.uplink import Uplink, UplinkSettings
from ..pki import InvitationKeys, certificate_uuid, invitation_leaf, pinned_leaf
from ..profile import Config, Profile, load_config, write_files
from ..relay.gate import RELAY_SSH
from ..ssh.service import ask
from ..ssh.session import open_session
from ..tenancy import (
    JoinResponse,
    Token,
    apply_response,
    invitation_id,
    make_join_request,
    make_server_identity,
    read_answer,
)

__all__ = ["ask_inviter", "join_by_invitation"]

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


def _way(token: Token, keys: InvitationKeys) -> _Way:
    if token.kind == "join":
        guest = invitation_id(keys.ssh_public)
        return _Way(f"/tw/{guest}", RELAY_SSH, guest, JOIN, *invitation_leaf(keys))
    listener = HostPort("127.0.0.1", token.remote_port)
    certificate = ssl.DER_cert_to_PEM_cert(token.certificate)
    return _Way(f"/tw/{token.server_id}", listener, INVITED, CLAIM, certificate, keys.tls_key)


def need_valid(token: Token, wall_clock: Callable[[], float] = time.time) -> None:
    """Refuse an invitation that has ended, before anything is made for it.

    Raises:
        Refused: ``invitation-over``.
    """
    if wall_clock() >= token.expires:
        end = datetime.fromtimestamp(token.expires, UTC).astimezone()
        raise Refused("invitation-over", f"this invitation ended on {end:%Y-%m-%d at %H:%M}", hint=_ASK)


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
    way = _way(token, keys)
    where = str(token.relay)
    ca_pem = ""
    if token.relay_pin:
        ca_pem = pinned_leaf(await presented_certificate(token.relay, proxy), token.relay_pin, where)
    with tempfile.TemporaryDirectory(prefix="tw-") as directory:
        shown = Profile(Path(directory))
        write_files({shown.client_cert: way.certificate, shown.client_key: way.key})
        endpoint = RelayEndpoint(
            token.relay, ca_pem=ca_pem, certificate=shown.client_cert, key=shown.client_key, proxy=proxy
        )
        named = certificate_uuid(way.certificate) or keys.uuid
        uplink = Uplink(UplinkSettings(endpoint, way.path, named))
        try:
            return read_answer(await _ask(uplink, way, token, keys, question))
        except TwError as exc:
            if exc.code not in _AT_THE_GATE:
                raise
            why = "nobody there knows this invitation: it has expired, or was withdrawn"
            raise Refused("invitation-over", why, where=where, hint=_ASK) from exc
        finally:
            await uplink.close()


async def _ask(uplink: Uplink, way: _Way, token: Token, keys: InvitationKeys, question: bytes) -> bytes:
    session = await open_session(
        lambda factory: uplink.open(way.destination, factory),
        user=way.user,
        private_key=keys.ssh_private.encode(),
        host_key=token.host_key,
        name="relay" if token.kind == "join" else "server",
    )
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
    response = JoinResponse.parse(answer)
    if response.relay_host_key != token.host_key:
        raise Refused(
            "host-key-mismatch", "the answer names another relay's key", where=str(token.relay), hint=_ASK
        )
    return apply_response(profile, response)
