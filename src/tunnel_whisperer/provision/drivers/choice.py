"""From a provider's name and somebody's credentials to a driver; its library is loaded only then."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...base.errors import Misuse
from .credentials import Credentials
from .driver import Driver

__all__ = ["PROVIDERS", "Provider", "open_driver"]


@dataclass(frozen=True, slots=True)
class Provider:
    """How to reach one."""

    title: str
    """For people."""
    module: str
    """Of the driver."""
    driver: str
    """The class in it; takes credentials."""
    libraries: tuple[str, ...]
    """What the module needs besides our own dependencies; come with the extra of the provider's name."""
    variables: tuple[str, ...]
    """Where the provider's own tools look for credentials: secret, key id, session token."""


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "hetzner": Provider("Hetzner Cloud", "hetzner", "HetznerDriver", ("hcloud",), ("HCLOUD_TOKEN",)),
        "digitalocean": Provider(
            "DigitalOcean", "digitalocean", "DigitalOceanDriver", (), ("DIGITALOCEAN_TOKEN",)
        ),
        "aws": Provider(
            "AWS",
            "aws",
            "AwsDriver",
            ("boto3", "botocore"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"),
        ),
    }
)
"""The providers by the name that ``--provider`` takes."""


def open_driver(name: str, credentials: Credentials) -> Driver:
    """The driver of a provider; asks nothing of it yet.

    Raises:
        Misuse: ``no-such-name``; ``cloud-sdk-missing``.
    """
    provider = PROVIDERS.get(name)
    if provider is None:
        raise Misuse(
            "no-such-name", f"{name!r} is no provider", hint=f"one of {', '.join(sorted(PROVIDERS))}"
        )
    try:
        module: Any = importlib.import_module(f".{provider.module}", __package__)
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] not in provider.libraries:
            raise
        raise Misuse(
            "cloud-sdk-missing",
            f"the Python library {exc.name} is not installed",
            where=name,
            hint=f"pip install 'tunnel-whisperer[{name}]'",
        ) from exc
    driver: Driver = getattr(module, provider.driver)(credentials)
    return driver
