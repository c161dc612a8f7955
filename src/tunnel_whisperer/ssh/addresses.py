"""Host and port as an SSH peer writes them."""

from __future__ import annotations

from ..base.errors import Misuse
from ..base.values import HostPort

__all__ = ["peer_address"]


def peer_address(host: bytes, port: int) -> HostPort | None:
    """The canonical address; None for anything that is not one name or address and one port.

    So ``*``, the empty host and port 0 ("any") are None: nothing here is granted wholesale.
    """
    try:
        return HostPort.parse(f"[{host.decode('ascii')}]:{port}")
    except (UnicodeDecodeError, Misuse):
        return None
