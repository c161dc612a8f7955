"""The relay of this identity, and a machine for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from .body import Body
from .jobs import JobDocument

__all__ = [
    "BegunDocument",
    "CertificateDocument",
    "CredentialFieldDocument",
    "Credentials",
    "DestroyWish",
    "DnsRecordDocument",
    "MadeScript",
    "OfferDocument",
    "OfferWish",
    "OrderWish",
    "OwnMachineWish",
    "OwnServerWish",
    "PlanDocument",
    "PlanRow",
    "ProviderDocument",
    "ProviderList",
    "RegionDocument",
    "RelayDocument",
    "RemovalDocument",
    "RemovalWish",
    "SizeDocument",
    "SshWish",
]

ProviderName = Annotated[str, Field(max_length=40, examples=["hetzner"])]

Credentials = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[SecretStr, Field(max_length=4096)]],
    Field(
        max_length=8,
        description="By the names of ``/relay/providers``; used for this request and its job, and kept nowhere.",
        examples=[{"token": "..."}],
    ),
]

Domain = Annotated[
    str,
    Field(max_length=253, description="The relay's name in DNS.", examples=["relay.example.org"]),
]


class DnsRecordDocument(BaseModel):
    """What the owner of the name has to set."""

    name: str = Field(examples=["relay.example.org"])
    type: Literal["A", "AAAA"]
    value: str = Field(examples=["203.0.113.7"])


class BegunDocument(BaseModel):
    """A machine, as far as it was made."""

    domain: str = Field(examples=["relay.example.org"])
    provider: str = Field(examples=["hetzner"], description="``manual``: a machine that somebody had.")
    region: str = Field(examples=["nbg1"])
    phase: Literal["making", "made", "destroying"]
    addresses: list[str] = Field(examples=[["203.0.113.7"]])
    records: list[DnsRecordDocument]


class CertificateDocument(BaseModel):
    """What clients are shown by a relay that runs on this machine."""

    source: Literal["own", "file", "web server"]
    file: str
    ends: str = Field(description="ISO 8601; empty where it cannot be read.")
    trouble: str = Field(description="Why it cannot be.")


class RelayDocument(BaseModel):
    """The relay of this identity."""

    kind: Literal["none", "embedded", "standard"] = Field(
        description="``embedded`` runs in this process, ``standard`` on a machine of its own."
    )
    domain: str = Field(examples=["relay.example.org"])
    listen: str = Field(description="Of an embedded one.", examples=[":443"])
    behind_proxy: bool
    ssh_open: bool = Field(description="Of a standard one: port 22 is open to everybody.")
    servers: int = Field(description="Enrolled.", examples=[3])
    certificate: CertificateDocument | None
    begun: BegunDocument | None = Field(description="Of a standard one.")
    job: JobDocument | None = Field(description="The newest work at its machine, running or over.")


class CredentialFieldDocument(BaseModel):
    """One thing that a person has to give."""

    name: str = Field(examples=["token"])
    title: str = Field(examples=["API token"])
    secret: bool
    needed: bool
    help: str


class ProviderDocument(BaseModel):
    """Where a machine can be."""

    name: str = Field(examples=["hetzner"])
    title: str = Field(examples=["Hetzner Cloud"])
    fields: list[CredentialFieldDocument]


class ProviderList(BaseModel):
    """All of them."""

    providers: list[ProviderDocument]


class OfferWish(Body):
    """Whose offer is asked for."""

    provider: ProviderName
    credentials: Credentials
    region: str = Field(default="", max_length=64, description="Whose sizes; empty: the first one's.")


class RegionDocument(BaseModel):
    """One place."""

    name: str = Field(examples=["nbg1"])
    title: str = Field(examples=["Nuremberg"])


class SizeDocument(BaseModel):
    """One kind of machine."""

    name: str = Field(examples=["cx23"])
    title: str = Field(examples=["2 CPUs, 4 GB"])
    price: str | None = Field(description="A month; null: the provider does not say.", examples=["3.49 EUR"])


class OfferDocument(BaseModel):
    """What a provider has for these credentials, which are good."""

    account: str
    regions: list[RegionDocument]
    sizes: list[SizeDocument] = Field(description="In ``region``, the most sensible first.")
    region: str = Field(examples=["nbg1"])
    size: str = Field(examples=["cx23"])


class OrderWish(Body):
    """What somebody wants of a provider."""

    domain: Domain
    provider: ProviderName
    credentials: Credentials
    region: str = Field(
        default="", max_length=64, description="Empty: where it was begun, else the provider's first one."
    )
    size: str = Field(default="", max_length=64, description="Empty: the smallest sensible one.")
    ssh_open: bool | None = Field(
        default=None, description="Port 22 open to everybody; null: as it was, and shut for a new one."
    )


class PlanRow(BaseModel):
    """What a person should read before agreeing."""

    name: str = Field(examples=["price"])
    value: str = Field(examples=["3.49 EUR a month"])


class PlanDocument(BaseModel):
    """What would be made, and what it costs. Nothing is yet."""

    domain: str
    provider: str
    region: str
    size: str
    ssh_open: bool
    price: str = Field(examples=["3.49 EUR a month"])
    rows: list[PlanRow]
    there: bool = Field(description="The machine is there already: to make it is to go on.")


class OwnMachineWish(Body):
    """A machine that somebody has: Debian 12 or Ubuntu 24.04."""

    domain: Domain
    addresses: list[Annotated[str, Field(max_length=64)]] = Field(
        min_length=1, max_length=4, description="The first is what DNS must name.", examples=[["203.0.113.7"]]
    )
    ssh_open: bool | None = None


class MadeScript(BaseModel):
    """What is to be run on that machine as root. It lets its reader join: handle it as a password."""

    file_name: str = Field(examples=["relay.example.org-install.sh"])
    script: str
    command: str = Field(description="How to bring it there and run it.")
    records: list[DnsRecordDocument]


class SshWish(Body):
    """Port 22 of the machine, for everybody."""

    open: bool
    credentials: Credentials = Field(default_factory=dict)


class RemovalWish(Body):
    """Credentials for the provider; none for a machine of one's own."""

    credentials: Credentials = Field(default_factory=dict)


class RemovalDocument(BaseModel):
    """What would be removed."""

    domain: str
    provider: str
    resources: list[str] = Field(
        description="Each thing at the provider.", examples=[["server tw-4f1c09a2b7d3"]]
    )
    has_machine: bool
    words: str


class DestroyWish(RemovalWish):
    """The removal of the machine."""

    domain: Domain = Field(description="The relay's name once more: it must be the right one.")
    without_certificates: bool = Field(
        default=False, description="Go on where its certificates cannot be saved."
    )


class OwnServerWish(Body):
    """A server on this computer, in a context of its own."""

    server: str = Field(min_length=1, max_length=31, examples=["plant-7"])
    use: bool = Field(default=True, description="Whether it becomes the active context.")
