"""A site whose rendering can be compared with files: nothing in it is drawn."""

from __future__ import annotations

import uuid
from functools import lru_cache

from tunnel_whisperer.pki import make_ca
from tunnel_whisperer.provision.standard import Layout, Site, SiteTenant

__all__ = ["ca", "key", "site", "tenant"]


@lru_cache
def ca(name: str) -> str:
    """A CA of that name."""
    return make_ca(name).cert_pem


def key(number: int) -> str:
    """What looks like a public key to a renderer."""
    return f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{number:043d}"


def tenant(name: str, number: int) -> SiteTenant:
    """The tenant on port 20000 and ``number``."""
    return SiteTenant(
        name,
        uuid.UUID(int=number),
        ca(name),
        key(number),
        20000 + number,
    )


def site(**changes: object) -> Site:
    """Two tenants and an administrator."""
    given = {
        "tenants": (tenant("plant", 0), tenant("mill", 1)),
        "admin_keys": (key(99),),
        "host_key": "PRIVATE\n",
        "layout": Layout(slots=3),
    }
    return Site("relay.example.org", **(given | changes))  # type: ignore[arg-type]
