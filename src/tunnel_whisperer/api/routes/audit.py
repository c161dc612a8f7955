"""The audit record: read a page at a time, and verified."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ...daemon.jobs import Tell
from ...operations.audit_reading import AuditWish, audit_page, moment, need_record
from ...operations.audit_verifying import verify_record
from ...operations.steps import DONE, STARTED
from ..house import InHouse, RoleConfig
from ..models.audit import AuditDocument, VerifyWish
from ..models.jobs import JobDocument

__all__ = ["PAGE", "VERIFY", "router"]

router = APIRouter(tags=["audit"])

VERIFY = "verify-audit"
"""Kind of the jobs that verify the record."""

PAGE = 100
"""Records of one page, unless another number is asked for."""

User = Annotated[
    str, Query(max_length=64, description="Only what this user, server or admin did, or underwent.")
]
Event = Annotated[str, Query(max_length=64, description="Only this event; see the reference.")]
Since = Annotated[
    str, Query(max_length=40, description="From then on: 2026-12-24T18:00 in local time, or 90m, 12h, 7d.")
]
Before = Annotated[int, Query(ge=0, le=2**53, description="``before`` of the page before; 0: the newest.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Records of one page.")]


@router.get("/audit")
def read_audit(
    house: InHouse,
    config: RoleConfig,
    user: User = "",
    event: Event = "",
    since: Since = "",
    before: Before = 0,
    limit: Limit = PAGE,
) -> AuditDocument:
    """Who did what, the newest first. A page may hold fewer records than it could, and even none, and
    still name an older one: then it has looked long enough."""
    wish = AuditWish(user, moment(since), event)
    found = audit_page(house.profile, config, wish, before=before, limit=limit)
    return AuditDocument.model_validate(found.to_json())


@router.post("/audit/verify", status_code=202)
async def verify_audit(wish: VerifyWish, house: InHouse, config: RoleConfig) -> JobDocument:
    """Go along the whole chain of hashes. The job fails with ``audit-broken`` where a link does not hold;
    ``result`` has the last hash, to be noted elsewhere."""
    need_record(config, house.profile)

    async def work(tell: Tell) -> dict[str, Any]:
        tell("chain", STARTED, "reading all records")
        found = await asyncio.to_thread(verify_record, house.profile, config, wish.contains)
        if found.fault is not None:
            raise found.fault
        tell("chain", DONE, found.in_words()[0])
        return found.to_json()

    job = house.supervisor.jobs.start(VERIFY, "the audit record", work)
    return JobDocument.model_validate(job.to_json())
