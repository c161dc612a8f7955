"""The packet filter: 443 and 80 (for ACME and the redirect), and 22 where it was asked for.

A second wall behind listening on loopback alone. Of what is loaded only our table is touched: rules
of others stay, and both have to let a packet in (nft(8): a drop in any chain is final). The file
that is loaded at boot is ours; the installation keeps what was in it beside it, as ``.before-tw``.
"""

from __future__ import annotations

from .site import Site

__all__ = ["firewall"]

_TEXT = """\
#!/usr/sbin/nft -f
table inet tw
delete table inet tw
table inet tw {{
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iif lo accept
        meta l4proto {{ icmp, icmpv6 }} accept
        udp dport {{ 68, 546 }} accept comment "DHCP answers"
        tcp dport {{ {ports} }} accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"""


def firewall(site: Site) -> str:
    """The text of ``/etc/nftables.conf``."""
    layout = site.layout
    ports = [layout.http_port, layout.https_port, *([layout.ssh_port] if site.ssh_open else [])]
    return _TEXT.format(ports=", ".join(map(str, sorted(ports))))
