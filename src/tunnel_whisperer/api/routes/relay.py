"""The relay of this identity, and the making of a machine for it.

Credentials come with the request that needs them, and are forgotten after it, or after its job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import SecretStr

from ...base.errors import Misuse
from ...daemon.jobs import Tell
from ...operations.providers import ask_offer as ask_provider
from ...operations.providers import credentials_of, providers
from ...operations.relay_about import about_relay
from ...operations.relay_flow import RelayOrder, ask_plan, make_relay, wait_for_relay
from ...operations.relay_making import begun, begun_at, relay_before, take_own_machine
from ...operations.relay_order import MANUAL, check_address, check_domain, dns_records
from ...operations.steps import quiet
from ...provision.drivers import Credentials
from ..house import House, InHouse
from ..machine_jobs import MAKE, job_document, last_at_machine, need_idle_machine, start_at_machine
from ..models.jobs import JobDocument
from ..models.relay import (
    DnsRecordDocument,
    MadeScript,
    OfferDocument,
    OfferWish,
    OrderWish,
    OwnMachineWish,
    PlanDocument,
    ProviderList,
    RelayDocument,
)

__all__ = ["check_order", "given", "router"]

router = APIRouter(tags=["relay"])


def given(provider: str, values: Mapping[str, SecretStr]) -> Credentials:
    """Credentials out of a request.

    Raises:
        Misuse: ``no-such-name`` for the provider, ``bad-argument`` without a value in it.
    """
    return credentials_of(provider, {name: value.get_secret_value() for name, value in values.items()})


def check_order(house: House, domain: str, provider: str) -> str:
    """What is refused of an order before anybody is asked; reads files.

    Returns:
        The domain in small letters.

    Raises:
        Misuse: ``bad-argument``; ``wrong-role``; ``exists`` where another relay, or one at another
            provider, was begun.
    """
    name = check_domain(domain)
    relay_before(house.profile)
    begun_at(house.profile, name, provider)
    return name


@router.get("/relay")
def get_relay(house: InHouse) -> RelayDocument:
    """Which kind of relay this is, and how far its machine was made."""
    last = last_at_machine(house)
    job = None if last is None else job_document(last)
    return RelayDocument.model_validate({**about_relay(house.profile).to_json(), "job": job})


@router.get("/relay/providers")
def list_providers() -> ProviderList:
    """Where a machine can be, and which credentials each place wants."""
    return ProviderList.model_validate({"providers": [each.to_json() for each in providers()]})


@router.post("/relay/offer")
async def ask_offer(wish: OfferWish) -> OfferDocument:
    """Try the credentials, and ask for regions, sizes and prices. Makes nothing."""
    offer = await ask_provider(wish.provider, given(wish.provider, wish.credentials), wish.region)
    return OfferDocument.model_validate(offer.to_json())


@router.post("/relay/plan")
async def plan_machine(wish: OrderWish, house: InHouse) -> PlanDocument:
    """What would be made, and what it costs. Makes nothing."""
    credentials = given(wish.provider, wish.credentials)
    asked = await ask_plan(house.profile, _order(wish), credentials)
    return PlanDocument.model_validate(asked.to_json())


@router.post("/relay/machine", status_code=202)
async def make_machine(wish: OrderWish, house: InHouse) -> JobDocument:
    """Make it, and wait until it works. Whatever is there already is found again; the same request
    goes on where it was."""
    profile, order, credentials = house.profile, _order(wish), given(wish.provider, wish.credentials)

    async def work(tell: Tell) -> dict[str, Any]:
        return (await make_relay(profile, order, credentials, tell)).to_json()

    return job_document(start_at_machine(house, MAKE, f"making the relay {order.domain}", work))


@router.post("/relay/own-machine", status_code=201)
async def take_machine(wish: OwnMachineWish, house: InHouse) -> MadeScript:
    """Use a machine that you have: makes the script that is to be run there. The same again gives it
    once more."""
    need_idle_machine(house)
    domain = check_domain(wish.domain)
    addresses = tuple(check_address(each.strip()) for each in wish.addresses)
    made = await asyncio.to_thread(take_own_machine, house.profile, domain, addresses, wish.ssh_open, quiet)
    return MadeScript(
        file_name=made.file_name,
        script=made.script.decode(),
        command=made.command(made.file_name),
        records=[DnsRecordDocument.model_validate(x.to_json()) for x in dns_records(domain, addresses)],
    )


@router.post("/relay/own-machine/script")
async def get_script(house: InHouse) -> MadeScript:
    """The script for the machine that was named before, once more."""
    known = await asyncio.to_thread(begun, house.profile)
    if known is None or known.provider != MANUAL:
        raise Misuse("not-set-up", "this relay is on no machine of your own", hint="name its address first")
    return await take_machine(OwnMachineWish(domain=known.domain, addresses=list(known.addresses)), house)


@router.post("/relay/wait", status_code=202)
async def wait_for_machine(house: InHouse) -> JobDocument:
    """Go on with a machine that is there: wait for its name and its certificate, and bring to it what
    is enrolled. Needs no credentials."""
    profile = house.profile
    about = await asyncio.to_thread(about_relay, profile)
    if about.begun is None:
        raise Misuse("not-set-up", "no machine of a relay is there yet", hint="make one first")

    async def work(tell: Tell) -> dict[str, Any]:
        return (await wait_for_relay(profile, tell)).to_json()

    return job_document(start_at_machine(house, MAKE, f"waiting for the relay {about.domain}", work))


def _order(wish: OrderWish) -> RelayOrder:
    return RelayOrder(check_domain(wish.domain), wish.provider, wish.region, wish.size, wish.ssh_open)
