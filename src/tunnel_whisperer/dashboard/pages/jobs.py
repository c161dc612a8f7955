"""Long work: all of it, and one piece to look at, come back to, or stop."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse
from ...api.routes.jobs import cancel_job, get_job, list_jobs
from ..page import ThisForm, ThisPage

__all__ = ["job_values", "router"]

router = APIRouter()

_PAGES = (
    ("test-port-", "/ports", "Ports"),
    ("test-", "/tests", "Tests"),
    ("verify-", "/audit", "Audit"),
    ("relay-", "/relay", "Relay machine"),
)
"""Where work of a kind is begun: the first that its kind begins with."""


@router.get("/jobs")
async def show_jobs(page: ThisPage, house: InHouse) -> Response:
    """All that is remembered."""
    found = await list_jobs(house)
    return page.show("jobs.html", jobs=[job_values(job.model_dump()) for job in found.jobs])


@router.get("/jobs/{job_id}")
async def show_job(job_id: str, page: ThisPage, house: InHouse) -> Response:
    """One of them, as it goes on."""
    found = await get_job(job_id, house)
    return page.show("job.html", job=job_values(found.model_dump()))


@router.post("/jobs/{job_id}/cancel")
async def stop_job(job_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Ask it to stop, and go back to where the button was."""
    found = await cancel_job(job_id, house)
    back = form.text("back")
    return page.go(back if any(back == path for _, path, _ in _PAGES) else f"/jobs/{found.id}")


def job_values(job: dict[str, Any]) -> dict[str, Any]:
    """As templates take it, with the page where it was begun."""
    home = next(((path, title) for kind, path, title in _PAGES if job["kind"].startswith(kind)), None)
    return {**job, "home": home}
