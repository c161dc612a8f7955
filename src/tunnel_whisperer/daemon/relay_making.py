"""From a machine that has an address to a relay that works: name, certificate, first change.

Each part is looked at anew, so that a run which was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable

from ..base.errors import Retry, TwError
from .relay_waiting import Seen, look_at_https, look_at_name, wait_for
from .standard_relay import StandardRelay

__all__ = ["See", "bring_up"]

See = Callable[[str, Seen], None]
"""Is told the part (``dns``, ``https``, ``tunnel``), and how it stands; it is over when that is good."""


async def bring_up(relay: StandardRelay, addresses: tuple[str, ...], see: See) -> None:
    """Wait for the world as long as it takes, then bring to the machine what the context has.

    Args:
        addresses: of the machine, the first being the one that the name must have.

    Raises:
        TwError: what no waiting changes.
    """
    endpoint = relay.endpoint()
    # Then it has its real certificate only from that visit.
    visit_first = relay.begins_with_saved

    async def first_change() -> Seen:
        try:
            await relay.apply(lambda step: see("tunnel", Seen(False, step)))
        except TwError as exc:
            if exc.retry is Retry.NEVER:
                raise
            return Seen(False, f"not yet ({exc})")
        return Seen(True, "it works, through the relay itself")

    await wait_for(
        lambda: look_at_name(endpoint.address.host, addresses, proxied=endpoint.proxy is not None),
        lambda seen: see("dns", seen),
    )
    if visit_first:
        await wait_for(first_change, lambda seen: see("tunnel", seen))
    await wait_for(lambda: look_at_https(endpoint), lambda seen: see("https", seen))
    if not visit_first:
        await wait_for(first_change, lambda seen: see("tunnel", seen))
