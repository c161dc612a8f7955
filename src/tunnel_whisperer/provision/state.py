"""``relay/machine.json``: which relay this machine is making or has made, at which provider.

A hint, and nothing more: it saves asking for the provider and the region, and names the relay.
Whether anything exists is asked of the provider. It is written before the first call that makes
something, so that no machine is ever without a file that knows its id.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from ..base.errors import Misuse
from ..base.limits import MAX_HINT_BYTES
from ..profile import Profile, ensure_directory, locked, remove_file, write_file
from ..tenancy.records import RecordReader, format_record
from .drivers import check_relay_id, new_relay_id

__all__ = ["Hint", "Phase", "begin", "begun_elsewhere", "enter", "forget", "read_hint"]

_MAX_NAME_CHARS = 64
"""Of a provider's or region's name; theirs have up to 20."""

_MAX_ADDRESSES = 4
"""Of one machine; ours have one of each family."""


class Phase(Enum):
    """How far it got."""

    MAKING = "making"
    """Some of it may exist."""
    MADE = "made"
    """The machine has an address."""
    DESTROYING = "destroying"
    """Some of it may still exist."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One relay."""

    provider: str
    region: str
    relay_id: str
    phase: Phase
    begun_at: float
    """Unix time in seconds."""
    addresses: tuple[str, ...] = ()
    """Of the machine, as they were when it was made: the first one is what DNS has to name."""

    def to_text(self) -> str:
        """The file."""
        return format_record(
            {
                "provider": self.provider,
                "region": self.region,
                "relay_id": self.relay_id,
                "phase": self.phase.value,
                "begun_at": self.begun_at,
                "addresses": list(self.addresses),
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str = "") -> Hint:
        """What is in a file.

        Raises:
            Misuse: ``bad-record``.
        """
        reader = RecordReader(
            data, limit=MAX_HINT_BYTES, code="bad-record", where=where, what="record of a relay's machine"
        )
        provider = reader.text("provider", _MAX_NAME_CHARS)
        region = reader.text("region", _MAX_NAME_CHARS)
        relay_id = reader.text("relay_id", _MAX_NAME_CHARS)
        phase = reader.text("phase", _MAX_NAME_CHARS)
        begun_at = reader.moment("begun_at")
        addresses = reader.items("addresses", _MAX_ADDRESSES) if reader.has("addresses") else []
        reader.end()
        for address in addresses:
            if not isinstance(address, str) or not _is_address(address):
                reader.fail("addresses", f"{address!r} is none")
        try:
            check_relay_id(relay_id)
        except Misuse as exc:
            reader.fail("relay_id", exc.why)
        if phase not in {known.value for known in Phase}:
            reader.fail("phase", f"{phase!r} is not known")
        return cls(provider, region, relay_id, Phase(phase), begun_at, tuple(addresses))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _file_of(profile: Profile) -> Path:
    return profile.relay / "machine.json"


def read_hint(profile: Profile) -> Hint | None:
    """The relay that was begun here; None when there is none.

    Raises:
        Misuse: ``bad-record``; ``file-unreadable``.
    """
    path = _file_of(profile)
    if not path.exists():
        return None
    return Hint.parse(profile.read(path), str(path))


def begin(profile: Profile, provider: str, region: str, *, now: float | None = None) -> Hint:
    """A new relay's id, on disk before anything is made; or the one that was begun before.

    Raises:
        Misuse: ``exists`` when that one is at another provider or in another region;
            ``state-not-written``: then nothing may be made.
    """
    with locked(profile):
        hint = read_hint(profile)
        if hint is None:
            hint = Hint(provider, region, new_relay_id(), Phase.MAKING, time.time() if now is None else now)
        elif (hint.provider, hint.region) != (provider, region):
            raise begun_elsewhere(profile, hint)
        else:
            hint = replace(hint, phase=Phase.MAKING)
        _write(profile, hint)
        return hint


def begun_elsewhere(profile: Profile, hint: Hint) -> Misuse:
    """The refusal to begin another one before that one is gone."""
    place = f"{hint.provider} in {hint.region}" if hint.region else hint.provider
    return Misuse(
        "exists",
        f"a relay was begun here at {place}"
        if hint.provider != "manual"
        else "a relay was begun here on a machine of your own",
        where=str(_file_of(profile)),
        hint="go on with that one, or remove it first: tw destroy relay-server",
    )


def enter(profile: Profile, phase: Phase, addresses: tuple[str, ...] = ()) -> None:
    """Remember how far it got.

    Args:
        addresses: of the machine; without any, those of before.

    Raises:
        Misuse: ``not-set-up`` when nothing was begun; ``state-not-written``.
    """
    with locked(profile):
        hint = read_hint(profile)
        if hint is None:
            raise Misuse("not-set-up", "no relay was begun here", where=str(_file_of(profile)))
        _write(profile, replace(hint, phase=phase, addresses=addresses or hint.addresses))


def forget(profile: Profile) -> None:
    """The relay is gone, as its provider says.

    Raises:
        Misuse: ``state-not-written``.
    """
    with locked(profile):
        if _file_of(profile).exists():
            remove_file(_file_of(profile))


def _write(profile: Profile, hint: Hint) -> None:
    ensure_directory(profile.relay)
    write_file(_file_of(profile), hint.to_text())
