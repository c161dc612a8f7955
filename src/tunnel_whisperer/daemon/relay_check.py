"""What a relay's configuration has to be, apart from the relay: commands ask before they keep any of it."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import HostPort
from ..net.tls import server_context
from ..profile import RelayConfig

__all__ = ["check_relay", "parse_listen"]


def parse_listen(text: str) -> HostPort:
    """``:443``, ``443``, ``host:443`` or ``[v6]:443``; without a host: every interface, IPv4 and 6.

    Port 0 picks a free one.

    Raises:
        Misuse: ``bad-argument``.
    """
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]" in text else ("", "", text)
    everywhere = not host
    if port == "0":
        parsed = HostPort.parse(f"{host or '0.0.0.0'}:1")
        return replace(parsed, host="::" if everywhere else parsed.host, port=0)
    parsed = HostPort.parse(f"{host or '0.0.0.0'}:{port}")
    return replace(parsed, host="::" if everywhere else parsed.host)


def _need_own_machine(listen: HostPort) -> None:
    """Whoever reaches the plain port names the certificate that he likes: only the web server may.

    Raises:
        Misuse: ``bad-argument``.
    """
    try:
        own = ipaddress.ip_address(listen.host).is_loopback
    except ValueError:
        own = listen.host == "localhost"
    if not own:
        raise Misuse(
            "bad-argument",
            f"behind a web server the relay listens on this machine alone, not on {listen.host}",
            hint="--listen 127.0.0.1:8080; for a web server on another machine, let it connect by a tunnel",
        )


def check_relay(relay: RelayConfig) -> HostPort:
    """What a relay refuses of its configuration, to be asked before any of it is kept.

    Returns:
        Where it will listen.

    Raises:
        Misuse: ``bad-argument``; ``file-unreadable``, ``bad-certificate`` for a certificate of one's own.
    """
    listen = parse_listen(relay.listen)
    if relay.behind_proxy:
        _need_own_machine(listen)
    elif bool(relay.cert) != bool(relay.key):
        raise Misuse("bad-argument", "a certificate and its key go together", hint="--cert FILE --key FILE")
    elif relay.cert:
        server_context(Path(relay.cert), Path(relay.key), (), alpn=("h2",))
    return listen
