"""The servers of a relay: who is enrolled, connected, invited; and the changing of it.

At a relay on a machine of its own, a change is made here at once, and brought there by a job.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from ...base.counters import Counters
from ...base.errors import Misuse
from ...daemon.changes import Topic
from ...daemon.jobs import JobState, Tell
from ...daemon.roles import need_role
from ...operations.relay_machine import need_standard
from ...operations.steps import DONE, STARTED
from ...operations.tenant_rows import ask_machine, server_rows
from ...operations.tenants import admit, dismiss, invite, response_again, withdraw
from ...profile import Config
from ..house import House, InHouse, Live, RoleConfig
from ..machine_jobs import job_document, need_idle_machine, start_change
from ..models.jobs import JobDocument
from ..models.servers import (
    EnrolledDocument,
    InvitationDocument,
    InvitationWish,
    MadeInvitation,
    RemovedDocument,
    ResponseDocument,
    ServerDocument,
    ServerList,
    ServerRequest,
)

__all__ = ["ASK", "Counted", "counted_of", "router"]

router = APIRouter(tags=["servers"])

ASK = "relay-ask"
"""Kind of the jobs that ask a relay's machine who is connected."""

Bytes = Mapping[str, tuple[int, int]]


async def counted_of(house: InHouse) -> Bytes | None:
    """Bytes up and down of each server since the relay was started; on the loop, where they grow."""
    root = house.supervisor.root
    counters = root.counters() if root is not None else None
    if not isinstance(counters, Counters) or counters.role != "relay":
        return None
    found: dict[str, tuple[int, int]] = {}
    for each in counters.traffic:
        up, down = found.get(each.tenant, (0, 0))
        found[each.tenant] = (up + each.up, down + each.down)
    return found


Counted = Annotated[Bytes | None, Depends(counted_of)]
Search = Annotated[str, Query(max_length=64, description="A part of the id.")]


@router.get("/servers")
def list_servers(
    house: InHouse, config: RoleConfig, live: Live, counted: Counted, q: Search = ""
) -> ServerList:
    """Who is enrolled, who is connected now, and who is invited."""
    told: Mapping[str, Any] | None = None
    asked_at = None
    if config.relay.kind == "standard":
        asked_at, told = _asked(house)
    elif live is not None:
        told = {str(tenant["server"]): tenant for tenant in live.get("tenants", ())}
    rows = server_rows(house.profile, config, told)
    servers = [row for row in rows if row["invited_until"] is None]
    wanted = q.strip().lower()
    return ServerList(
        kind=config.relay.kind,
        servers=[_document(row, counted) for row in servers if wanted in row["server"]],
        invitations=[
            InvitationDocument(name=row["server"], until=row["invited_until"])
            for row in rows
            if row["invited_until"] is not None and wanted in row["server"]
        ],
        enrolled=len(servers),
        known=told is not None,
        asked_at=asked_at,
    )


@router.post("/servers", status_code=201)
async def enroll_server(wish: ServerRequest, house: InHouse, config: RoleConfig) -> EnrolledDocument:
    """Admit a server. Safe to repeat: the same request gets the same response."""
    _need_idle(house, config)
    made = await asyncio.to_thread(admit, house.profile, config, wish.request, port=wish.port)
    house.supervisor.changes.mark(Topic.SERVERS)
    return EnrolledDocument(
        server=made.server_id,
        file_name=made.file_name,
        response=made.response,
        job=_brought(house, config, f"bringing {made.server_id} to the relay"),
    )


@router.post("/servers/invitations", status_code=201)
def invite_server(wish: InvitationWish, house: InHouse, config: RoleConfig) -> MadeInvitation:
    """Let whoever has the token make one server a tenant, once. The token is not kept."""
    end = time.time() + wish.hours * 3600
    token = invite(house.profile, config, wish.name, expires=end, port=wish.port)
    house.supervisor.changes.mark_from_thread(Topic.SERVERS)
    until = datetime.fromtimestamp(token.expires, UTC).isoformat(timespec="seconds")
    return MadeInvitation(token=token.to_text(), name=token.name, until=until)


