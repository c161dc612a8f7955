"""Where a relay's machine can be, what each provider has to be shown, and what it offers.

Credentials are handed on and forgotten: they are in no step, no log and no file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import Misuse
from ..base.values import Secret
from ..provision.drivers import PROVIDERS, Account, Credentials, Driver, Plan, Region, Size, open_driver
from .relay_order import MANUAL

__all__ = [
    "CredentialField",
    "Offer",
    "ProviderInfo",
    "ask_offer",
    "credentials_of",
    "needed",
    "open_account",
    "providers",
]

_TOKEN, _KEY_ID, _SECRET_KEY, _SESSION = "token", "key_id", "secret_key", "session_token"


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing that a person has to give."""

    name: str
    """Key of what ``credentials_of`` takes."""
    title: str
    secret: bool
    """Whether it must not be shown while it is typed."""
    needed: bool
    variable: str
    """Where the provider's own tools look for it."""
    help: str = ""


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """One choice."""

    name: str
    title: str
    fields: tuple[CredentialField, ...]
    """What it has to be shown; none for a machine that one has."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        fields = [
            {
                "name": field.name,
                "title": field.title,
                "secret": field.secret,
                "needed": field.needed,
                "help": field.help,
            }
            for field in self.fields
        ]
        return {"name": self.name, "title": self.title, "fields": fields}


_HELP = {
    "hetzner": "Cloud Console, the project, Security, API tokens: with read and write",
    "digitalocean": "Control panel, API, Tokens: with full access",
    "aws": "IAM, Users, Security credentials: of a user that may use EC2",
}


def _fields(name: str) -> tuple[CredentialField, ...]:
    variables, where = PROVIDERS[name].variables, _HELP.get(name, "")
    if len(variables) == 1:
        return (CredentialField(_TOKEN, "API token", True, True, variables[0], where),)
    secret, key_id, session = variables
    return (
        CredentialField(_KEY_ID, "Access key id", False, True, key_id, where),
        CredentialField(_SECRET_KEY, "Secret access key", True, True, secret),
        CredentialField(_SESSION, "Session token", True, False, session, "of temporary credentials alone"),
    )


def providers() -> tuple[ProviderInfo, ...]:
    """All that there is to choose from; asks nobody."""
    known = [ProviderInfo(name, each.title, _fields(name)) for name, each in PROVIDERS.items()]
    return (*known, ProviderInfo(MANUAL, "a machine that you have: Debian 12 or Ubuntu 24.04", ()))


def credentials_of(provider: str, values: Mapping[str, str]) -> Credentials:
    """What somebody filled in, by the names of ``ProviderInfo.fields``.

    Raises:
        Misuse: ``no-such-name`` for a provider; ``bad-argument`` for what is missing, unknown or
            cannot be one, without the value.
    """
    if provider not in PROVIDERS:
        raise Misuse(
            "no-such-name",
            f"{provider[:40]!r} is no provider that takes credentials",
            hint=", ".join(PROVIDERS),
        )
    fields = _fields(provider)
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    for field in fields:
        if field.needed and field.name not in given:
            raise Misuse("bad-argument", f"the {field.title.lower()} is missing", where=field.name)
    if unknown := sorted(given.keys() - {field.name for field in fields}):
        raise Misuse("bad-argument", f"{provider} has no use for it", where=unknown[0][:40])
    session = given.get(_SESSION)
    secret = Secret(given.get(_TOKEN) or given.get(_SECRET_KEY, ""))
    return Credentials(secret, given.get(_KEY_ID, ""), Secret(session) if session else None)


def needed(provider: str, credentials: Credentials | None) -> Credentials:
    """Credentials without which nothing can be asked of this provider.

    Raises:
        Misuse: ``bad-argument``.
    """
    if credentials is None:
        raise Misuse("bad-argument", f"this needs credentials for {provider}")
    return credentials


def open_account(provider: str, credentials: Credentials) -> Driver:
    """A driver whose credentials were tried, before anything is made; blocks.

    Raises:
        Misuse: ``no-such-name``, ``cloud-sdk-missing``.
        TwError: the provider's refusal.
    """
    driver = open_driver(provider, credentials)
    driver.check()
    return driver


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider has for these credentials, now."""

    account: Account
    regions: tuple[Region, ...]
    sizes: tuple[Size, ...]
    """In the region of ``default``, the most sensible first."""
    default: Plan
    """What would be made if nobody chose."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "account": self.account.name,
            "regions": [{"name": each.name, "title": each.title} for each in self.regions],
            "sizes": [
                {
                    "name": each.name,
                    "title": str(each).partition(": ")[2],
                    "price": str(each.monthly) if each.monthly else None,
                }
                for each in self.sizes
            ],
            "region": self.default.region.name,
            "size": self.default.size.name,
        }


async def ask_offer(provider: str, credentials: Credentials, region: str = "") -> Offer:
    """Try the credentials, and ask what there is.

    Args:
        region: whose sizes; empty: of the provider's first one.

    Raises:
        Misuse: ``no-such-name``, ``cloud-sdk-missing``.
        TwError: the provider's refusal.
    """

    def ask() -> Offer:
        driver = open_driver(provider, credentials)
        account = driver.check()
        plan = driver.plan(region)
        return Offer(account, driver.regions(), driver.sizes(plan.region.name), plan)

    return await asyncio.to_thread(ask)
