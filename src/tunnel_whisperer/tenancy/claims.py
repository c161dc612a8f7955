"""A user who is invited, and brings keys of their own: no private key travels.

    server's admin   a record of the user without a key, and an invitation         (token)
    user's machine   makes keys, and asks with the public ones     -- claim request -->
    server           marks the invitation as used, writes record and certificate,
                     and then the line in authorized_keys          <-- certificate, config.yaml --

An invitation for a user who has keys already gives them to another machine: the old ones are let in
no more. Each step is done by the same request again after a crash.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..audit import acting, note
from ..base.errors import Misuse, Refused
from ..base.limits import MAX_SERVICE_BYTES
from ..base.values import HostPort
from ..pki import (
    InvitationKeys,
    certificate_ends,
    certify_client,
    check_public_key,
    issue_client,
    new_secret,
    pin_of,
    public_key_of,
    public_tls_key,
)
from ..profile import Config, Profile, locked, remove_file, write_file
from .access_lines import add_line, has_line, remove_lines
from .identity import load_authority, need_mode
from .invites import Invite, InviteBook, invitation_id
from .records import RecordReader, format_record
from .token import Token
from .user import User
from .users import RENEW_BEFORE, UserBook

__all__ = ["ClaimAnswer", "ClaimRequest", "accept_claim", "invite_user"]

_REQUEST_KIND = "claim request"
_ANSWER_KIND = "claim answer"
_FIRST_STEP = "tw join RELAY"
_ASK = "ask for a new invitation"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """The keys of who comes."""

    ssh_public_key: str
    """``ssh-ed25519 AAAA..``."""
    tls_public_key: str
    """PEM."""

    def to_text(self) -> str:
        """The question."""
        return format_record(
            {
                "kind": _REQUEST_KIND,
                "ssh_public_key": self.ssh_public_key,
                "tls_public_key": self.tls_public_key,
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> ClaimRequest:
        """The request in a question.

        Raises:
            Misuse: ``bad-argument``, ``bad-key``.
        """
        reader = RecordReader(data, limit=MAX_SERVICE_BYTES, code="bad-argument", what="claim request")
        reader.kind(_REQUEST_KIND)
        request = cls(
            check_public_key(reader.text("ssh_public_key", 512)), reader.text("tls_public_key", 1024)
        )
        reader.end()
        return request


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What makes the machine that user's."""

    certificate: str
    """For the relay's gate, PEM."""
    config: str
    """config.yaml."""

    def to_text(self) -> str:
        """The answer."""
        return format_record({"kind": _ANSWER_KIND, "certificate": self.certificate, "config": self.config})

    @classmethod
    def parse(cls, text: str) -> ClaimAnswer:
        """The answer in a text; what is in it has yet to be checked.

        Raises:
            Misuse: ``bad-argument``.
        """
        reader = RecordReader(text, limit=MAX_SERVICE_BYTES, code="bad-argument", what="claim answer")
        reader.kind(_ANSWER_KIND)
        answer = cls(reader.text("certificate", 32_768), reader.text("config", MAX_SERVICE_BYTES))
        reader.end()
        return answer


def invite_user(
    profile: Profile, name: str, *, expires: float, wall_clock: Callable[[], float] = time.time
) -> Token:
    """Let whoever has the token become this user, once; an earlier token of the user is void.

    Args:
        profile: of the server.
        expires: of the invitation, Unix time in seconds.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument``, ``not-set-up`` when the server has no relay yet,
            ``too-many``.
    """
    secret = new_secret()
    keys = InvitationKeys.of(secret)
    with locked(profile):
        config = need_mode(profile, "server", _FIRST_STEP)
        if missing := config.missing():
            raise Misuse(
                "not-set-up", f"{missing[0]} is not set", where=str(profile.config), hint=_FIRST_STEP
            )
        user = UserBook(profile, wall_clock).get(name)
        now = wall_clock()
        invite = Invite(keys.ssh_public, expires, now, user.name, user.uuid)
        InviteBook(profile, wall_clock).add(invite)
        note(profile, "invitation-made", invitation=invite.id, user=name)
    return _token(profile, config, user, secret, keys, expires, now)