@router.delete("/servers/invitations/{name}")
def withdraw_invitation(name: str, house: InHouse, config: RoleConfig) -> RemovedDocument:
    """Take an invitation back that nobody has used; no server is removed by it."""
    removed = withdraw(house.profile, config, name)
    house.supervisor.changes.mark_from_thread(Topic.SERVERS)
    return RemovedDocument(removed=removed)


@router.post("/servers/ask", status_code=202)
async def ask_who_is_connected(house: InHouse, config: RoleConfig) -> JobDocument:
    """Ask the machine of a relay that runs nothing of ours who is connected; the list has it then."""
    need_role(config, "relay", house.profile)
    need_standard(house.profile, config, ", and tells it by itself")

    async def work(tell: Tell) -> dict[str, Any]:
        tell("machine", STARTED, f"asking {config.relay.domain}")
        live = await ask_machine(house.profile, config)
        online = sorted(server for server, row in live.items() if row["online"])
        tell("machine", DONE, f"{len(online)} of {len(live)} servers are connected")
        house.supervisor.changes.mark(Topic.SERVERS)
        return {"online": online, "servers": sorted(live)}

    return job_document(house.supervisor.jobs.start(ASK, "asking who is connected", work))


@router.get("/servers/{server}")
def get_server(
    server: str, house: InHouse, config: RoleConfig, live: Live, counted: Counted
) -> ServerDocument:
    """One of them."""
    found = list_servers(house, config, live, counted).servers
    for each in found:
        if each.server == server:
            return each
    raise Misuse("no-such-name", f"no server {server[:40]!r} is enrolled", hint="GET /servers has them all")


@router.get("/servers/{server}/response")
def get_response(
    server: str,
    house: InHouse,
    config: RoleConfig,
    port: Annotated[int | None, Query(ge=1, le=65535, description="That clients dial.")] = None,
) -> ResponseDocument:
    """The response for a server that is enrolled, once more."""
    made = response_again(house.profile, config, server, port=port)
    return ResponseDocument(server=made.server_id, file_name=made.file_name, response=made.response)


@router.delete("/servers/{server}")
async def unenroll_server(server: str, house: InHouse, config: RoleConfig) -> RemovedDocument:
    """Remove a server: its connections end at once, and its users lose it."""
    _need_idle(house, config)
    removed = await asyncio.to_thread(dismiss, house.profile, config, server)
    house.supervisor.changes.mark(Topic.SERVERS)
    return RemovedDocument(removed=removed, job=_brought(house, config, f"cutting off {removed}"))


# -- what is shown ---------------------------------------------------------------------------------------


def _brought(house: House, config: Config, title: str) -> JobDocument | None:
    return job_document(start_change(house, config, title)) if config.relay.kind == "standard" else None


def _need_idle(house: House, config: Config) -> None:
    if config.relay.kind == "standard":
        need_idle_machine(house)


def _asked(house: House) -> tuple[float | None, Mapping[str, Any] | None]:
    """When the machine was asked last, and what it said; nothing is known of a server since."""
    for job in house.supervisor.jobs.all():
        if job.kind == ASK and job.state is JobState.DONE:
            online = set(job.result["online"])
            known = job.result["servers"]
            return job.ended, {name: {"online": name in online, "streams": None} for name in known}
    return None, None


def _document(row: Mapping[str, Any], counted: Bytes | None) -> ServerDocument:
    counts: tuple[int | None, int | None] = (None, None)
    if counted is not None:
        counts = counted.get(row["server"], (0, 0))
    return ServerDocument(
        server=row["server"],
        port=row["port"],
        enrolled=row["enrolled"],
        online=row["online"],
        since=row["since"],
        streams=row["sessions"],
        up=counts[0],
        down=counts[1],
    )
