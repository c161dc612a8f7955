"""Services of ours inside a session: a channel to one of these names ends in the process itself.

    about.tw.invalid:1   at the server, for its users: what the server's record of the user says
    claim.tw.invalid:1   at the server, for who has an invitation: become that user
    join.tw.invalid:1    at the relay, for who has an invitation: become a tenant

``.invalid`` never resolves (RFC 6761 section 6.4), so no such name is ever dialled by mistake.
"""

from __future__ import annotations

from .values import HostPort

__all__ = ["ABOUT", "CLAIM", "INVITED", "JOIN", "is_service"]

ABOUT = HostPort("about.tw.invalid", 1)
CLAIM = HostPort("claim.tw.invalid", 1)
JOIN = HostPort("join.tw.invalid", 1)

INVITED = "tw-invited"
"""SSH user name, at the server, of one who has an invitation and nothing else yet."""


def is_service(target: HostPort) -> bool:
    """Whether the name is one of ours, also one that this version does not know."""
    return target.host == "tw.invalid" or target.host.endswith(".tw.invalid")
