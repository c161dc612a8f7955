"""What is done to a relay that is there: compared, healed, opened, removed; and a server beside it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from ...base.errors import Misuse
from ...daemon.changes import Topic
from ...daemon.jobs import Tell
from ...daemon.roles import need_role
from ...operations.own_server import make_own_server
from ...operations.relay_apply import what_differs
from ...operations.relay_flow import RelayOrder, make_relay
from ...operations.relay_machine import bring_to_machine, need_standard
from ...operations.relay_making import relay_identity
from ...operations.relay_removal import look_at_removal, need_machine, remove_relay
from ...operations.relay_ssh_port import asked_provider, close_ssh
from ...operations.steps import DONE, STARTED
from ...profile import Config
from ...provision.drivers import Credentials
from ...tenancy.names import check_server_id
from ..house import House, InHouse, RoleConfig
from ..machine_jobs import (
    DESTROY,
    OWN_SERVER,
    SSH,
    job_document,
    start_at_machine,
    start_change,
)
from ..models.jobs import JobDocument
from ..models.relay import Credentials as Given
from ..models.relay import DestroyWish, OwnServerWish, RemovalDocument, RemovalWish, SshWish
from .contexts import need_free_choice, serve_context
from .relay import given

__all__ = ["DRIFT", "router"]

router = APIRouter(tags=["relay"])

DRIFT = "relay-drift"
"""Kind of the jobs that look for differences, and change nothing."""


@router.post("/relay/drift", status_code=202)
async def compare_machine(house: InHouse, config: RoleConfig) -> JobDocument:
    """What is not on the machine as it should be. Changes nothing."""
    need_role(config, "relay", house.profile)
    need_standard(house.profile, config, ", and takes over every change by itself")
    profile = house.profile

    async def work(tell: Tell) -> dict[str, Any]:
        tell("machine", STARTED, f"looking at {config.relay.domain}")
        found = await what_differs(profile, config)
        tell("machine", DONE, f"{len(found)} differences" if found else "as it should be")
        return {"differences": list(found)}

    job = house.supervisor.jobs.start(DRIFT, f"looking at {config.relay.domain}", work)
    return job_document(job)


@router.post("/relay/apply", status_code=202)
async def apply_to_machine(house: InHouse, config: RoleConfig) -> JobDocument:
    """Make the machine as this context has it; safe to repeat."""
    need_role(config, "relay", house.profile)
    need_standard(house.profile, config, ", and takes over every change by itself")
    return job_document(start_change(house, config, f"bringing {config.relay.domain} up to date"))


@router.post("/relay/ssh", status_code=202)
async def change_ssh(wish: SshWish, house: InHouse, config: RoleConfig) -> JobDocument:
    """Open or shut port 22 of the machine. At a provider this needs credentials."""
    profile = house.profile
    hint = await asyncio.to_thread(asked_provider, profile, config)
    credentials = None if hint is None else given(hint.provider, wish.credentials)
    domain = config.relay.domain

    async def work(tell: Tell) -> None:
        if not wish.open:
            await close_ssh(profile, config, credentials, tell)
        elif hint is not None and credentials is not None:
            order = RelayOrder(domain, hint.provider, hint.region, ssh_open=True)
            await make_relay(profile, order, credentials, tell)
        else:
            relay = await asyncio.to_thread(relay_identity, profile, domain, True, tell)
            await bring_to_machine(profile, relay.config, lambda words: tell("machine", STARTED, words))
            tell("machine", DONE, f"port 22 of {domain} is open")

    what = "opening" if wish.open else "shutting"
    return job_document(start_at_machine(house, SSH, f"{what} port 22 of {domain}", work))


@router.post("/relay/destroy/look")
async def look_at_destruction(wish: RemovalWish, house: InHouse, config: RoleConfig) -> RemovalDocument:
    """What would be removed. Removes nothing."""
    credentials = await _for_removal(house, config, wish.credentials)
    found = await look_at_removal(house.profile, config, credentials)
    return RemovalDocument.model_validate(found.to_json())


@router.post("/relay/destroy", status_code=202)
async def destroy_machine(wish: DestroyWish, house: InHouse, config: RoleConfig) -> JobDocument:
    """Remove the machine and all that belongs to it; its servers lose it. The keys stay here, so
    that the same relay can be made again."""
    profile = house.profile
    credentials = await _for_removal(house, config, wish.credentials)
    if wish.domain.strip().lower() != config.relay.domain:
        raise Misuse(
            "bad-argument",
            f"this is the relay {config.relay.domain}, and not the name that was given",
            hint="type the relay's name to say that you mean it",
        )

    async def work(tell: Tell) -> dict[str, Any]:
        without = wish.without_certificates
        removed = await remove_relay(profile, config, credentials, tell, without_certificates=without)
        return removed.to_json()

    title = f"removing the machine of {config.relay.domain}"
    return job_document(start_at_machine(house, DESTROY, title, work))


@router.post("/relay/own-server", status_code=202)
async def add_own_server(wish: OwnServerWish, house: InHouse, config: RoleConfig) -> JobDocument:
    """Make a server on this computer, enrol it, and switch to it."""
    profile, supervisor = house.profile, house.supervisor
    need_role(config, "relay", profile)
    need_standard(profile, config, ": enrol a server of another computer")
    check_server_id(wish.server)
    if wish.use:
        need_free_choice(house)

    async def work(tell: Tell) -> dict[str, Any]:
        made = await make_own_server(supervisor.contexts, profile, config, wish.server, tell, use=wish.use)
        if wish.use:
            await serve_context(house, made.context)
        supervisor.changes.mark(*Topic)
        return {"server": wish.server, "context": made.context.id, "switched": wish.use}

    return job_document(start_at_machine(house, OWN_SERVER, f"making the server {wish.server}", work))


async def _for_removal(house: House, config: Config, values: Given) -> Credentials | None:
    """None for a machine of one's own."""
    hint = await asyncio.to_thread(need_machine, house.profile, config)
    return None if hint.provider == "manual" else given(hint.provider, values)
