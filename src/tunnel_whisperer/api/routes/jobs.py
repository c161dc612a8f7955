"""Long work: looked at, left, come back to, cancelled."""

from __future__ import annotations

from fastapi import APIRouter

from ..house import InHouse
from ..models.jobs import JobDocument, JobList

__all__ = ["router"]

router = APIRouter(tags=["jobs"])


@router.get("/jobs")
async def list_jobs(house: InHouse) -> JobList:
    """All that this process remembers, the newest first."""
    return JobList(jobs=[JobDocument.model_validate(job.to_json()) for job in house.supervisor.jobs.all()])


@router.get("/jobs/{job_id}")
async def get_job(job_id: str, house: InHouse) -> JobDocument:
    """One of them, with its steps."""
    return JobDocument.model_validate(house.supervisor.jobs.get(job_id).to_json())


@router.post("/jobs/{job_id}/cancel", status_code=202)
async def cancel_job(job_id: str, house: InHouse) -> JobDocument:
    """Ask it to stop. What it did so far stays, and is found again by the next one of its kind."""
    return JobDocument.model_validate(house.supervisor.jobs.cancel(job_id).to_json())
