"""The pages, a file for each kind of thing."""

from __future__ import annotations

from fastapi import APIRouter

from . import audit, home, jobs, log, servers, tests

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    log.router,
    audit.router,
    jobs.router,
    tests.router,
    servers.router,
)