def _token(
    profile: Profile,
    config: Config,
    user: User,
    secret: bytes,
    keys: InvitationKeys,
    expires: float,
    now: float,
) -> Token:
    ca = load_authority(profile.ca_cert, profile.ca_key)
    moment, days = datetime.fromtimestamp(now, UTC), (expires - now) / 86_400
    cert, _ = issue_client(ca, user.uuid, user.name, days, lambda: moment, keys.tls_key)
    xray = config.xray
    return Token(
        "connect",
        secret,
        int(expires),
        HostPort(xray.relay_host, xray.relay_port),
        pin_of(xray.relay_ca) if xray.relay_ca else b"",
        public_key_of(profile.read(profile.host_key)),
        user.name,
        config.server_id,
        config.server.remote_port,
        ssl.PEM_cert_to_DER_cert(cert),
    )


def accept_claim(
    profile: Profile, invitation: str, request: ClaimRequest, *, wall_clock: Callable[[], float] = time.time
) -> tuple[User, str]:
    """Let the user in with these keys from now on, if the invitation is good; the same again for the
    same keys, but nobody comes in again who was put out in between.

    Args:
        profile: of the server.
        invitation: its public key, with which the guest logged in.

    Returns:
        The user, and the certificate for the TLS key.

    Raises:
        Refused: ``invitation-over``.
        Misuse: ``bad-certificate``, ``exists`` for the key of another user, ``state-not-written``.
    """
    key = request.ssh_public_key
    with locked(profile), acting(f"guest:{invitation_id(invitation)}"):
        need_mode(profile, "server", _FIRST_STEP)
        invites, users = InviteBook(profile, wall_clock), UserBook(profile, wall_clock)
        invite = invites.open(invitation, key)
        user = next((x for x in users.survey()[0] if x.uuid == invite.uuid), None)
        if user is None:
            raise Refused("invitation-over", "this user was deleted", hint=_ASK)
        if any(x.public_key == key for x in users.survey()[0] if x.name != user.name):
            raise Misuse("exists", "this key is another user's", hint="make a new key")
        cert = _certificate(profile, user, request.tls_public_key, wall_clock)
        if not invite.used_by:
            invites.use(invite, key, user.name)
            note(profile, "invitation-used", invitation=invite.id, user=user.name)
        own = Profile(profile.users / user.name)
        if user.public_key != key or not own.public_key.exists():
            user = _let_in(profile, own, user, key)
        if _read(own.client_cert) != cert:
            write_file(own.client_cert, cert)
        return user, cert


def _let_in(profile: Profile, own: Profile, before: User, key: str) -> User:
    """Record, then line; the file of the public key is last, and says that both are done."""
    user = replace(before, public_key=key)
    record = profile.read(profile.authorized_keys) if profile.authorized_keys.exists() else b""
    changed = remove_lines(record, user.name, before.public_key)
    if user.registered and not has_line(changed, user.name, key):
        changed = add_line(changed, user.access_line())
    for path in (own.private_key, own.public_key, own.client_key):
        remove_file(path)
    write_file(profile.users / user.name / "user.json", user.to_text())
    write_file(profile.authorized_keys, changed)
    write_file(own.public_key, f"{key} {user.name}@tw\n")
    return user


def _certificate(profile: Profile, user: User, tls_public_key: str, wall_clock: Callable[[], float]) -> str:
    """The one that is there, if it is for this key and good for a while; else a new one."""
    now = datetime.fromtimestamp(wall_clock(), UTC)
    cert = _read(Profile(profile.users / user.name).client_cert)
    same = cert and public_tls_key(cert).split() == tls_public_key.split()
    if same and certificate_ends(cert) - now > RENEW_BEFORE:
        return cert
    ca = load_authority(profile.ca_cert, profile.ca_key)
    return certify_client(ca, user.uuid, user.name, tls_public_key, now=lambda: now)


def _read(path: Path) -> str:
    """The text of a certificate; empty where there is none."""
    return Profile(path.parent).read(path).decode("ascii", "replace") if path.exists() else ""
