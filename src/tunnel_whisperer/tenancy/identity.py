"""Making the identity of a server or a relay, so that a crash at any step is mended by a second run.

config.yaml is written last: without it there is no identity yet, and whatever is there is used.
What others know already (keys, CA) is never made anew: then the backup is needed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..base.errors import Misuse
from ..pki import (
    CertificateAuthority,
    certificate_ends,
    certificate_hosts,
    certificate_uuid,
    check_key_pair,
    issue_client,
    issue_server,
    issued_by,
    make_ca,
    new_ssh_key,
    public_key_of,
    sign_role,
)
from ..profile import (
    Config,
    Profile,
    RelayConfig,
    ServerConfig,
    check_field,
    ensure_directory,
    load_config,
    locked,
    save_config,
    write_file,
    write_files,
)
from .names import RELAY_ADMIN, check_server_id
from .roles import check_signed_role, lost_file, other_role

__all__ = [
    "load_authority",
    "make_relay_identity",
    "make_server_identity",
    "make_standard_relay_identity",
    "need_mode",
]

_RENEW_BEFORE = timedelta(days=30)
"""A leaf with less time left is issued again."""


def make_server_identity(profile: Profile, server_id: str) -> Config:
    """Make this directory a server's, or complete it; the relay comes with a join response.

    Returns:
        Its configuration.

    Raises:
        Misuse: ``wrong-role``, ``exists`` for a server of another id, ``bad-argument``,
            ``not-set-up`` when a part that the relay knows was lost, ``state-not-written``.
    """
    check_server_id(server_id)
    with locked(profile):
        existing = _existing(profile, "server", "tw join RELAY")
        enrolled = existing is not None and bool(existing.xray.relay_host)
        known = enrolled or any(profile.users.glob("*/user.json"))
        # Before a relay answered, nobody knows it by its id: a guest whose id is taken takes another.
        if known and existing is not None and existing.server_id not in ("", server_id):
            raise Misuse(
                "exists",
                f"this directory is the server {existing.server_id!r}",
                where=str(profile.directory),
                hint="use that id, or tw create context NAME for another server",
            )
        _make_ssh_key(profile.private_key, profile.public_key, server_id, known=known)
        _make_ssh_key(profile.host_key, profile.host_public_key, server_id, known=known)
        ca = _make_authority(profile.ca_cert, profile.ca_key, server_id, known=known)
        wanted = existing.xray.uuid if existing is not None else None
        own = _make_client_leaf(profile, ca, server_id, wanted)
        if not profile.authorized_keys.exists():
            write_file(profile.authorized_keys, b"")
        config = existing or Config(mode="server", server=ServerConfig(relay_ssh_user=server_id))
        config = replace(config, xray=replace(config.xray, uuid=own, path=f"/tw/{server_id}"))
        if not known:
            config = replace(config, server=replace(config.server, relay_ssh_user=server_id))
        if config != existing:
            save_config(profile.config, config)
        return config


def make_relay_identity(
    profile: Profile,
    domain: str,
    *,
    listen: str = "",
    behind_proxy: bool | None = None,
    cert: str = "",
    key: str = "",
) -> Config:
    """Make this directory an embedded relay's, or complete and update it.

    Args:
        domain: name or address that clients use; empty keeps the one of before.
        listen, behind_proxy, cert, key: as in config.yaml; left out, they stay as they are.

    Returns:
        Its configuration.

    Raises:
        Misuse: ``wrong-role``, ``bad-argument``, ``not-set-up`` when a part that the servers know
            was lost, ``state-not-written``.
    """
    with locked(profile):
        existing = _existing(profile, "relay", "tw relay run --domain NAME")
        before = existing.relay if existing is not None else RelayConfig()
        if before.kind != "embedded":
            raise Misuse(
                "wrong-role",
                f"this directory is the relay {before.domain}, which runs on a machine of its own",
                where=str(profile.directory),
                hint="tw create context NAME, then tw relay run --domain NAME",
            )
        relay = replace(
            before,
            domain=_domain(domain or before.domain),
            listen=listen or before.listen,
            behind_proxy=before.behind_proxy if behind_proxy is None else behind_proxy,
            cert=cert or before.cert,
            key=key or before.key,
        )
        known = any(profile.servers.glob("*.json"))
        _make_ssh_key(profile.host_key, profile.host_public_key, relay.domain, known=known)
        ensure_directory(profile.relay)
        ensure_directory(profile.servers)
        ca = _make_authority(profile.relay_ca_cert, profile.relay_ca_key, relay.domain, known=known)
        _make_relay_leaf(profile, ca, relay.domain)
        config = replace(existing, relay=relay) if existing is not None else _new_relay(profile, relay)
        if config != existing:
            save_config(profile.config, config)
        return config


def make_standard_relay_identity(profile: Profile, domain: str, *, ssh_open: bool | None = None) -> Config:
    """Make this directory a standard relay's, which runs on a machine of its own, or complete it.

    Its administrator comes to that machine as a server would, by a slot of the relay's own: hence
    a CA, a client certificate and an SSH key besides the host key, by which servers know the relay.

    Args:
        ssh_open: whether port 22 is open to everybody; left out, it stays as it is.

    Returns:
        Its configuration.

    Raises:
        Misuse: ``wrong-role``; ``exists`` for a relay of another name; ``bad-argument``,
            ``not-set-up`` when a part that the machine knows was lost, ``state-not-written``.
    """
    with locked(profile):
        existing = _existing(profile, "relay", "tw create relay-server")
        before = existing.relay if existing is not None else RelayConfig(kind="standard")
        name = _domain(domain or before.domain)
        _check_same_relay(profile, before, name)
        relay = replace(before, domain=name, ssh_open=before.ssh_open if ssh_open is None else ssh_open)
        known = existing is not None
        _make_ssh_key(profile.host_key, profile.host_public_key, name, known=known)
        _make_ssh_key(profile.private_key, profile.public_key, RELAY_ADMIN, known=known)
        ensure_directory(profile.relay)
        ensure_directory(profile.servers)
        ca = _make_authority(profile.ca_cert, profile.ca_key, RELAY_ADMIN, known=known)
        _make_client_leaf(profile, ca, RELAY_ADMIN, None)
        config = replace(existing, relay=relay) if existing is not None else _new_relay(profile, relay)
        if config != existing:
            save_config(profile.config, config)
        return config


def _check_same_relay(profile: Profile, before: RelayConfig, domain: str) -> None:
    if before.kind != "standard":
        what = f"the embedded relay {before.domain}"
    elif before.domain not in ("", domain):
        what = f"the relay {before.domain}"
    else:
        return
    raise Misuse(
        "exists",
        f"this directory is {what}",
        where=str(profile.directory),
        hint="tw create context NAME makes a place for another relay",
    )


def need_mode(profile: Profile, mode: str, first_step: str, *, signed: bool = True) -> Config:
    """The configuration of an identity that must have this role.

    Args:
        first_step: the command that makes such an identity.
        signed: whether it must have been signed already.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``bad-config``.
    """
    config = load_config(profile.config)
    if config.mode != mode:
        raise other_role(config, mode, profile, first_step)
    check_signed_role(config, profile, may_lack=not signed)
    return config


def load_authority(cert: Path, key: Path) -> CertificateAuthority:
    """A CA out of its files.

    Raises:
        Misuse: ``not-set-up``, ``file-unreadable``.
    """
    profile = Profile(cert.parent)
    texts = [profile.read(path).decode("utf-8", "replace") for path in (cert, key)]
    return CertificateAuthority("", *texts)


def _new_relay(profile: Profile, relay: RelayConfig) -> Config:
    host_key = profile.read(profile.host_key)
    signature = sign_role(host_key, "relay", public_key_of(host_key))
    return Config(mode="relay", role_signature=signature, relay=relay)


def _existing(profile: Profile, mode: str, first_step: str) -> Config | None:
    if not profile.config.exists():
        return None
    return need_mode(profile, mode, first_step, signed=mode != "server")


def _domain(text: str) -> str:
    if not text:
        raise Misuse("bad-argument", "a relay needs the name that its clients use", hint="--domain NAME")
    try:
        domain: str = check_field("relay.domain", text)
    except Misuse as exc:
        raise Misuse("bad-argument", exc.why, hint=exc.hint) from None
    return domain


def _must_be_new(path: Path, *, known: bool) -> None:
    if known:
        raise lost_file(path)


def _make_ssh_key(private: Path, public: Path, comment: str, *, known: bool) -> None:
    if not private.exists():
        _must_be_new(private, known=known)
        write_file(private, new_ssh_key()[0])
    try:
        line = public_key_of(Profile(private.parent).read(private))
    except Misuse as exc:
        exc.where = str(private)
        raise
    text = f"{line} {comment}@tw\n"
    if _text(public).split()[:2] != line.split():
        write_file(public, text)


def _make_authority(cert: Path, key: Path, name: str, *, known: bool) -> CertificateAuthority:
    if not cert.exists() or not key.exists():
        _must_be_new(key if cert.exists() else cert, known=known)
        ca = make_ca(name)
        write_files({key: ca.key_pem, cert: ca.cert_pem})
    ca = load_authority(cert, key)
    if not known and _fault(lambda: check_key_pair(ca.cert_pem, ca.key_pem)):
        ca = make_ca(name)
        write_files({key: ca.key_pem, cert: ca.cert_pem})
    return ca


def _make_client_leaf(
    profile: Profile, ca: CertificateAuthority, server_id: str, wanted: uuid.UUID | None
) -> uuid.UUID:
    """The server's own certificate; a good one stays, and decides who we are before config.yaml does."""
    cert, key = _text(profile.client_cert), _text(profile.client_key)
    if not _fault(lambda: _check_leaf(cert, key)):
        named = certificate_uuid(cert)
        if named is not None and wanted in (None, named) and issued_by(cert, ca.cert_pem):
            return named
    own = wanted or uuid.uuid4()
    cert, key = issue_client(ca, own, server_id)
    write_files({profile.client_key: key, profile.client_cert: cert})
    return own


def _make_relay_leaf(profile: Profile, ca: CertificateAuthority, domain: str) -> None:
    cert, key = _text(profile.relay_cert), _text(profile.relay_key)
    if (
        not _fault(lambda: _check_leaf(cert, key))
        and certificate_hosts(cert) == {domain}
        and issued_by(cert, ca.cert_pem)
    ):
        return
    cert, key = issue_server(ca, [domain])
    write_files({profile.relay_key: key, profile.relay_cert: cert})


def _check_leaf(cert: str, key: str) -> None:
    check_key_pair(cert, key)
    if certificate_ends(cert) - datetime.now(UTC) < _RENEW_BEFORE:
        raise Misuse("bad-certificate", "it ends soon")


def _fault(check: Callable[[], None]) -> Misuse | None:
    try:
        check()
    except Misuse as exc:
        return exc
    return None


def _text(path: Path) -> str:
    return Profile(path.parent).read(path).decode("ascii", "replace") if path.exists() else ""
