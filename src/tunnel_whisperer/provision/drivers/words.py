"""Failures at a provider in our own words, the same for each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...base.errors import Misuse, PeerFault, Refused, Retry, TwError, Unreachable
from .driver import Found, Region, Resource, Size

__all__ = [
    "Gone",
    "Taken",
    "busy",
    "check_user_data",
    "clash",
    "elsewhere",
    "limit_reached",
    "no_capacity",
    "no_firewall",
    "not_allowed",
    "odd_answer",
    "other_refusal",
    "pick_region",
    "pick_size",
    "still_there",
    "token_refused",
    "too_fast",
    "unreachable",
]


class Taken(Refused):
    """A name or key is there already; drivers look it up."""

    def __init__(self, provider: str, doing: str, said: object) -> None:
        super().__init__("cloud-refused", f"{doing}: it is there already ({said})", where=provider)


class Gone(Refused):
    """What was asked about is not there; drivers that remove it are content."""

    def __init__(self, provider: str, doing: str, said: object) -> None:
        super().__init__("cloud-refused", f"{doing}: it is not there any more ({said})", where=provider)


def token_refused(provider: str, hint: str) -> TwError:
    """Nobody, or not any more."""
    return Refused("cloud-token-refused", "the credentials are not accepted", where=provider, hint=hint)


def not_allowed(provider: str, doing: str, missing: str, hint: str) -> TwError:
    """Somebody, but not for this."""
    return Refused(
        "cloud-permission-missing",
        f"{doing}: the credentials lack {missing}",
        where=provider,
        hint=hint,
    )


def limit_reached(provider: str, doing: str, said: str, hint: str) -> TwError:
    """The account has as many as it may have."""
    return Refused(
        "cloud-quota", f"{doing}: the account's limit is reached ({said})", where=provider, hint=hint
    )


def no_capacity(provider: str, doing: str, said: str) -> TwError:
    """Sold out."""
    return Unreachable(
        "cloud-no-capacity",
        f"{doing}: there is no such machine to be had at the moment ({said})",
        where=provider,
        hint="choose another --size or --region, or run it again later",
    )


def too_fast(provider: str, doing: str) -> TwError:
    """The account asked too much lately."""
    return Refused(
        "cloud-rate-limit",
        f"{doing}: the account has used up its requests for now",
        where=provider,
        hint="wait some minutes and run it again: it goes on where it stopped",
        retry=Retry.BACKOFF,
    )


def unreachable(provider: str, doing: str, said: object) -> TwError:
    """No answer, or one that admits a fault of theirs. Whether the request had an effect is not known."""
    return Unreachable(
        "cloud-unreachable",
        f"{doing}: the provider's API did not answer as it should ({said})",
        where=provider,
        hint="run it again: it looks first what is there, and goes on where it stopped",
    )


def odd_answer(provider: str, doing: str, said: object) -> TwError:
    """An answer that is not what their description promises."""
    return PeerFault("protocol-fault", f"{doing}: an answer that cannot be read ({said})", where=provider)


def other_refusal(provider: str, doing: str, said: object) -> TwError:
    """What no other words fit."""
    return Refused("cloud-refused", f"{doing}: {said}", where=provider)


def busy(provider: str, doing: str, said: object) -> TwError:
    """They are still working on it, and did not come to an end in time."""
    return Unreachable(
        "cloud-busy",
        f"{doing}: still in use or locked ({said})",
        where=provider,
        hint="run it again in a minute",
    )


def clash(provider: str, resource: Resource) -> TwError:
    """The name is somebody else's."""
    return Misuse(
        "exists",
        f"{resource} has our name, but not our tag: it was not made by tw, and is left alone",
        where=provider,
        hint="rename or remove it in the provider's console",
    )


def elsewhere(provider: str, resource: Resource, wanted: str) -> TwError:
    """A relay is in one region."""
    return Misuse(
        "exists",
        f"this relay has {resource} already, not in {wanted}",
        where=provider,
        hint=f"go on with --region {resource.region}, or remove it first: tw destroy relay-server",
    )


def no_firewall(provider: str, relay_id: str) -> TwError:
    """Nothing to open or close."""
    return Misuse("no-such-name", f"relay {relay_id} has no firewall there", where=provider)


def still_there(provider: str, found: Found) -> TwError:
    """The proof that all is gone has failed."""
    return PeerFault(
        "cloud-not-empty",
        f"still there after it was removed: {'; '.join(map(str, found))}",
        where=provider,
        hint="run it again, or remove it in the provider's console: it may cost money",
    )


def check_user_data(provider: str, data: bytes, limit: int) -> None:
    """Refuse what the provider would refuse, before anything is made.

    Raises:
        Misuse: ``user-data-too-big``.
    """
    if len(data) > limit:
        raise Misuse(
            "user-data-too-big",
            f"the machine's user data has {len(data)} bytes, {provider} takes {limit}",
            where=provider,
            hint="enroll some of the servers after the relay was made",
        )


def pick_region(provider: str, regions: Collection[Region], wanted: str) -> Region:
    """The region of that name, the first without a name.

    Raises:
        Misuse: ``no-such-name``.
        Unreachable: ``cloud-no-capacity`` when there is none at all.
    """
    for region in regions:
        if not wanted or region.name == wanted:
            return region
    if not regions:
        raise no_capacity(provider, "choose a region", "none is offered to this account")
    raise _no_such("region", wanted, provider, (region.name for region in regions))


def pick_size(provider: str, sizes: Collection[Size], wanted: str, region: str) -> Size:
    """The size of that name, the first without a name.

    Raises:
        Misuse: ``no-such-name``.
        Unreachable: ``cloud-no-capacity`` when there is none at all.
    """
    for size in sizes:
        if not wanted or size.name == wanted:
            return size
    if not sizes:
        raise no_capacity(provider, f"choose a size in {region}", "none is offered there")
    raise _no_such(f"size in {region}", wanted, provider, (size.name for size in sizes))


def _no_such(what: str, wanted: str, provider: str, there: Iterable[str]) -> TwError:
    return Misuse(
        "no-such-name",
        f"{wanted!r} is no {what} that can be had now",
        where=provider,
        hint=f"one of {', '.join(sorted(there))}",
    )
