"""The role as a service of this machine: whether it runs by itself, and having it do so."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ...base.errors import Misuse
from ...operations.service_acts import Service, service_advice, service_of
from ..house import House, InHouse
from ..models.contexts import RunningValue
from ..models.settings import ServiceDocument, ServicePlace, ServiceWish

__all__ = ["find_service", "router", "service_document"]

router = APIRouter(tags=["service"])

System = Annotated[
    bool | None,
    Query(description="true: starts with the machine; false: when its user logs in; left out: what suits."),
]


def find_service(house: House, system: bool | None) -> Service:
    """The service of the identity that is served.

    Raises:
        TwError: there can be none.
    """
    for context in house.contexts.survey()[0]:
        if context.profile == house.profile:
            return service_of(house.contexts, context, system=system)
    raise Misuse("not-set-up", "there is no identity here yet, so there is nothing to run", hint="tw status")


def _asked(house: InHouse, system: System = None) -> Service:
    return find_service(house, system)


@router.get("/service")
def get_service(service: Annotated[Service, Depends(_asked)]) -> ServiceDocument:
    """How the service of this identity stands, as the system's manager says."""
    return service_document(service)


@router.post("/service/install")
def install_service(wish: ServiceWish, house: InHouse) -> ServiceDocument:
    """Have the role run by itself from now on."""
    service = find_service(house, wish.system)
    service.install(start=wish.start)
    return service_document(service)


@router.post("/service/start")
def start_service(wish: ServicePlace, house: InHouse) -> ServiceDocument:
    """Start it, or start it again."""
    service = find_service(house, wish.system)
    service.start()
    return service_document(service)


@router.post("/service/stop")
def stop_service(wish: ServicePlace, house: InHouse) -> ServiceDocument:
    """End it in order; it starts again with the machine. Where it is this very process, nobody answers."""
    service = find_service(house, wish.system)
    service.manager.stop(service.plan)
    return service_document(service)


@router.post("/service/uninstall")
def uninstall_service(wish: ServicePlace, house: InHouse) -> ServiceDocument:
    """Stop it and forget it. Where it is this very process, nobody answers."""
    service = find_service(house, wish.system)
    service.manager.uninstall(service.plan)
    return service_document(service)


def service_document(service: Service) -> ServiceDocument:
    """The service as it is now."""
    state, plan, holder = service.state(), service.plan, service.holder()
    since = (
        None if holder is None else datetime.fromtimestamp(holder.since, UTC).isoformat(timespec="seconds")
    )
    return ServiceDocument(
        name=plan.name,
        title=plan.title,
        manager=state.manager,
        system=plan.system,
        command=" ".join(plan.command),
        installed=state.installed,
        enabled=state.enabled,
        running=state.running,
        says=state.says,
        file=state.file,
        log_command=service.manager.log_command(plan),
        is_this=state.running and state.pid == os.getpid(),
        holder=None
        if holder is None
        else RunningValue(pid=holder.pid or None, command=holder.command, since=since),
        advice=service_advice(service.config, state.manager, system=plan.system),
    )
