"""Making a machine a client with a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..base.errors import Misuse
from ..pki import check_public_key
from ..profile import ClientConfig, Config, Profile, format_config, load_config, locked, write_files
from .contents import FILES, BundleContents

__all__ = ["install_bundle"]

_IDENTITY = ("id_ed25519", "client.key")
"""Files that no two users share; the first that is there decides: a certificate is renewed with a new key."""

_BESIDE = "keep both: tw import FILE.zip --activate, then tw connect"


def install_bundle(profile: Profile, contents: BundleContents) -> Config:
    """Put the bundle into the profile: config.yaml last, and nothing at all when the disk is full.

    A later bundle of the same user brings its new tunnels; what this machine set for itself (proxy,
    logging, interface, port overrides, transport) stays. The same bundle once more changes nothing,
    nor does one of an older revision than what is there.

    Returns:
        The configuration as it is now.

    Raises:
        Misuse: ``exists`` when there is another identity, ``wrong-role``, ``state-not-written``.
    """
    with locked(profile):
        before = load_config(profile.config) if profile.config.exists() else None
        if before is not None and before.mode != "client":
            raise Misuse(
                "wrong-role",
                f"this directory is a {before.mode}'s, and this bundle makes a client",
                where=str(profile.directory),
                hint=_BESIDE,
            )
        present = {
            name: profile.read(profile.directory / name)
            for name in FILES
            if (profile.directory / name).exists()
        }
        known = next((name for name in _IDENTITY if name in present), None)
        if known is not None and present[known] != contents.files[known]:
            raise Misuse(
                "exists",
                f"there is {_who(present)} here already",
                where=str(profile.directory),
                hint=_BESIDE,
            )
        if before is not None and len(present) == len(FILES) and _is_older(contents.config, before):
            return before
        config = _merged(contents.config, before)
        wanted = {**contents.files, "config.yaml": _text(contents, config, before, present)}
        # FILES begins with config.yaml, which must come last.
        order = [name for name in (*FILES[1:], FILES[0]) if present.get(name) != wanted[name]]
        write_files({profile.directory / name: wanted[name] for name in order})
        return config


def _is_older(given: Config, before: Config) -> bool:
    return given.client.revision < before.client.revision


def _who(present: Mapping[str, bytes]) -> str:
    try:
        line = present["id_ed25519.pub"].decode("ascii")
        check_public_key(line)
        return f"the identity {line.split()[2]}"
    except (KeyError, IndexError, ValueError, Misuse):
        return "another identity"


def _merged(config: Config, before: Config | None) -> Config:
    """The bundle's configuration with what belongs to this machine."""
    if before is None:
        return config
    return replace(
        config,
        proxy=before.proxy,
        log_level=before.log_level,
        log_format=before.log_format,
        analytics=before.analytics,
        xray=replace(config.xray, transport=before.xray.transport, http=before.xray.http),
        client=replace(
            config.client,
            listen_address=before.client.listen_address,
            port_overrides=_overrides_that_fit(config.client, before.client),
        ),
    )


def _overrides_that_fit(given: ClientConfig, before: ClientConfig) -> tuple[tuple[int, int], ...]:
    """This machine's port overrides, as far as the new tunnels leave room for them."""
    ports = {entry.local_port for entry in given.tunnels}
    kept = tuple(pair for pair in before.port_overrides if pair[0] in ports)
    local = [grant.local_port for grant in replace(given, port_overrides=kept).grants()]
    return kept if len(set(local)) == len(local) else ()


def _text(
    contents: BundleContents, config: Config, before: Config | None, present: Mapping[str, bytes]
) -> bytes:
    """config.yaml as it is to be; one that says the same already stays, comments and all."""
    if config == before:
        return present["config.yaml"]
    if config == contents.config:
        return contents.files["config.yaml"]
    return format_config(config).encode()
