"""Admitting a server to a relay: by the file of its admin, or by an invitation that it uses.

Each step is repeated by the same call after a crash, and changes nothing when it was done already.
An invitation is marked as used before the slot is made, so that it never makes two; the guest that
it is marked for gets the slot whenever he asks again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from ..audit import acting, note
from ..base.errors import Misuse, Refused
from ..base.values import HostPort
from ..pki import InvitationKeys, invitation_authority, new_secret, pin_of, public_key_of
from ..profile import Profile, load_config, locked
from .identity import need_mode
from .invites import Invite, InviteBook, invitation_id
from .join import JoinRequest, JoinResponse, make_join_response
from .names import check_server_id
from .tenants import TenantBook
from .token import Token

__all__ = ["accept_guest", "enroll_server", "invite_server", "unenroll_server"]

_FIRST_STEP = "tw relay run --domain NAME"


def enroll_server(
    profile: Profile,
    request: JoinRequest,
    *,
    relay_port: int = 443,
    wall_clock: Callable[[], float] = time.time,
) -> JoinResponse:
    """Give the server its slot; the same request gets the same answer again.

    Args:
        profile: of the relay.
        relay_port: where clients reach the relay.

    Raises:
        Misuse: ``bad-join-file`` when the request is for another relay; see ``TenantBook.enroll``.
    """
    with locked(profile):
        config = need_mode(profile, "relay", _FIRST_STEP)
        if request.relay_host != config.relay.domain:
            raise Misuse(
                "bad-join-file",
                f"relay_host: this request is for the relay {request.relay_host}, not for {config.relay.domain}",
                hint=f"its server's admin makes one for this relay: tw join {config.relay.domain}",
            )
        record = TenantBook(profile, wall_clock).enroll(request)
        return make_join_response(profile, request, record.port, relay_port=relay_port)


def unenroll_server(profile: Profile, name: str) -> str:
    """Take a slot away, and the invitation that it came by: it must not bring the server back.

    Args:
        name: of a server; or name or id of an invitation that nobody has used.

    Returns:
        What was removed, for people.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument``, ``state-not-written``.
    """
    with locked(profile):
        withdrawn = InviteBook(profile).withdraw(name)
        book = TenantBook(profile)
        if withdrawn and not book.has(name):
            note(profile, "invitation-withdrawn", server=name)
            return f"the invitation {name}"
        book.remove(name)
        return f"server {name}"


def invite_server(
    profile: Profile,
    name: str = "",
    *,
    expires: float,
    relay_port: int = 443,
    wall_clock: Callable[[], float] = time.time,
) -> Token:
    """Let whoever has the token make one server a tenant, once.

    Args:
        profile: of the relay.
        name: the server's id; empty: the guest chooses.
        expires: Unix time in seconds.
        relay_port: where the guest reaches the relay.

    Raises:
        Misuse: ``exists`` for an id that is taken, ``bad-argument`` also at a standard relay,
            ``wrong-role``, ``too-many``.
    """
    secret = new_secret()
    keys = InvitationKeys.of(secret)
    with locked(profile):
        config = need_mode(profile, "relay", _FIRST_STEP)
        if config.relay.kind == "standard":
            raise Misuse(
                "bad-argument",
                "a standard relay runs nothing of ours, so nobody there could answer a guest",
                hint=f"at the server tw join {config.relay.domain}, and here tw enroll REQUEST",
            )
        if name and TenantBook(profile).has(check_server_id(name)):
            raise Misuse(
                "exists",
                f"a server {name!r} is enrolled already",
                hint="another --name, or tw unenroll it first",
            )
        now = wall_clock()
        moment = datetime.fromtimestamp(now, UTC)
        ca = invitation_authority(keys, (expires - now) / 86_400, lambda: moment)
        invite = Invite(keys.ssh_public, expires, now, name, keys.uuid, ca.cert_pem, relay_port)
        InviteBook(profile, wall_clock).add(invite)
        note(profile, "invitation-made", invitation=invite.id, server=name)
    own_ca = not config.relay.cert and not config.relay.behind_proxy
    return Token(
        "join",
        secret,
        int(expires),
        HostPort(config.relay.domain, relay_port),
        pin_of(profile.read(profile.relay_ca_cert).decode("ascii", "replace")) if own_ca else b"",
        public_key_of(profile.read(profile.host_key)),
        name,
    )


def accept_guest(
    profile: Profile, invitation: str, request: JoinRequest, *, wall_clock: Callable[[], float] = time.time
) -> JoinResponse:
    """Make the guest a tenant, if the invitation is good; the same guest gets the same answer again.

    Args:
        profile: of the relay.
        invitation: its public key, with which the guest logged in.

    Raises:
        Refused: ``invitation-over``, ``not-authorised`` for another id than he was invited as.
        Misuse: see ``enroll_server``; then the invitation can still be used.
    """
    with locked(profile), acting(f"guest:{invitation_id(invitation)}"):
        book = InviteBook(profile, wall_clock)
        invite = book.open(invitation, request.ssh_public_key)
        wanted = invite.used_as or invite.name
        if wanted not in ("", request.server_id):
            raise Refused(
                "not-authorised",
                f"this invitation is for the server {wanted!r}",
                hint=f"tw join TOKEN --id {wanted}",
            )
        if request.relay_host != load_config(profile.config).relay.domain:
            raise Refused("not-authorised", f"this is not the relay {request.relay_host}")
        if not invite.used_by:
            TenantBook(profile, wall_clock).check(request)
            book.use(invite, request.ssh_public_key, request.server_id)
            note(profile, "invitation-used", invitation=invite.id, server=request.server_id)
        return enroll_server(profile, request, relay_port=invite.relay_port, wall_clock=wall_clock)
